"""Who is who: the identity of a video, and of a version of it.

A *video* is a place (bucket and key); a *version* is what lies there. See ADR 0002 for how versions are
put in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

# uuid5(NAMESPACE_DNS, "kadr"): every id of the project hangs below it.
NAMESPACE = UUID("0e3f1651-24fb-5b4a-bcbb-070eb4d1fa65")


def video_id(bucket: str, key: str) -> UUID:
    """Return the identity of the video at ``key`` in ``bucket``.

    The same place always has the same id, so that points, rows and messages can be found again without
    a look-up. ``/`` cannot occur in a bucket's name, so no two places share an id.
    """
    return uuid5(NAMESPACE, f"{bucket}/{key}")


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """What lies at a key right now, as a HEAD request tells it."""

    version: str  # the bucket's version id, or the ETag where it keeps no versions
    etag: str
    size: int  # bytes
    modified_at: datetime
    content_type: str
