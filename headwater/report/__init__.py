"""Values turned into text for people and JSON for programs. Nothing here decides or looks anything up."""
