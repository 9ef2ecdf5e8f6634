"""Erasing one video."""

from __future__ import annotations

from kadr.adapters.ledger import derived_prefixes
from kadr.events import ObjectRemoved
from kadr.runtime.wiring import World


def purge(message: ObjectRemoved, world: World, derived_bucket: str) -> bool:
    """Erase the video unless its bucket holds it (again); return whether it was erased.

    Order: pictures and points first, rows last, all under the row's lock. If it breaks off half-way, the
    row is still there and the retry does everything again.
    """
    video_id = message.video_id

    def erase() -> None:
        world.index.forget(video_id)
        world.faces.forget(video_id)
        for prefix in derived_prefixes(video_id):
            world.objects.delete_prefix(derived_bucket, prefix)

    return world.ledger.purge(video_id, lambda: world.objects.head(message.bucket, message.key), erase)
