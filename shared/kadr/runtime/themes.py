"""Finding themes in what is indexed, while videos go on being uploaded and searched.

Groups are looked for in a sample; every video then gets the theme that it is near enough to, by the same rule
that gives a new video its theme at once (``assemble``). So a video that is assembled again stays where it is.

What this stands on may change meanwhile. Themes change in one step, which waits for whoever is giving a video
one of the old ones. A video's theme is written while its row is locked, from the vectors that it has then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid4

import numpy as np

from kadr.core.errors import DependencyError, WeightsUnavailableError
from kadr.core.extraction import Vector
from kadr.core.fusion import VISUAL_DIMENSIONS
from kadr.core.terms import Usual
from kadr.core.theme_concepts import concepts, subjects
from kadr.core.theme_names import Lemma, Said, Tongue, name_of, numbered, still_fits, theme_terms, tongue
from kadr.core.themes import (
    FEWEST,
    LARGEST_SAMPLE,
    POINT_DIMENSIONS,
    Assigned,
    Labels,
    ThemeSpace,
    centre,
    centred,
    direction,
    points,
    reduced,
    representatives,
    smallest_theme,
    succession,
)
from kadr.models.registry import require
from kadr.ports.embedding import TextEmbedder
from kadr.ports.themes import Groups, NamedBy, Theme, ThemedIndex, ThemeStore
from kadr.runtime.telemetry import logger

if TYPE_CHECKING:
    from kadr.core.themes import ThemedVideo

# Videos that are read at a time, and whose rows are locked at a time: an upload waits for so many.
_PAGE = 256
# Videos whose words are read for the names, of all themes together, and at least of each: the most typical.
_READ, _READ_EACH = 20_000, 20
_FEW = 50


class Progress(Protocol):
    """Who is told how it gets on."""

    def begin(self, what: str, total: int | None) -> None:
        """Something of ``total`` videos begins; ``None``: nobody knows how many."""

    def advance(self, videos: int) -> None:
        """So many more were looked at."""


class Silent:
    """Implements :class:`Progress` where nobody looks."""

    def begin(self, what: str, total: int | None) -> None:
        """Tell nobody."""

    def advance(self, videos: int) -> None:
        """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: ``videos`` were looked at, ``kept`` of the ``themes`` were there before.

    ``outside`` videos have no theme; ``changed`` ones have another than before. A run that found another one
    at work is ``busy`` and did nothing.
    """

    videos: int = 0
    themes: int = 0
    kept: int = 0
    outside: int = 0
    changed: int = 0
    busy: bool = False


@dataclass(frozen=True)
class Sample:
    """The videos that groups are looked for in.

    ``rows`` (n, 896) are their points, not centred yet; ``first`` are the positions of one of each group of
    near duplicates; ``complete`` says whether these are all videos.
    """

    video_ids: Sequence[UUID]
    rows: Vector
    before: Sequence[UUID | None]
    first: Sequence[int]
    complete: bool


@dataclass(frozen=True)
class Found:
    """Themes that were found, not in force yet; ``assigned`` are those of the sample's videos."""

    sample: Sample
    centre: Vector
    themes: Sequence[Theme]
    assigned: Sequence[Assigned | None]
    kept: frozenset[UUID] = field(default_factory=frozenset)

    def sizes(self) -> Counter[UUID]:
        """Return how many videos of the sample each theme has."""
        return Counter(each.theme_id for each in self.assigned if each is not None)


class Words:
    """What themes are named with; all of it is loaded when it is needed, and missing where it is missing."""

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir

    @cached_property
    def usual(self) -> Usual | None:
        """How usual a word is."""
        from kadr.adapters.wordfreq import language_words

        try:
            return language_words().weight
        except DependencyError as error:
            logger().warning("usual words name themes, too", reason=str(error))
            return None

    @cached_property
    def lemma(self) -> Lemma:
        """The dictionary form of a Russian word."""
        from kadr.adapters.pymorphy import Pymorphy

        dictionary = Pymorphy()

        def lemma(word: str) -> str:
            possible = dictionary.lemmas(word)
            return word if word in possible else possible[0]  # йога is no form of йог here

        return lemma

    @cached_property
    def text(self) -> TextEmbedder | None:
        """The sentence encoder."""
        from kadr.adapters.minilm import MiniLM

        try:
            return MiniLM(require("text", self._models_dir).directory)
        except WeightsUnavailableError:
            return None

    @cached_property
    def clip(self) -> TextEmbedder | None:
        """CLIP's text tower; ``None`` with the demo weights, too."""
        from kadr.adapters.clip import ClipText

        try:
            model = require("visual", self._models_dir)
        except WeightsUnavailableError:
            return None
        # The demo weights know some drawings, and take a photograph for any of them: a number says less, and
        # nothing wrong.
        return None if model.demo else ClipText(model.directory)

    @cached_property
    def concepts_as_text(self) -> Vector | None:
        """The subjects as the sentence encoder has them."""
        return None if self.text is None else self.text.embed(list(concepts()))

    @cached_property
    def concepts_as_seen(self) -> Vector | None:
        """The subjects as CLIP has them."""
        return None if self.clip is None else self.clip.embed(list(concepts()))


def find_themes(
    index: ThemedIndex,
    store: ThemeStore,
    *,
    models_dir: Path,
    groups: Groups | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Find themes, name them, put them in force, and tell every video's; it may be broken off at any time.

    Raises:
        DependencyError: PostgreSQL or Qdrant does not answer.
    """
    progress = progress or Silent()
    with store.exclusively() as alone:
        if not alone:
            return Summary(busy=True)
        found = look(index, store, Words(models_dir), groups or _hdbscan(), progress)
        return put_in_force(found, index, store, progress)


def look(index: ThemedIndex, store: ThemeStore, words: Words, groups: Groups, progress: Progress) -> Found:
    """Find themes and name them; nothing is changed."""
    sample = _sample(index, progress)
    progress.begin("finding groups", None)
    common = centre(sample.rows)
    rows = centred(sample.rows, common)
    first = np.asarray(sample.first, dtype=np.intp)
    labels = groups.groups(reduced(rows[first]), smallest_theme(len(first)))
    made = {uuid4(): direction(rows[first[labels == label]]) for label in range(_most(labels) + 1)}
    old = {each.theme_id: each for each in store.themes()}
    named = {each.theme_id for each in old.values() if each.named_by is NamedBy.EDITOR}
    near = Counter(each.theme_id for each in _space(common, made).assign(sample.rows) if each is not None)
    made = {new: shape for new, shape in made.items() if near[new] >= FEWEST}
    now = _space(common, made).assign(sample.rows)
    is_what = succession(sample.before, [None if each is None else each.theme_id for each in now], named)
    kept = {is_what.get(new, new): shape for new, shape in made.items()}
    for theme_id in sorted(named - kept.keys()):
        # Nobody's work is thrown away because of a run that did not see the group: its videos are known.
        members = [place for place, was in enumerate(sample.before) if was == theme_id]
        if members:
            kept[theme_id] = direction(rows[members])
    assigned = _space(common, kept).assign(sample.rows)
    progress.begin("naming", None)
    themes = _Naming(sample, common, old, store, words).named(kept, assigned)
    return Found(sample, common, themes, assigned, frozenset(kept.keys() & old.keys()))


def put_in_force(found: Found, index: ThemedIndex, store: ThemeStore, progress: Progress) -> Summary:
    """Let the themes be those in force, and give every video the one that it is near."""
    space = store.publish(found.centre, found.themes)
    progress.begin("telling videos' themes", index.count())
    sizes: Counter[UUID | None] = Counter()
    changed = 0
    for page_ids, before, now in _assignments(found, space, index):
        progress.advance(len(page_ids))
        listed = store.assigned(page_ids)
        sizes.update(None if each is None else each.theme_id for each in now)
        stale = [
            video_id
            for video_id, was, assigned in zip(page_ids, before, now, strict=True)
            if (theme := None if assigned is None else assigned.theme_id) != was
            or (video_id in listed and listed[video_id] != theme)
        ]
        if stale:
            changed += _settle(stale, index, store)
    videos, outside = sizes.total(), sizes[None]
    return Summary(videos, len(found.themes), len(found.kept), outside, changed)


def _settle(video_ids: Sequence[UUID], index: ThemedIndex, store: ThemeStore) -> int:
    with store.locked(video_ids) as rows:
        videos = [each for each in index.read(video_ids) if each.video_id in rows.present]
        # As of now, not as they were when the run began: somebody may have written since.
        now = dict(zip([each.video_id for each in videos], rows.space().assign(points(videos)), strict=True))
        index.set_themes({each: None if theme is None else theme.theme_id for each, theme in now.items()})
        rows.set_themes(now)
    return len(now)


def _assignments(
    found: Found, space: ThemeSpace, index: ThemedIndex
) -> Iterator[tuple[Sequence[UUID], Sequence[UUID | None], Sequence[Assigned | None]]]:
    """Yield all videos by pages, with the themes that they had and have."""
    sample = found.sample
    if sample.complete:
        for start in range(0, len(sample.video_ids), _PAGE):
            end = start + _PAGE
            yield (
                sample.video_ids[start:end],
                sample.before[start:end],
                space.assign(sample.rows[start:end]),
            )
        return
    for page in index.pages(_PAGE):
        yield (
            [each.video_id for each in page],
            [each.theme_id for each in page],
            space.assign(points(page)),
        )


def _sample(index: ThemedIndex, progress: Progress) -> Sample:
    total = index.count()
    progress.begin("reading videos", min(total, LARGEST_SAMPLE))
    rows = np.zeros((min(total, LARGEST_SAMPLE), POINT_DIMENSIONS), np.float32)
    video_ids: list[UUID] = []
    before: list[UUID | None] = []
    copies: list[ThemedVideo] = []
    complete = True
    for page in index.pages(_PAGE):
        room = page[: len(rows) - len(video_ids)]
        rows[len(video_ids) : len(video_ids) + len(room)] = points(room)
        video_ids += [each.video_id for each in room]
        before += [each.theme_id for each in room]
        copies += [replace(each, vectors={}, weights={}) for each in room]
        progress.advance(len(room))
        if len(room) < len(page):
            complete = False
            break
        if len(video_ids) == len(rows) and total > len(rows):
            complete = False
            break
    return Sample(video_ids, rows[: len(video_ids)], before, representatives(copies), complete)


def _space(common: Vector, shapes: dict[UUID, tuple[Vector, float]]) -> ThemeSpace:
    return ThemeSpace(
        0,
        common,
        tuple(shapes),
        np.array([unit for unit, _ in shapes.values()], np.float32).reshape(-1, POINT_DIMENSIONS),
        np.array([radius for _, radius in shapes.values()], np.float32),
    )


def _most(labels: Labels) -> int:
    return int(labels.max()) if labels.size else -1


class _Naming:
    """Names the themes of one run."""

    def __init__(
        self, sample: Sample, common: Vector, old: Mapping[UUID, Theme], store: ThemeStore, words: Words
    ) -> None:
        self._sample = sample
        self._common = common
        self._old = old
        self._store = store
        self._words = words

    def named(
        self, shapes: Mapping[UUID, tuple[Vector, float]], assigned: Sequence[Assigned | None]
    ) -> list[Theme]:
        """Return the themes, the largest first."""
        if not shapes:
            return []
        members, outside = self._members(shapes, assigned)
        order = sorted(shapes, key=lambda theme_id: (-len(members[theme_id]), str(theme_id)))
        most = max(_READ_EACH, _READ // (len(shapes) + 1))
        texts = {theme_id: self._texts(members[theme_id][:most]) for theme_id in order}
        others = self._texts(outside[:most])
        terms = theme_terms(
            [texts[theme_id] for theme_id in order], others, usual=self._words.usual, lemma=self._words.lemma
        )
        everywhere = tongue([*(video for videos in texts.values() for video in videos), *others])
        taken = {self._old[each].name for each in order if self._by_editor(each)}
        themes = []
        for theme_id, of_words in zip(order, terms, strict=True):
            language = tongue(texts[theme_id]) if any(texts[theme_id]) else everywhere
            found = tuple(of_words) or self._subjects(members[theme_id], language)
            name, named_by = self._name(theme_id, found, everywhere, taken)
            taken.add(name)
            themes.append(Theme(theme_id, name, named_by, found, *shapes[theme_id]))
        return themes

    @staticmethod
    def _members(
        shapes: Iterable[UUID], assigned: Sequence[Assigned | None]
    ) -> tuple[dict[UUID, list[int]], list[int]]:
        """Return the positions of each theme's videos, the most typical first, and of those without one."""
        near: dict[UUID, list[tuple[float, int]]] = {theme_id: [] for theme_id in shapes}
        outside = []
        for place, each in enumerate(assigned):
            if each is None:
                outside.append(place)
            else:
                near[each.theme_id].append((each.distance, place))
        return {theme_id: [place for _, place in sorted(found)] for theme_id, found in near.items()}, outside

    def _texts(self, places: Sequence[int]) -> list[list[Said]]:
        video_ids = [self._sample.video_ids[place] for place in places]
        found: dict[UUID, list[Said]] = {}
        for start in range(0, len(video_ids), _PAGE):
            found |= self._store.texts(video_ids[start : start + _PAGE])
        return [found.get(each, []) for each in video_ids]

    def _by_editor(self, theme_id: UUID) -> bool:
        was = self._old.get(theme_id)
        return was is not None and was.named_by is NamedBy.EDITOR

    def _name(
        self, theme_id: UUID, terms: Sequence[str], language: Tongue, taken: Collection[str]
    ) -> tuple[str, NamedBy]:
        was = self._old.get(theme_id)
        if was is not None and self._by_editor(theme_id):
            return was.name, NamedBy.EDITOR
        free = was is not None and was.name not in taken
        if was is not None and free and still_fits(was.name, terms):
            return was.name, NamedBy.TERMS
        if name := name_of(terms, taken):
            return name, NamedBy.TERMS
        if was is not None and free and was.named_by is NamedBy.NUMBER:
            return was.name, NamedBy.NUMBER
        return numbered(language, {*taken, *(each.name for each in self._old.values())}), NamedBy.NUMBER

    def _subjects(self, members: Sequence[int], language: Tongue) -> tuple[str, ...]:
        """Return what a theme is about whose videos have no words in common."""
        if not members:
            return ()
        rows = self._sample.rows[list(members)]
        seen, text = slice(0, VISUAL_DIMENSIONS), slice(VISUAL_DIMENSIONS, POINT_DIMENSIONS)
        if 2 * np.count_nonzero(rows[:, text].any(axis=1)) >= len(rows):
            found = self._nearest(rows, text, self._words.concepts_as_text, language)
            if found:
                return found
        return self._nearest(rows, seen, self._concepts_as_seen(members), language)

    def _nearest(
        self, rows: Vector, space: slice, encoded: Vector | None, language: Tongue
    ) -> tuple[str, ...]:
        if encoded is None:
            return ()
        lengths = np.linalg.norm(rows[:, space], axis=1, keepdims=True)
        units: Vector = (rows[:, space] / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return subjects(units, self._common[space], encoded, language)

    def _concepts_as_seen(self, members: Sequence[int]) -> Vector | None:
        clip = self._words.clip
        if clip is None:
            return None
        made_with = self._store.versions([self._sample.video_ids[place] for place in members[:_FEW]])
        # Pictures of other weights than those installed here cannot be compared with words.
        same = any(clip.model_version in version for version in made_with)
        return self._words.concepts_as_seen if same else None


def _hdbscan() -> Groups:
    from kadr.adapters.hdbscan import Hdbscan

    return Hdbscan()
