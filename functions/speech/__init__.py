"""Voice activity, transcript, translation."""
