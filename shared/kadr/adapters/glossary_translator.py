"""The translator that needs no weights."""

from __future__ import annotations

from kadr.core.glossary import Glossary
from kadr.core.text import script


class GlossaryTranslator:
    """Implements :class:`kadr.ports.embedding.Translator` with :class:`kadr.core.glossary.Glossary`."""

    def __init__(self, glossary: Glossary) -> None:
        self.glossary = glossary
        self.model_version = f"glossary-{glossary.version}"

    def translate(self, text: str) -> str:
        """Return English; a text without Cyrillic letters comes back as it is."""
        if script(text) not in {"cyrillic", "mixed"}:
            return text
        return self.glossary.translate(text).text
