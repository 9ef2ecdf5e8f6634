"""Themes: groups of videos that are about the same."""

from __future__ import annotations

from kadr.runtime.settings import ClusterSettings
from kadr.runtime.themes import Summary, find_themes
from kadr.runtime.wiring import Wiring


def run(world: Wiring, settings: ClusterSettings) -> Summary:
    """Find themes in what is indexed, name them, and tell every video's; see :func:`find_themes`."""
    return find_themes(world.themed, world.themes, models_dir=settings.models_dir)
