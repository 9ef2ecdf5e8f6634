"""Joins a video's modalities into the search vector."""
