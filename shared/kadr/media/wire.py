"""The messages that the decoding child sends through its pipe.

A message is a fixed header (two unsigned integers: bytes of JSON, bytes of payload), a JSON object
with a ``kind``, and raw bytes. Kinds: ``info`` (facts), ``frame`` (RGB or RGBA bytes), ``audio`` (float32
samples), ``unopened`` (the codecs of sound that is not opened), ``error`` (an error of the media tree by
name), ``end``. The child is not trusted: the reader checks every size before it allocates.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

HEADER = struct.Struct("!IQ")
MAX_JSON = 65_536  # bytes; facts are a few hundred

Message = tuple[dict[str, Any], bytes]


def write_message(pipe: BinaryIO, facts: dict[str, Any], payload: bytes = b"") -> None:
    """Write one message and flush it."""
    import json

    body = json.dumps(facts, allow_nan=False).encode()
    pipe.write(HEADER.pack(len(body), len(payload)))
    pipe.write(body)
    pipe.write(payload)
    pipe.flush()
