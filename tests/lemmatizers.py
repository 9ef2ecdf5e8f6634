"""A dictionary of a few words, for tests that do not need a real one."""

from __future__ import annotations

_FORMS = {
    "котики": ("котик",),
    "кота": ("кот",),
    "ежа": ("еж",),
    "борща": ("борщ",),
    "сварил": ("сварить",),
    "роблоксе": ("роблокс",),
    "дня": ("день",),
    "рождения": ("рождение", "рождения"),
    "рождений": ("рождение",),
    "доме": ("дом",),
    "домашние": ("домашний",),
    "животные": ("животное",),
    "домашних": ("домашний",),
    "животных": ("животное", "животный"),
    "стали": ("стать", "сталь"),
    "людей": ("человек",),
    "бузовой": ("бузова",),
    "попугаев": ("попугай",),
    "гномика": ("гномик",),
}


class TableLemmatizer:
    """Implements ``ports.embedding.Lemmatizer`` for the forms above; other words are their own lemmas."""

    def lemmas(self, word: str) -> tuple[str, ...]:
        return _FORMS.get(word, (word,))
