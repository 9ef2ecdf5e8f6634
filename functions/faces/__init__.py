"""Who appears."""
