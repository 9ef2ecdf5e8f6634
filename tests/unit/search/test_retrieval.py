"""Pages, near duplicates, diversity and similar videos, over a fake of the index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.search.reading import Reading
from functions.search.retrieval import QueryVectors, Retrieval, Wanted
from kadr.core.errors import WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.core.fusion import FUSED_DIMENSIONS, VISUAL_DIMENSIONS, fuse_query
from kadr.core.modality import Modality
from kadr.core.query import Understood
from kadr.core.ranking import Ranking, Spread
from kadr.core.search_syntax import parse_search
from kadr.ports.search import ExactWords, Likeness, StoredVideo, Where
from kadr.ports.vectors import Hit

RANKING = Ranking(calibration={"visual": Spread(0.2, 0.04), "text": Spread(0.05, 0.1)}, emphasis=2.0)
CLIP = np.eye(1, VISUAL_DIMENSIONS, dtype=np.float32)[0]
TEXT = np.eye(1, 384, dtype=np.float32)[0]
BOTH = QueryVectors(clip=CLIP, text=TEXT)


def video(number: int) -> UUID:
    return UUID(int=number + 1)


@dataclass
class FakeIndex:
    """Implements ``VideoSearch`` with a fixed list of hits; keeps what was asked."""

    hits: list[Hit] = field(default_factory=list)
    videos: dict[UUID, StoredVideo] = field(default_factory=dict)
    asked: list[tuple[list[Likeness], ExactWords | None, Where]] = field(default_factory=list)
    having_given: Sequence[Hit] | None = None

    def search(
        self,
        likenesses: Sequence[Likeness],
        words: ExactWords | None,
        where: Where,
        *,
        having: Sequence[Hit] | None = None,
    ) -> list[Hit]:
        self.asked.append((list(likenesses), words, where))
        self.having_given = having
        return self.hits

    def having(self, words: ExactWords, where: Where) -> list[Hit]:
        self.asked.append(([], words, where))
        return self.hits[:1]

    def stored(self, video_ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, StoredVideo]:
        return {
            each: StoredVideo(
                {name: vector for name, vector in self.videos[each].vectors.items() if name in names},
                self.videos[each].payload,
            )
            for each in video_ids
            if each in self.videos
        }


def reading(text: str = "борщ") -> Reading:
    asked = parse_search(text)
    return Reading(asked, Understood(text, text, "borscht", "ru", ((text, 1.0),)), "borscht")


def numbers(page: object) -> list[int]:
    return [each.item.video_id.int - 1 for each in page.items]


def hits(*groups: str) -> list[Hit]:
    return [
        Hit(video(number), float(len(groups) - number), {"group": group, "weights": {}})
        for number, group in enumerate(groups)
    ]


def test_words_are_looked_up_ahead_under_the_same_conditions() -> None:
    index = FakeIndex(hits("a", "b"))
    retrieval, asked = Retrieval(index), reading('борщ -мясо "брось"')
    having = retrieval.having_words(asked, Wanted(5), RANKING)
    retrieval.by_query(asked, BOTH, Wanted(5), RANKING, having)
    (_, ahead, where), (_, words, same) = index.asked
    assert (ahead, where) == (words, same)
    assert where.phrases
    assert where.excluded
    assert index.having_given == having == index.hits[:1]


class TestPages:
    @settings(deadline=None)  # the machine may have other work
    @given(st.lists(st.sampled_from("abcdef"), max_size=30), st.integers(1, 7), st.booleans())
    def test_pages_together_are_the_whole_list(self, groups, limit, collapse):
        retrieval = Retrieval(FakeIndex(hits(*groups)))
        offset, read = 0, []
        while offset is not None:
            page = retrieval.by_query(
                reading(), BOTH, Wanted(limit=limit, offset=offset, collapse=collapse), RANKING
            )
            read += numbers(page)
            offset = page.next_offset
        assert read == sorted(set(read))
        assert len(read) == (len(set(groups)) if collapse else len(groups))

    def test_the_page_does_not_change_what_is_asked(self):
        index = FakeIndex(hits("a", "b", "c"))
        for limit, offset in ((1, 0), (1, 2), (100, 900)):
            Retrieval(index).by_query(reading(), BOTH, Wanted(limit=limit, offset=offset), RANKING)
        first, *others = index.asked
        for likenesses, words, where in others:
            assert np.array_equal(likenesses[0].vector, first[0][0].vector)
            assert (words, where) == first[1:]

    def test_near_duplicates_are_counted_with_the_best(self):
        index = FakeIndex(hits("a", "b", "a", "a"))
        page = Retrieval(index).by_query(reading(), BOTH, Wanted(limit=10), RANKING)
        assert [(each.item.video_id, each.duplicates) for each in page.items] == [
            (video(0), 2),
            (video(1), 0),
        ]

    def test_a_video_that_was_indexed_before_there_were_groups_is_its_own(self):
        index = FakeIndex([Hit(video(0), 2.0), Hit(video(1), 1.0)])
        assert numbers(Retrieval(index).by_query(reading(), BOTH, Wanted(limit=10), RANKING)) == [0, 1]


class TestDiversity:
    def index(self) -> FakeIndex:
        def stored(direction: int) -> StoredVideo:
            vector = np.zeros(FUSED_DIMENSIONS, np.float32)
            vector[direction] = 10.0
            vector[-2:] = -100.0  # the constants, which all have
            return StoredVideo({"fused": vector})

        return FakeIndex(
            hits("a", "b", "c", "d"),
            {video(number): stored(direction) for number, direction in enumerate((0, 0, 0, 7))},
        )

    def test_on_request_something_else_comes_before_more_of_the_same(self):
        retrieval = Retrieval(self.index())
        assert numbers(retrieval.by_query(reading(), BOTH, Wanted(limit=4), RANKING)) == [0, 1, 2, 3]
        diverse = retrieval.by_query(reading(), BOTH, Wanted(limit=4, diversity=0.6), RANKING)
        assert numbers(diverse)[:2] == [0, 3]

    def test_pages_are_of_one_order(self):
        retrieval = Retrieval(self.index())
        pages = [
            numbers(
                retrieval.by_query(reading(), BOTH, Wanted(limit=1, offset=offset, diversity=0.6), RANKING)
            )
            for offset in range(4)
        ]
        whole = retrieval.by_query(reading(), BOTH, Wanted(limit=4, diversity=0.6), RANKING)
        assert [number for page in pages for number in page] == numbers(whole)

    def test_a_video_without_vectors_is_like_nothing(self):
        index = self.index()
        del index.videos[video(1)]
        page = Retrieval(index).by_query(reading(), BOTH, Wanted(limit=4, diversity=0.6), RANKING)
        assert sorted(numbers(page)) == [0, 1, 2, 3]


class TestWhatIsCompared:
    def asked(self, wanted: Wanted, vectors: QueryVectors = BOTH, text: str = "борщ"):
        index = FakeIndex()
        Retrieval(index).by_query(reading(text), vectors, wanted, RANKING)
        return index.asked[0]

    def test_everything_is_one_vector_and_the_callers_emphasis_multiplies_the_fitted_one(self):
        (likeness,), words, _ = self.asked(Wanted(limit=1, emphasis=1.5))
        assert likeness.using == "fused"
        assert np.array_equal(likeness.vector, fuse_query(clip=CLIP, text=TEXT, emphasis=3.0))
        assert words is not None
        assert words.weight == RANKING.words_weight

    def test_one_modality_is_its_own_vector_in_deviations(self):
        (likeness,), _, where = self.asked(Wanted(limit=1, where=Where(modality=Modality.SPEECH)))
        assert (likeness.using, where.modality) == ("speech", Modality.SPEECH)
        assert likeness.scale * 0.25 + likeness.shift == pytest.approx(2.0)  # (0.25 − 0.05) / 0.1
        (likeness,), *_ = self.asked(Wanted(limit=1, where=Where(modality=Modality.VISUAL)))
        assert likeness.using == "visual"
        assert likeness.scale * 0.24 + likeness.shift == pytest.approx(1.0)

    def test_phrases_and_exclusions_join_the_filters(self):
        wanted = Wanted(limit=1, where=Where(languages=("ru",)))
        *_, where = self.asked(wanted, text='"как варить" борщ -мясо')
        assert where == Where(phrases=("как варить",), excluded=("мясо",), languages=("ru",))

    def test_without_weights_words_are_searched_alone(self):
        likenesses, words, _ = self.asked(Wanted(limit=1), QueryVectors())
        assert likenesses == []
        assert words is not None

    def test_what_is_seen_cannot_be_searched_without_weights(self):
        with pytest.raises(WeightsUnavailableError, match="kadr models pull visual"):
            self.asked(Wanted(limit=1, where=Where(modality=Modality.VISUAL)), QueryVectors(text=TEXT))


class TestSimilar:
    def index(self) -> FakeIndex:
        vectors: dict[str, Vector] = {"visual": CLIP, "ocr": TEXT}
        payload = {"weights": {"visual": 0.7, "ocr": 0.3}, "group": "copies"}
        return FakeIndex(hits("a"), {video(9): StoredVideo(vectors, payload)})

    def test_each_modality_counts_as_it_does_in_the_video_that_is_asked_about(self):
        index = self.index()
        assert Retrieval(index).similar(video(9), Wanted(limit=5)) is not None
        likenesses, words, where = index.asked[0]
        assert [(each.using, each.scale, each.shift) for each in likenesses] == [
            ("visual", 0.7, 0.0),
            ("ocr", 0.3, 0.0),
        ]
        assert words is None
        assert where == Where(but_not=(video(9),), but_not_groups=("copies",))

    def test_copies_are_shown_to_who_wants_them(self):
        index = self.index()
        Retrieval(index).similar(video(9), Wanted(limit=5, collapse=False))
        assert index.asked[0][2] == Where(but_not=(video(9),))

    def test_one_modality_alone(self):
        index = self.index()
        Retrieval(index).similar(video(9), Wanted(limit=5, where=Where(modality=Modality.OCR)))
        assert [(each.using, each.scale) for each in index.asked[0][0]] == [("ocr", 1.0)]

    def test_a_video_that_is_not_there(self):
        assert Retrieval(self.index()).similar(video(1), Wanted(limit=5)) is None


def test_a_picture_is_compared_with_what_is_seen():
    index = FakeIndex(hits("a", "b"))
    page = Retrieval(index).by_picture(CLIP, Wanted(limit=1, where=Where(themes=("food",))))
    assert (numbers(page), page.next_offset) == ([0], 1)
    (likeness,), words, where = index.asked[0]
    assert (likeness.using, words, where) == ("visual", None, Where(themes=("food",)))
