"""What a stack has indexed, read into memory and ranked there: `kadr evaluate --ablation`, `kadr tune`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kadr.cli.failure import CommandError

if TYPE_CHECKING:
    from kadr.cli.api import Api, QueryUnderstanding, VideoStatus
    from kadr.cli.target import Target
    from kadr.core.fusion import Calibration
    from kadr.core.rankers import EmbeddedQuery, IndexedVideo
    from kadr.core.ranking import Ranking
    from kadr.ports.embedding import TextEmbedder

BATCH = 100  # videos read at a time: 128 vectors of 1280 numbers are a megabyte


@dataclass(frozen=True)
class Collection:
    """The videos of a stack, the constants that it ranks with, and the encoders of its queries.

    ``spreads`` are the calibrations of "visual" and "text". An encoder is ``None`` where its weights are not
    installed; then that side of a query scores nothing, as in search.
    """

    videos: tuple[IndexedVideo, ...]
    ranking: Ranking
    spreads: Mapping[str, Calibration]
    clip: TextEmbedder | None
    text: TextEmbedder | None

    def embed(self, queries: Sequence[QueryUnderstanding]) -> list[EmbeddedQuery]:
        """Return queries as search compares them, from how the API understood them."""
        from kadr.core.rankers import EmbeddedQuery
        from kadr.core.search_syntax import parse_search

        asked = [parse_search(query.translated or query.corrected or query.original) for query in queries]
        english = [" ".join(filter(None, (each.open, *each.phrases))) for each in asked]
        clip = None if self.clip is None else self.clip.embed(english)
        text = None if self.text is None else self.text.embed(english)
        return [
            EmbeddedQuery(
                None if clip is None else clip[at],
                None if text is None else text[at],
                tuple((each.text, each.weight) for each in query.words),
            )
            for at, query in enumerate(queries)
        ]


def read_collection(
    target: Target, api: Api, models_dir: Path, *, progress: Callable[[int], None] = lambda _: None
) -> Collection:
    """Read every searchable video of a stack: vectors from Qdrant, moments from PostgreSQL.

    Both must be reachable from here. The queries' encoders are those in ``models_dir``.

    Raises:
        CommandError: there are no videos, or they were indexed by other weights than those installed here.
        DependencyError: Qdrant or PostgreSQL does not answer.
    """
    from kadr.adapters.ledger import PostgresLedger
    from kadr.adapters.qdrant_search import QdrantVideoSearch
    from kadr.adapters.ranking_store import PostgresRankingStore
    from kadr.cli.database import database, vector_database
    from kadr.core.modality import Modality
    from kadr.core.rankers import IndexedVideo
    from kadr.core.ranking import RANKED
    from kadr.models.catalogue import Role, calibration

    known = list(api.every_video(state="searchable"))
    if not known:
        raise CommandError(
            "Nothing is indexed, so there is nothing to rank. Upload videos with `kadr upload`."
        )
    clip, text = _encoders(models_dir)
    _check_versions(known, clip, text)
    variables = target.function_environment("IngestFunction")
    index = QdrantVideoSearch(vector_database(target, variables, timeout=30))
    videos = []
    with database(target, variables) as postgres:
        ledger = PostgresLedger(postgres)
        ranking = PostgresRankingStore(postgres).active()
        for batch in _batches(known):
            ids = [video.video_id for video in batch]
            stored = index.stored(ids, [str(modality) for modality in RANKED])
            moments = ledger.moments(ids)
            videos += [
                IndexedVideo(
                    video.key,
                    {Modality(name): vector for name, vector in stored[video.video_id].vectors.items()},
                    moments.get(video.video_id, {}),
                )
                for video in batch
                if video.video_id in stored
            ]
            progress(len(videos))
    return Collection(
        videos=tuple(videos),
        ranking=ranking,
        spreads={
            "visual": calibration(Role.VISUAL, "" if clip is None else clip.model_version),
            "text": calibration(Role.TEXT, "" if text is None else text.model_version),
        },
        clip=clip,
        text=text,
    )


def _encoders(models_dir: Path) -> tuple[TextEmbedder | None, TextEmbedder | None]:
    """Return the encoders of a query's visual and textual side, as far as their weights are installed."""
    from kadr.adapters.clip import ClipText
    from kadr.adapters.minilm import MiniLM
    from kadr.models.registry import installed

    visual, text = installed("visual", models_dir), installed("text", models_dir)
    if visual is None and text is None:
        raise CommandError(
            f"No weights that embed queries are installed in {models_dir}. Fetch them (`kadr models "
            "pull text`), or say with --models where they are."
        )
    return (
        None if visual is None else ClipText(visual.directory),
        None if text is None else MiniLM(text.directory),
    )


def _check_versions(
    videos: Iterable[VideoStatus], clip: TextEmbedder | None, text: TextEmbedder | None
) -> None:
    """Refuse queries in one space and videos in another: what comes out looks like figures.

    Of text encoders the name is compared alone: whoever converts one elsewhere gets other bytes.
    """
    for encoder, names in ((clip, ("visual",)), (text, ("ocr", "speech"))):
        versions = {
            stage.model_version
            for video in videos
            for stage in video.stages
            if stage.stage in names and stage.state == "done" and stage.model_version
        }
        if encoder is None or not versions:
            continue
        name = encoder.model_version if encoder is clip else encoder.model_version.partition("@")[0]
        others = sorted(version for version in versions if name not in version)
        if others:
            raise CommandError(
                f"Videos were indexed with {', '.join(others)}, and {encoder.model_version} is installed "
                "here: queries could not be compared with them. Say with --models where the same weights "
                "are, or have the videos extracted again with `kadr extract`."
            )


def _batches(videos: Sequence[VideoStatus]) -> Iterable[Sequence[VideoStatus]]:
    for start in range(0, len(videos), BATCH):
        yield videos[start : start + BATCH]
