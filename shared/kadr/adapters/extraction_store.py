"""The ledger's stages in PostgreSQL, in bulk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from kadr.adapters.ledger import refresh_state
from kadr.adapters.postgres import Postgres
from kadr.core.modality import Stage, StageState
from kadr.ports.extracting import Choice, Made, Place

# Seconds after which nobody comes any more: as long as a message may wait between two tries, and some.
_GRACE = 1200.0
# Far more than the queue of assemblies ever holds; whoever comes after all finds the job to do.
_ASSEMBLY_GRACE = 6 * 3600.0
_KILLED = (
    "its function was stopped before it was done, for want of memory or of time: "
    "`kadr extract --state dead` tries again"
)
_LOST = (
    "it was not put together: its function was stopped, or its message was lost. An editor can try it again "
    "on the page"
)
# Also of what other weights have failed at since: the result that there is stays.
_OF_MODEL = "(strpos(model_version, %s) > 0 OR strpos(made_with, %s) > 0)"
_PAGE = 100


class PostgresExtractions:
    """Implements :class:`kadr.ports.extracting.Extractions`."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def now(self) -> datetime:
        """Return the time by the database's clock."""
        with self._postgres.transaction() as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None  # noqa: S101 - a SELECT of a function always has a row
        found: datetime = row[0]
        return found

    def bury(self) -> int:
        """Say of stages whose worker was killed that they are dead; see the port."""
        # With the stage named, an index finds them.
        forsaken = (
            "(stage = ANY(%(stages)s) AND state = 'running'"
            " AND lease_until < now() - make_interval(secs => %(grace)s)"  # and not begun again
            # Its 'running' is never seen: it is one transaction.
            " OR stage = 'assemble' AND state = 'queued'"
            " AND updated_at < now() - make_interval(secs => %(assembly)s))"
        )
        meant = {"stages": list(Stage), "grace": _GRACE, "assembly": _ASSEMBLY_GRACE}
        buried = 0
        while True:
            with self._postgres.transaction() as connection:
                found = connection.execute(
                    f"SELECT DISTINCT video_id FROM extraction WHERE {forsaken}"  # noqa: S608
                    " ORDER BY video_id LIMIT %(page)s",
                    meant | {"page": _PAGE},
                ).fetchall()
                if not found:
                    return buried
                videos = [video_id for (video_id,) in found]
                connection.execute(
                    "SELECT FROM video WHERE video_id = ANY(%s) ORDER BY video_id FOR UPDATE", (videos,)
                )
                buried += connection.execute(
                    "UPDATE extraction SET state = 'dead', lease_until = NULL, updated_at = now(),"  # noqa: S608
                    " reason = CASE WHEN stage = 'assemble' THEN %(lost)s ELSE %(killed)s END"
                    f" WHERE video_id = ANY(%(videos)s) AND {forsaken}",
                    meant | {"lost": _LOST, "killed": _KILLED, "videos": videos},
                ).rowcount
                for video_id in videos:
                    refresh_state(connection, video_id)

    def made(
        self, stages: Collection[Stage], *, before: datetime | None = None, prefix: str = ""
    ) -> list[Made]:
        """Return what there is, the largest part of a stage first."""
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT stage, extraction.state, model_version, coalesce(made_with, model_version), count(*),"
                " coalesce(sum(duration_ms), 0) / 1000.0, coalesce(sum(cost_usd), 0)"
                " FROM extraction JOIN video USING (video_id)"
                " WHERE video.generation > 0 AND stage = ANY(%s) AND starts_with(key, %s)"
                " AND (%s::timestamptz IS NULL OR extraction.updated_at < %s)"
                " GROUP BY stage, extraction.state, model_version, coalesce(made_with, model_version)"
                " ORDER BY count(*) DESC, model_version, extraction.state",
                (list(stages), prefix, before, before),
            ).fetchall()
        found = [
            Made(Stage(stage), StageState(state), version, made_with, videos, float(seconds), float(cost))
            for stage, state, version, made_with, videos, seconds, cost in rows
        ]
        order = list(Stage)
        return sorted(found, key=lambda each: order.index(each.stage))

    def requeue(
        self, choice: Choice, *, after: UUID, limit: int, send: Callable[[Sequence[Place]], None]
    ) -> list[Place]:
        """Set the next videos of a choice to queued; see the port."""
        meant = (list(choice.states), choice.made_with, choice.made_with, choice.before)
        with self._postgres.transaction() as connection:
            rows = connection.execute(
                "SELECT video_id, bucket, key FROM video JOIN extraction USING (video_id)"  # noqa: S608
                " WHERE video.generation > 0 AND stage = %s AND extraction.state = ANY(%s)"
                f" AND {_OF_MODEL} AND extraction.updated_at < %s"
                " AND starts_with(key, %s) AND video_id > %s"
                " ORDER BY video_id LIMIT %s FOR UPDATE OF video",
                (choice.stage, *meant, choice.prefix, after, limit),
            ).fetchall()
            # Whoever held a row may have changed its stage before we got it.
            changed = connection.execute(
                "UPDATE extraction SET state = 'queued', reason = '',"  # noqa: S608
                " lease_until = NULL, updated_at = now()"
                " WHERE video_id = ANY(%s) AND stage = %s AND state = ANY(%s)"
                f" AND {_OF_MODEL} AND updated_at < %s RETURNING video_id",
                ([row[0] for row in rows], choice.stage, *meant),
            ).fetchall()
            still = {video_id for (video_id,) in changed}
            places = [Place(*row) for row in rows]
            meant_still = [place for place in places if place.video_id in still]
            for place in meant_still:
                refresh_state(connection, place.video_id)
            if meant_still:
                send(meant_still)
        return places
