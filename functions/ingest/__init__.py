"""Registers an upload: probe, thumbnail, status rows."""
