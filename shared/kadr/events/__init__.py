"""Message schemas, one per kind of message, versioned.

A consumer accepts every ``schema_version`` up to its own; a producer writes the newest.
"""

from kadr.events.messages import ModalityExtracted, ObjectCreated, ObjectRemoved

__all__ = ["ModalityExtracted", "ObjectCreated", "ObjectRemoved"]
