"""What the routes of the API stand on."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Annotated

from fastapi import Depends

from functions.search.engine import Engine
from functions.search.suggester import Suggester
from functions.search.theme_names import ThemeNames
from functions.search.video_counts import VideoCounts
from kadr.adapters.published_suggestions import PublishedSuggestions
from kadr.ports.ledger import FoundVideo, VideoRecord
from kadr.runtime.settings import SearchSettings
from kadr.runtime.wiring import Wiring


class Services:
    """What the routes stand on: settings, adapters, the search engine."""

    def __init__(self, settings: SearchSettings) -> None:
        self.settings = settings
        # FastAPI runs plain functions in a pool of threads; Lambda sends one request at a time.
        # Somebody is waiting: better a quick "try again" than a slow one.
        self.world = Wiring(settings, connections=8, patience=3.0)
        self.engine = Engine(settings, self.world)

    @cached_property
    def suggester(self) -> Suggester:
        """What completes queries."""
        return Suggester(
            PublishedSuggestions(self.world.objects, self.settings.derived_bucket), self.world.history
        )

    @cached_property
    def theme_names(self) -> ThemeNames:
        """What themes are called."""
        return ThemeNames(self.world.themes)

    @cached_property
    def video_counts(self) -> VideoCounts:
        """How many videos stand where."""
        return VideoCounts(self.world.ledger)

    def link(self, bucket: str, key: str) -> str:
        """Return a link to an object that works for a while without credentials."""
        return self.world.objects.presigned_get(bucket, key, expires=self.settings.link_seconds)

    def thumbnail(self, record: VideoRecord | FoundVideo) -> str | None:
        """Return a link to a video's thumbnail, if it has one."""
        return self.link(self.settings.derived_bucket, record.thumbnail_key) if record.thumbnail_key else None


@cache
def this_process() -> Services:
    """Return the process's services, made at the first request."""
    return Services(SearchSettings())


# "async", as everything that FastAPI calls and that waits for nothing: a plain function is called in another
# thread.
async def services() -> Services:
    """Return what the routes stand on."""
    return this_process()


Injected = Annotated[Services, Depends(services)]
