"""Column lineage, checks and evidence."""
