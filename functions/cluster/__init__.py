"""Finds themes and people across videos, on schedule."""
