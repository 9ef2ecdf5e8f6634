"""The demo Whisper: speech of a synthesiser, Russian and English."""
