"""Removes a deleted video everywhere."""
