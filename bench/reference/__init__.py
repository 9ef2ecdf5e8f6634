"""The reference methods, re-implemented from their descriptions: what Kadr is compared with."""
