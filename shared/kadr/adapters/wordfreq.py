"""How often Russian and English words are used: the lists of the package ``wordfreq``.

Robyn Speer, *wordfreq* (2022): Apache-2.0, its data CC BY-SA 4.0; from subtitles, Wikipedia, the web, books,
news and social media. Its files are read, not its code: that tokenises forty languages, which takes imports
of 0.3 s.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kadr.core.errors import DependencyError
from kadr.core.vocabulary import WordIndex

# A file is a list: a header, then for each hundredth of a power of ten, from 1 downwards, the words that are
# so frequent. 9 is the Zipf value of a word that nothing is but it.
_TOP = 9.0
_STEPS = 100
# One word in ten million of Russian, whose words have a dozen forms each, one in five million of English:
# 300,000 forms. Below, most are names of villages and mistakes of typing.
_LEAST = {"ru": 2.0, "en": 2.3}
# The lists are in small letters; each has words of other scripts.
_WORDS = {"ru": re.compile("[а-яё]+").fullmatch, "en": re.compile("[a-z]+").fullmatch}


@cache
def language_words() -> WordIndex:
    """Return the words of both languages, folded, with how plausible they are (Zipf scale).

    Loaded once per process; see docs/queries.md for time and memory.

    Raises:
        DependencyError: the package is not installed.
    """
    spec = find_spec("wordfreq")
    if spec is None or not spec.submodule_search_locations:
        raise DependencyError(
            "the package wordfreq is not installed; run scripts/setup.sh, or pip install wordfreq"
        )
    data = Path(spec.submodule_search_locations[0]) / "data"
    weights: dict[str, float] = {}
    for language, least in _LEAST.items():
        for place, group in enumerate(_groups(data / f"large_{language}.msgpack.gz", least)):
            zipf = _TOP - place / _STEPS
            # of a word with ё and without it, the more frequent one counts
            for word in filter(_WORDS[language], group):
                weights.setdefault(word.replace("ё", "е"), zipf)
    return WordIndex(weights)


def _groups(path: Path, least: float) -> list[list[str]]:
    """Return the groups of words down to a Zipf value, most frequent first; the rest is not unpacked."""
    import msgpack

    wanted = round((_TOP - least) * _STEPS)
    with gzip.open(path) as file:
        unpacker: Any = msgpack.Unpacker(file, raw=False)
        unpacker.read_array_header()
        unpacker.skip()  # the header
        return [unpacker.unpack() for _ in range(wanted)]
