"""Compares translators on pairs of Russian and English phrases.

``python -m bench.translation PAIRS.tsv [--limit N] [--json]``, a file of ``russian<TAB>english`` lines.
Reported for

* *glossary*: its entries alone, in any inflection; what has none stays Russian;
* *dictionary*: what a query gets without a neural translator: repaired (written together, mistyped), the
  glossary, words derived from known ones, names as English spells them, and the rest letter by letter;
* *neural*: the same repaired query through the translation model, where its weights are installed.

Exact: the same words, capitals and punctuation aside. chrF: Popović 2015, character 1- to 6-grams, β = 2,
over all pairs together. Untranslated: Russian words that stand in the answer, in Russian or letter by letter
in Latin, and not in the reference.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kadr.core.glossary import LATIN_LETTERS, Glossary
from kadr.core.query import understand
from kadr.core.text import script, tokens
from kadr.core.translation import Translated
from kadr.core.vocabulary import Vocabulary, WordIndex
from kadr.ports.embedding import Translator
from training.translator.metrics import chrf

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "translations.tsv"
MODELS = Path(__file__).resolve().parents[1] / ".kadr" / "models"

Pair = tuple[str, str]


@dataclass(frozen=True)
class Quality:
    """How good a translator is: shares of 1, chrF of 100."""

    pairs: int
    exact: float
    chrf: float
    untranslated: float


def read(path: Path) -> list[Pair]:
    """Return the pairs of a file; comments and lines without a tab are passed over."""
    lines = path.read_text(encoding="utf-8").splitlines()
    fields = [line.partition("\t") for line in lines if not line.startswith("#")]
    return [(russian.strip(), english.strip()) for russian, tab, english in fields if tab and russian.strip()]


def evaluate(
    translate: Callable[[str], str], pairs: Sequence[Pair], lemmas: Callable[[str], tuple[str, ...]]
) -> Quality:
    """Return how good a translator is on pairs."""
    answers = [" ".join(tokens(translate(russian))) for russian, _ in pairs]
    references = [" ".join(tokens(english)) for _, english in pairs]
    words = left = 0
    for (russian, _), answer, reference in zip(pairs, answers, references, strict=True):
        foreign = set(answer.split()) - set(reference.split())
        for word in tokens(russian):
            if script(word) == "cyrillic":
                words += 1
                forms = {word, *lemmas(word)}
                left += bool(foreign & (forms | {form.translate(LATIN_LETTERS) for form in forms}))
    same = sum(answer == reference for answer, reference in zip(answers, references, strict=True))
    return Quality(len(pairs), same / len(pairs), chrf(answers, references), left / words if words else 0.0)


def glossary_alone(glossary: Glossary) -> Callable[[str], str]:
    """Return a translator that puts in the entries and leaves everything else."""

    def translate(text: str) -> str:
        pieces = glossary.translate(text).pieces
        kept = (
            piece.target if piece.kind in {"phrase", "word", "kept"} else piece.source for piece in pieces
        )
        return " ".join(kept)

    return translate


def as_queries(
    glossary: Glossary,
    language: WordIndex | None,
    known: Callable[[str], bool],
    neural: Translator | None = None,
) -> Callable[[str], str]:
    """Return what search makes of a query over an empty index."""
    vocabulary = Vocabulary({}, background=glossary.vocabulary, language=language)

    def by_model(text: str) -> Translated:
        assert neural is not None
        return neural.explain([text], glossary=glossary)[0]

    step = None if neural is None else by_model
    return lambda text: understand(text, glossary, vocabulary, dictionary=known, translate=step).translated


def measure(pairs: Sequence[Pair], language: WordIndex | None, models_dir: Path) -> dict[str, Quality]:
    """Return the quality of every translator that there is."""
    from kadr.adapters.glossary_translator import GlossaryTranslator
    from kadr.adapters.pymorphy import Pymorphy
    from kadr.adapters.translation import translator

    dictionary = Pymorphy()
    glossary = Glossary.load(dictionary.lemmas, dictionary.known)
    ways = {
        "glossary": glossary_alone(glossary),
        "dictionary": as_queries(glossary, language, dictionary.known),
    }
    neural = translator(models_dir)
    if not isinstance(neural, GlossaryTranslator):
        ways["neural"] = as_queries(glossary, language, dictionary.known, neural)
    return {name: evaluate(translate, pairs, dictionary.lemmas) for name, translate in ways.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.translation", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "pairs", type=Path, nargs="?", default=SAMPLE, metavar="PAIRS.tsv", help="default: %(default)s"
    )
    parser.add_argument("--limit", type=int, help="only so many pairs, evenly taken")
    parser.add_argument("--models", type=Path, default=MODELS, help="where weights are installed")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    options = parser.parse_args()
    from kadr.adapters.wordfreq import language_words

    pairs = read(options.pairs)
    if not pairs:
        parser.error(f"{options.pairs} has no line of the form russian<TAB>english")
    if options.limit:
        pairs = pairs[:: max(1, len(pairs) // options.limit)][: options.limit]
    found = measure(pairs, language_words(), options.models)
    if options.json:
        print(json.dumps({name: asdict(quality) for name, quality in found.items()}))
        return
    table = Table("translator", "exact", "chrF", "untranslated words", title=f"{len(pairs)} pairs")
    for name, quality in found.items():
        table.add_row(name, f"{quality.exact:.3f}", f"{quality.chrf:.1f}", f"{quality.untranslated:.3f}")
    if "neural" not in found:
        table.caption = "neural: weights not installed"
    Console().print(table)


if __name__ == "__main__":
    main()
