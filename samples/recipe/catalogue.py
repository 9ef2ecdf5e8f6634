"""The clips of ``clips.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from samples.recipe.spec import Clip, Music, Portrait, Speech, Sticker, Text

# How the applications of short-video services set off text from the picture.
LOOKS: dict[str, dict[str, Any]] = {
    "dark": {"box": "#101014dd", "outline": None},
    "light": {"box": "#fffffff0", "outline": None, "fill": "#15151a"},
    "accent": {"box": "#e5203aee", "outline": None},
    "ink": {"outline": None},
}


def _text(row: dict[str, Any]) -> Text:
    look = LOOKS[row.pop("look")] if "look" in row else {}
    return Text(**{**look, **row})


def _portrait(row: dict[str, Any]) -> Portrait:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Portrait(**fields)


def _clip(row: dict[str, Any]) -> Clip:
    row["texts"] = tuple(_text(text) for text in row.get("texts", ()))
    row["stickers"] = tuple(Sticker(**sticker) for sticker in row.get("stickers", ()))
    row["speech"] = tuple(Speech(**speech) for speech in row.get("speech", ()))
    row["portraits"] = tuple(_portrait(portrait) for portrait in row.get("portraits", ()))
    row["music"] = Music(**row["music"]) if "music" in row else None
    return Clip(**row)


def load(path: Path) -> tuple[Clip, ...]:
    """The clips that a file describes, in its order.

    Raises:
        TypeError: a field has a name that ``spec`` does not know, or is missing.
    """
    with path.open("rb") as source:
        return tuple(_clip(row) for row in tomllib.load(source)["clip"])


CLIPS = load(Path(__file__).with_name("clips.toml"))
