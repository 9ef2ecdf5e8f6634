"""The translator that needs no weights."""

from __future__ import annotations

from collections.abc import Sequence

from kadr.core.glossary import Glossary
from kadr.core.protected import translatable
from kadr.core.translation import Translated, TranslatedPart


class GlossaryTranslator:
    """Implements :class:`kadr.ports.embedding.Translator` with :class:`kadr.core.glossary.Glossary`."""

    def __init__(self, glossary: Glossary) -> None:
        self.glossary = glossary
        self.model_version = f"glossary-{glossary.version}"

    def translate(self, text: str, *, glossary: Glossary | None = None) -> str:
        """Return English; a text without Cyrillic letters comes back as it is."""
        return self.explain([text], glossary=glossary)[0].text

    def explain(self, texts: Sequence[str], *, glossary: Glossary | None = None) -> list[Translated]:
        """Return the same with where it comes from: the dictionary, or nowhere."""
        return [self._explain(text, glossary or self.glossary) for text in texts]

    @staticmethod
    def _explain(text: str, glossary: Glossary) -> Translated:
        if not translatable(text):
            return Translated(text, (TranslatedPart(text, text, "kept"),))
        english = glossary.translate(text).text
        return Translated(english, (TranslatedPart(text, english, "dictionary"),))
