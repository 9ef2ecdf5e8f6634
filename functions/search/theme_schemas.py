"""What the API answers about themes, and takes from editors."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kadr.core.theme_names import LONGEST_NAME

_THEME = "8a4e0c52-7e0b-4c5e-9d51-4b3f2c7b9e10"
# Checked for what can be read in it (kadr.core.theme_names.editors_name); this is only so that nobody sends a
# book.
_MOST_CHARACTERS = 4 * LONGEST_NAME


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ThemeAnswer(_Answer):
    """Videos that are about the same."""

    theme_id: UUID = Field(description="stays, while the theme does", examples=[_THEME])
    name: str = Field(examples=["Борщ, рецепт, свёкла"])
    named_by: Literal["terms", "editor"] = Field(
        description="`terms`: by what its videos say or show, and it may change; `editor`: by people"
    )
    terms: list[str] = Field(
        description="what the videos have in common, the most telling first; may be empty",
        examples=[["борщ", "рецепт", "свёкла", "сметана"]],
    )
    videos: int = Field(description="how many videos", examples=[12])
    thumbnails: list[str] = Field(description="links to those of up to four typical videos")


class ThemesAnswer(_Answer):
    """A page of themes, the largest first."""

    themes: list[ThemeAnswer]
    total: int = Field(description="how many themes have videos", examples=[23])
    next_offset: int | None = Field(description="`offset` of the next page; null on the last one")


class ThemeVideo(_Answer):
    """A video of a theme."""

    video_id: UUID
    key: str
    duration: float | None = Field(description="seconds")
    thumbnail_url: str | None
    video_url: str


class ThemePage(_Answer):
    """A theme, and a page of its videos, the most typical first."""

    theme: ThemeAnswer
    videos: list[ThemeVideo]
    next_offset: int | None = Field(description="`offset` of the next page; null on the last one")


class ThemeChange(_Answer):
    """How a theme is called."""

    name: str = Field(
        max_length=_MOST_CHARACTERS,
        description="empty: it is named by its terms again",
        examples=["Супы"],
    )
