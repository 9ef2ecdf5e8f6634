"""Kadr: search short videos by what is seen, written, said and who appears in them."""

__version__ = "0.1.0"
