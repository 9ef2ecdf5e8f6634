"""Finding themes in a real Qdrant and a real PostgreSQL, while videos come, change and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

pytest.importorskip("qdrant_edge")
pytest.importorskip("hdbscan")

from kadr.adapters.postgres import Postgres
from kadr.adapters.qdrant import Qdrant, QdrantVectorIndex
from kadr.adapters.qdrant_search import QdrantVideoSearch
from kadr.adapters.qdrant_themes import QdrantThemedIndex
from kadr.adapters.theme_store import PostgresThemeStore
from kadr.core.extraction import Vector
from kadr.core.modality import Modality
from kadr.ports.search import Likeness, Where
from kadr.ports.themes import NamedBy
from kadr.runtime import themes
from kadr.runtime.themes import Summary, find_themes
from tests.local_qdrant import LocalQdrant

SUBJECTS = {
    "борщ": "Как варить борщ: рецепт борща",
    "йога": "Йога дома: тренировка утром",
    "ремонт": "Ремонт крана своими руками",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalQdrant]:
    started = LocalQdrant(tmp_path_factory.mktemp("qdrant"))
    started.start()
    yield started
    started.end()


@dataclass
class Collection:
    """Videos in both databases, as extractors and assemble leave them."""

    postgres: Postgres
    qdrant: Qdrant
    no_models: Path
    generator: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def __post_init__(self) -> None:
        self.store = PostgresThemeStore(self.postgres)
        self.themed = QdrantThemedIndex(self.qdrant)
        self.index = QdrantVectorIndex(self.qdrant)
        shapes = np.random.default_rng(1).normal(size=(len(SUBJECTS) + 1, 896))
        self.shapes = dict(zip([*SUBJECTS, ""], shapes, strict=True))

    def near(self, subject: str, part: slice, noise: float = 0.5) -> Vector:
        vector = self.shapes[subject][part] + self.generator.normal(0, noise, len(self.shapes[subject][part]))
        found: Vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        return found

    def add(
        self,
        subject: str,
        *,
        seen: bool = True,
        written: bool = True,
        group: str = "",
        video_id: UUID | None = None,
        strange: bool = False,
    ) -> UUID:
        video_id = video_id or uuid4()
        with self.postgres.transaction() as connection:
            connection.execute(
                "INSERT INTO video (video_id, bucket, key, generation, version, etag, size, content_type,"
                " modified_at, searchable) VALUES (%s, 'media', %s, 1, '1', 'e', 1, 'video/mp4', now(), true)"
                " ON CONFLICT DO NOTHING",
                (video_id, f"{video_id}.mp4"),
            )
            if written and subject:
                connection.execute(
                    "INSERT INTO moment (video_id, modality, position, starts_at, ends_at, text, language,"
                    " confidence) VALUES (%s, 'ocr', 0, 0, 1, %s, 'ru', 0.9) ON CONFLICT DO NOTHING",
                    (video_id, SUBJECTS[subject]),
                )
        vectors = {}
        if seen:
            vectors[Modality.VISUAL] = self.near(subject, slice(0, 512), 9.0 if strange else 0.5)
        if written:
            vectors[Modality.OCR] = self.near(subject, slice(512, 896), 9.0 if strange else 0.5)
        for modality, vector in vectors.items():
            self.index.write_vector(video_id, 1, str(modality), vector, {})
        weights = {str(modality): 1 / len(vectors) for modality in vectors}
        self.index.write_search(
            video_id,
            1,
            fused=None,
            words=None,
            payload={"weights": weights, "group": group or str(video_id), "key": f"{video_id}.mp4"},
        )
        return video_id

    def run(self) -> Summary:
        return find_themes(self.themed, self.store, models_dir=self.no_models)

    def themes(self) -> dict[str, int]:
        return {each.name: each.videos for each in self.store.listed(limit=50)[0]}

    def filtered(self, theme_id: UUID) -> set[UUID]:
        """Return what a search finds that is filtered by a theme."""
        like = Likeness(self.near("борщ", slice(0, 512)), "visual")
        hits = QdrantVideoSearch(self.qdrant).search([like], None, Where(themes=(str(theme_id),)))
        return {hit.video_id for hit in hits}


@pytest.fixture
def videos(postgres: Postgres, server: LocalQdrant, tmp_path: Path) -> Iterator[Collection]:
    qdrant = Qdrant(server.url, api_key=lambda: None, timeout=20)
    qdrant.ensure()
    yield Collection(postgres, qdrant, tmp_path)
    name = server.client().get_aliases().aliases[0].collection_name
    server.client().delete_collection(name)


@pytest.fixture
def three(videos: Collection) -> Collection:
    """Six videos of each subject, and one that is like no other."""
    for subject in SUBJECTS:
        for _ in range(6):
            videos.add(subject)
    videos.add("", strange=True)
    return videos


def test_themes_are_found_named_listed_and_filtered_by(three: Collection) -> None:
    done = three.run()
    assert (done.videos, done.themes, done.kept, done.outside) == (19, 3, 0, 1)
    assert done.changed == 18
    names = three.themes()
    assert sorted(names.values()) == [6, 6, 6]
    assert any("орщ" in name for name in names)
    assert any("ога" in name.lower() for name in names)
    for each in three.store.listed(limit=10)[0]:
        listed = {member.video_id for member in three.store.members(each.theme_id, limit=50)}
        assert three.filtered(each.theme_id) == listed


def test_a_second_run_changes_nothing(three: Collection) -> None:
    three.run()
    before = {each.theme_id: each.name for each in three.store.themes()}
    done = three.run()
    assert (done.kept, done.changed) == (3, 0)
    assert {each.theme_id: each.name for each in three.store.themes()} == before


def test_ids_and_editors_names_outlive_new_videos(three: Collection) -> None:
    three.run()
    cooking = next(each for each in three.store.themes() if "орщ" in each.name)
    three.store.rename(cooking.theme_id, "Супы")
    for _ in range(4):
        three.add("борщ")
        three.add("йога")
    done = three.run()
    assert done.kept == 3
    found = three.store.record(cooking.theme_id)
    assert found is not None
    assert (found.name, found.named_by, found.videos) == ("Супы", NamedBy.EDITOR, 10)


def test_an_editors_theme_outlives_a_run_that_does_not_see_it(three: Collection) -> None:
    three.run()
    repair = next(each for each in three.store.themes() if "емонт" in each.name.lower())
    three.store.rename(repair.theme_id, "Ремонт")
    for gone in [each.video_id for each in three.store.members(repair.theme_id, limit=50)][:4]:
        three.index.forget(gone)
        with three.postgres.transaction() as connection:
            connection.execute("DELETE FROM video WHERE video_id = %s", (gone,))
    three.run()  # two videos make no theme
    assert three.themes()["Ремонт"] == 2


def test_videos_outside_of_the_sample_have_themes_too(
    three: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = [three.add(subject) for subject in SUBJECTS for _ in range(10)]
    monkeypatch.setattr(themes, "LARGEST_SAMPLE", 40)
    done = three.run()
    assert done.videos == 49
    assert done.themes >= 3
    outside = sorted(three.store.assigned(added).items())[-5:]  # of 49, the last ones by id
    assert sum(theme is not None for _, theme in outside) >= 3


def test_a_video_that_has_left_is_in_no_theme(three: Collection) -> None:
    three.run()
    theme = three.store.themes()[0]
    moved = three.store.members(theme.theme_id, limit=1)[0].video_id
    three.add("", video_id=moved, strange=True)
    three.run()
    assert three.store.assigned([moved]) == {moved: None}
    assert moved not in three.filtered(theme.theme_id)


def test_what_the_two_databases_say_differently_is_put_right(three: Collection) -> None:
    three.run()
    one, other = (each.theme_id for each in three.store.themes()[:2])
    member = three.store.members(one, limit=1)[0].video_id
    with three.postgres.transaction() as connection:
        connection.execute("UPDATE video SET theme_id = %s WHERE video_id = %s", (other, member))
    assert three.run().changed == 1
    assert three.store.assigned([member]) == {member: one}


def test_videos_that_lack_a_modality_have_themes_too(three: Collection) -> None:
    silent = [three.add("йога", written=False) for _ in range(4)]
    unseen = [three.add("борщ", seen=False) for _ in range(4)]
    three.run()
    assert None not in three.store.assigned([*silent, *unseen]).values()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_handful_of_videos_is_no_failure(videos: Collection, count: int) -> None:
    for subject in list(SUBJECTS)[:count]:
        videos.add(subject)
    done = videos.run()
    assert (done.videos, done.themes, done.outside) == (count, 0, count)


def test_copies_of_one_video_are_no_theme(videos: Collection) -> None:
    for _ in range(8):
        videos.add("борщ", group="one")
    assert videos.run().themes == 0


def test_identical_videos_are_no_failure(videos: Collection) -> None:
    same = videos.near("борщ", slice(0, 512))
    for _ in range(8):
        one = videos.add("борщ", written=False)
        videos.index.write_vector(one, 1, "visual", same, {})
    assert videos.run().videos == 8


def test_two_connections_are_enough(three: Collection) -> None:
    """As many as a command and most functions have; one of them holds the lock of the run."""
    address = three.postgres._address
    few = Postgres(address, credentials=lambda: {"username": "postgres", "password": ""}, max_size=2)
    try:
        done = find_themes(three.themed, PostgresThemeStore(few), models_dir=three.no_models)
    finally:
        few.close()
    assert done.changed == 18


def test_a_run_beside_another_one_does_nothing(three: Collection) -> None:
    with PostgresThemeStore(three.postgres).exclusively():
        assert three.run().busy
    assert three.store.themes() == []
    assert not three.run().busy
