"""The child in which media is decoded: ``python -m kadr.media.worker JOB``.

``JOB`` is a JSON object: ``kind`` (``probe``, ``frames`` or ``audio``), ``path``, ``limits``, and what
the kind needs. The answer goes to standard output as messages of :mod:`kadr.media.wire`. The process
gives up what it does not need before it looks at the file: see :mod:`kadr.media.sandbox`.
"""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO

from kadr.core.errors import MediaError, MediaLimitError
from kadr.media.limits import MEBIBYTE, MediaLimits
from kadr.media.sandbox import confine
from kadr.media.wire import write_message


def main(job: dict[str, Any], pipe: BinaryIO) -> None:
    """Confine this process, do the job, and write its messages to ``pipe``."""
    limits = MediaLimits(**job["limits"])
    confine(limits, parent=job["parent"])
    try:
        from kadr.media import decoder

        messages = {
            "probe": decoder.probe_messages,
            "frames": decoder.frame_messages,
            "audio": decoder.audio_messages,
        }[job["kind"]]
        for facts, payload in messages(job, limits):
            write_message(pipe, facts, payload)
        write_message(pipe, {"kind": "end"})
    except MediaError as error:
        write_message(pipe, {"kind": "error", "error": type(error).__name__, "message": str(error)})
    except MemoryError:
        message = f"decoding it needs more memory than the {limits.max_memory // MEBIBYTE} MiB allowed"
        write_message(pipe, {"kind": "error", "error": MediaLimitError.__name__, "message": message})


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]), sys.stdout.buffer)
    except BrokenPipeError:
        # the parent has seen enough; leave without a traceback, and without flushing into nothing
        import os

        os._exit(0)
