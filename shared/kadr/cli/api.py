"""The search API, as a client sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kadr.cli.failure import ApiError, CommandError
from kadr.core.modality import StageState

if TYPE_CHECKING:
    import httpx

PAGE = 100  # videos asked for at a time
TIMEOUT = 30.0  # seconds: the limit of API Gateway, so waiting longer cannot help

Parameter = str | int | float | bool | Sequence[str]
"""What a query string can hold; a list is the parameter several times."""


class Answer(BaseModel):
    """An answer of the API; fields that a newer API adds are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class QueryChange(Answer):
    """What one step of understanding made of the query."""

    step: str
    before: str
    after: str


class QueryWords(Answer):
    """A text whose words are looked up, and how much they count."""

    text: str
    weight: float


class QueryUnderstanding(Answer):
    """How the query was read."""

    original: str
    corrected: str | None = None
    translated: str | None = None
    language: str | None = None
    steps: list[QueryChange] = Field(default_factory=list)
    words: list[QueryWords] = Field(default_factory=list)
    phrases: list[str] = Field(default_factory=list)
    excluded: list[str] = Field(default_factory=list)


class Highlight(Answer):
    """A part of a text that was asked for, in code points; ``start`` and ``end`` are seconds, where known."""

    offset: int
    length: int
    start: float | None = None
    end: float | None = None


class Frame(Answer):
    """The frame that looks most like the query; ``time`` in seconds, ``score`` a cosine."""

    time: float
    score: float | None = None


class Evidence(Answer):
    """Why a video was found; ``start`` and ``end`` are seconds."""

    modality: str
    text: str = ""
    translation: str = ""
    start: float | None = None
    end: float | None = None
    score: float | None = None
    highlights: list[Highlight] = Field(default_factory=list)
    translation_highlights: list[Highlight] = Field(default_factory=list)


class SearchResult(Answer):
    """One found video."""

    rank: int
    score: float
    video_id: UUID
    key: str
    bucket: str = ""
    duration: float | None = None
    thumbnail_url: str | None = None
    video_url: str | None = None
    evidence: list[Evidence] = Field(default_factory=list)
    frame: Frame | None = None
    shares: dict[str, float] = Field(default_factory=dict)
    contributions: dict[str, float] = Field(default_factory=dict)
    matched: float = 0.0
    confidence: float | None = None
    duplicates: int = 0


class SearchAnswer(Answer):
    """The answer to a search, best first."""

    query: QueryUnderstanding
    results: list[SearchResult]
    total: int | None = None
    next_offset: int | None = None
    took_ms: dict[str, float] = Field(default_factory=dict)
    nothing_good: bool = False


class Suggestion(Answer):
    """A phrase that completes what was typed; phrases of one ``group`` mean about the same."""

    text: str
    source: str = ""
    group: int = 0


class SuggestAnswer(Answer):
    """Phrases that complete what was typed, best first."""

    suggestions: list[Suggestion]
    personal: bool = False
    took_ms: float | None = None


class StageStatus(Answer):
    """Where one stage of one video stands."""

    stage: str
    state: str
    reason: str | None = None
    attempts: int = 0
    model_version: str | None = None
    duration_ms: float | None = None
    cost_usd: float | None = None
    updated_at: datetime | None = None
    details: dict[str, Any] | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the stage by itself."""
        return self.state in {state for state in StageState if state.final}


class VideoStatus(Answer):
    """One video and its stages."""

    video_id: UUID
    key: str
    bucket: str = ""
    state: str
    generation: int | None = None
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    has_audio: bool | None = None
    size: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    thumbnail_url: str | None = None
    stages: list[StageStatus] = Field(default_factory=list)


class VideoPage(Answer):
    """Some of the videos."""

    videos: list[VideoStatus]


class ModelStatus(Answer):
    """The weights of one role."""

    role: str
    variant: str = ""
    installed: bool
    demo: bool = False
    detail: str = ""


class StatusAnswer(Answer):
    """How many videos stand where, and which weights are installed."""

    stages: dict[str, dict[str, int]] = Field(default_factory=dict)
    models: list[ModelStatus] = Field(default_factory=list)
    videos: dict[str, int] = Field(default_factory=dict)


A = TypeVar("A", bound=Answer)


class Api:
    """The search API at one address.

    ``hint`` ends the messages about an API that does not answer: it says what to do.
    ``transport`` replaces the network.
    """

    def __init__(self, url: str, *, hint: str, transport: httpx.BaseTransport | None = None) -> None:
        import httpx

        self.url = url.rstrip("/")
        self._hint = hint
        self._client = httpx.Client(transport=transport, timeout=TIMEOUT, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def search(
        self, query: str, *, k: int, offset: int = 0, only: Mapping[str, Parameter] | None = None
    ) -> SearchAnswer:
        """Return the ``k`` best videos for ``query``, after the first ``offset``.

        ``only`` are further parameters of ``GET /search``, by their names.
        """
        return self._get(SearchAnswer, "/search", {"q": query, "k": k, "offset": offset, **(only or {})})

    def suggest(self, typed: str, *, k: int, user: str = "") -> SuggestAnswer:
        """Return at most ``k`` phrases that complete what was typed, ordered for ``user`` if one is given."""
        parameters: dict[str, str | int] = {"q": typed, "k": k}
        return self._get(SuggestAnswer, "/suggest", parameters | ({"user": user} if user else {}))

    def video(self, video_id: UUID) -> VideoStatus | None:
        """Return one video; ``None`` if the stack does not know it."""
        try:
            return self._get(VideoStatus, f"/videos/{video_id}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def videos(self, *, limit: int, offset: int = 0, state: str = "", prefix: str = "") -> VideoPage:
        """Return one page of the videos, newest first."""
        parameters: dict[str, str | int] = {"limit": limit, "offset": offset}
        if state:
            parameters["state"] = state
        if prefix:
            parameters["prefix"] = prefix
        return self._get(VideoPage, "/videos", parameters)

    def every_video(self, *, state: str = "", prefix: str = "", page: int = PAGE) -> Iterator[VideoStatus]:
        """Yield every video, page by page."""
        offset = 0
        while True:
            videos = self.videos(limit=page, offset=offset, state=state, prefix=prefix).videos
            yield from videos
            if len(videos) < page:
                return
            offset += len(videos)

    def status(self) -> StatusAnswer:
        """Return the counts and the models."""
        return self._get(StatusAnswer, "/status")

    def _get(self, model: type[A], path: str, parameters: Mapping[str, Parameter] | None = None) -> A:
        import httpx

        try:
            response = self._client.get(self.url + path, params=parameters)
        except httpx.TimeoutException as error:
            raise CommandError(
                f"The API at {self.url} did not answer within {TIMEOUT:.0f} s. See `kadr logs search`."
            ) from error
        except httpx.HTTPError as error:
            raise CommandError(f"The API at {self.url} does not answer. {self._hint}") from error
        if response.is_error:
            raise _api_error(response)
        try:
            return model.model_validate(response.json())
        except (ValidationError, ValueError) as error:
            raise CommandError(
                f"{self.url}{path} did not answer as Kadr's API does: another program, or another version of "
                "Kadr, may be using that address. See `kadr status`."
            ) from error


def _api_error(response: httpx.Response) -> ApiError:
    code, message = "", ""
    try:
        error = response.json()["error"]
        code, message = str(error["code"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        pass  # not one of ours: a gateway's, or another program's
    if not message:
        message = f"The API answered {response.status_code} {response.reason_phrase}. See `kadr logs search`."
    return ApiError(message, status=response.status_code, code=code)
