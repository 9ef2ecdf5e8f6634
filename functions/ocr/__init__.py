"""Text on screen."""
