"""How long the steps of a query take."""

from __future__ import annotations

from itertools import count

import numpy as np

from bench import installed
from bench.timing import median


def text_embedding() -> float:
    """Return the milliseconds of one short text under MiniLM, a new one each time."""
    from kadr.adapters.minilm import MiniLM

    model = MiniLM(installed.text_encoder())
    numbers = count()
    return median(lambda: model.embed([f"how to cook borscht {next(numbers)}"]), runs=200) * 1000


def understanding() -> float:
    """Return the milliseconds to repair and translate a query of four words, over 100,000 known words."""
    from kadr.adapters.pymorphy import Pymorphy
    from kadr.adapters.wordfreq import language_words
    from kadr.core.glossary import Glossary
    from kadr.core.query import understand
    from kadr.core.vocabulary import Vocabulary

    random = np.random.default_rng(1)
    letters = np.array(list("абвгдежзиклмнопрстуфхцчшщьыэюя"))
    terms = {"".join(random.choice(letters, random.integers(4, 12))) for _ in range(100_000)}
    dictionary = Pymorphy()
    glossary = Glossary.load(dictionary.lemmas, dictionary.known)
    vocabulary = Vocabulary(
        dict.fromkeys(terms, 1), background=glossary.vocabulary, language=language_words()
    )
    queries = ["как варить вкусный борщ", "утреняя зарядка для спины", "how to cook borscht", "cvtiyjq rjn"]

    def work() -> None:
        for query in queries:
            understand(query, glossary, vocabulary, dictionary=dictionary.known)

    return median(work, runs=50) / len(queries) * 1000
