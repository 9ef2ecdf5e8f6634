"""Opening untrusted video safely; frames, audio."""
