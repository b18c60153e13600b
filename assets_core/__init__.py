"""The pure domain of Headwater: values and decisions, no input or output."""
