"""The kadr command."""
