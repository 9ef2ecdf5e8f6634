"""What the API answers. Names and units are part of the contract with the page and the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from kadr.core.modality import Modality, Stage, StageState, VideoState
from kadr.core.query import QueryStep
from kadr.core.suggestions import Source
from kadr.ports.keys import Scope

Responses = dict[int | str, dict[str, Any]]  # what FastAPI calls the answers that a route documents


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StepAnswer(_Answer):
    """What one step of understanding made of the query."""

    step: QueryStep
    before: str
    after: str


class WordsAnswer(_Answer):
    """A text whose words are looked up, and how much each of them counts."""

    text: str
    weight: float


class QueryAnswer(_Answer):
    """How the query was understood."""

    original: str
    corrected: str = Field(description="what was meant: after all steps but translation")
    translated: str = Field(description="English; the same as `corrected` where nothing was translated")
    language: str = Field(description="`ru`, `en` or `und`")
    phrases: list[str] = Field(default_factory=list, description="what was quoted: it has to be there")
    excluded: list[str] = Field(default_factory=list, description="what must not be there")
    words: list[WordsAnswer] = Field(
        default_factory=list, description="what is looked up word for word, and how much it counts"
    )
    steps: list[StepAnswer] = Field(
        default_factory=list, description="the steps that changed something, in their order"
    )


class HighlightAnswer(_Answer):
    """A part of a text that was asked for: a word, or a quoted phrase as a whole."""

    offset: int = Field(description="where it begins, counted in Unicode code points", examples=[4])
    length: int = Field(description="code points", examples=[4])
    start: float | None = Field(
        default=None, description="seconds at which it is said; null where that is not known", examples=[5.1]
    )
    end: float | None = Field(default=None, description="seconds at which it has been said", examples=[5.9])


class FrameAnswer(_Answer):
    """The frame of a video that looks most like the query."""

    time: float = Field(description="seconds from the beginning of the video", examples=[12.0])
    score: float = Field(
        description="cosine of query and frame, comparable under one model only", examples=[0.31]
    )


class EvidenceAnswer(_Answer):
    """A moment that made the video match."""

    modality: Modality
    text: str = Field(description="plain text, never HTML")
    translation: str = ""
    start: float = Field(description="seconds from the beginning of the video")
    end: float = Field(description="seconds")
    score: float = Field(description="0…1: how well this moment matches the query")
    highlights: list[HighlightAnswer] = Field(
        default_factory=list, description="parts of `text` that were asked for, in order"
    )
    translation_highlights: list[HighlightAnswer] = Field(
        default_factory=list, description="parts of `translation` that were asked for, in order"
    )


class PersonInVideo(_Answer):
    """Somebody who appears in a video."""

    person_id: UUID = Field(examples=["0c7f3a52-6e0e-4d5c-9a51-2d3f0c1b9e77"])
    name: str | None = Field(description="null where nobody has named the person", examples=["Grace Hopper"])


class ThemeOfVideo(_Answer):
    """The theme of a video."""

    theme_id: UUID = Field(examples=["8a4e0c52-7e0b-4c5e-9d51-4b3f2c7b9e10"])
    name: str = Field(examples=["Борщ, рецепт, свёкла"])


class ResultAnswer(_Answer):
    """One video of a result page."""

    rank: int = Field(description="1 is the best")
    score: float = Field(description="higher is better; falls along the list, unless diversity was asked for")
    video_id: UUID
    bucket: str
    key: str
    duration: float | None = Field(description="seconds")
    thumbnail_url: str | None
    video_url: str
    evidence: list[EvidenceAnswer] = Field(description="the best moments first; may be empty")
    frame: FrameAnswer | None = Field(
        default=None, description="null where the video has no frames, or was not searched by what is seen"
    )
    shares: dict[str, float] = Field(description="how much each modality of this video counts; sums to 1")
    contributions: dict[str, float] = Field(
        default_factory=dict,
        description="what each modality, and the exact words (`words`), add to the score; sums to it",
        examples=[{"ocr": 2.31, "visual": -0.4, "words": 8.02}],
    )
    matched: float = Field(
        default=0.0, description="0…1: the share of the query's words that the video's texts have"
    )
    confidence: float | None = Field(
        default=None,
        description="0…1: how probable it is that this is what was meant; null where scores do not tell",
        examples=[0.93],
    )
    people: list[PersonInVideo] = Field(
        default_factory=list, description="who appears, as far as it is known; those with a name first"
    )
    theme: ThemeOfVideo | None = Field(
        default=None, description="what it is about, with other videos; null where it is like no others"
    )
    duplicates: int = Field(
        default=0, description="near duplicates of this video that fit as well and are not shown"
    )


class SearchAnswer(_Answer):
    """A page of results, in ranking order."""

    query: QueryAnswer
    results: list[ResultAnswer]
    total: int = Field(description="results on this page")
    next_offset: int | None = Field(
        default=None, description="`offset` of the next page; null on the last one"
    )
    nothing_good: bool = Field(description="true if no result of this page is likely to be what was meant")
    took_ms: dict[str, float]


class SimilarAnswer(_Answer):
    """A page of videos that are like a video or a picture, the most alike first."""

    results: list[ResultAnswer] = Field(
        description="`score` is 1 for the same and about 0 for unrelated text"
    )
    total: int = Field(description="results on this page")
    next_offset: int | None = Field(description="`offset` of the next page; null on the last one")
    took_ms: dict[str, float]


class SpeechQueryAnswer(_Answer):
    """A spoken query as text."""

    text: str = Field(description="what was said, as it would be typed; goes into `q` of `/search`")
    language: str = Field(description="the language spoken, ISO 639-1")
    seconds: float = Field(description="how long the recording is")
    took_ms: dict[str, float]


class StageAnswer(_Answer):
    """Where one stage of a video stands."""

    stage: Stage
    state: StageState
    reason: str
    attempts: int
    model_version: str
    duration_ms: int | None
    cost_usd: float | None
    updated_at: datetime | None
    details: dict[str, Any]


class VideoAnswer(_Answer):
    """One video and all its stages."""

    video_id: UUID
    bucket: str
    key: str
    generation: int = Field(description="rises with every version of the object")
    state: VideoState
    duration: float | None
    width: int | None
    height: int | None
    has_audio: bool | None
    size: int = Field(description="bytes")
    created_at: datetime
    updated_at: datetime
    thumbnail_url: str | None
    video_url: str
    stages: list[StageAnswer]


class VideosAnswer(_Answer):
    """A page of videos, newest first."""

    videos: list[VideoAnswer]
    total: int = Field(description="videos on this page")


class ModelAnswer(_Answer):
    """Whether the weights of one role are there."""

    role: str
    variant: str = Field(description="which weights are in use; empty where none are installed")
    installed: bool
    demo: bool = Field(description="small demo weights, which know little: not for judging the search by")
    detail: str


class StatusAnswer(_Answer):
    """How many videos stand where, and which models are there."""

    videos: dict[VideoState, int]
    stages: dict[Stage, dict[StageState, int]]
    models: list[ModelAnswer]


class HealthAnswer(_Answer):
    """Whether search works right now."""

    status: str = Field(description="`ok`, or `degraded` where a service does not answer")
    checks: dict[str, str]
    version: str


class SessionAnswer(_Answer):
    """What a key is good for."""

    scopes: list[Scope] = Field(description="what it may be used for", examples=[["upload", "edit"]])
    tenant: str | None = Field(
        default=None, description="the one tenant whose glossary it is for; null: it is not limited to one"
    )


class UploadRequest(_Answer):
    """A video that a page wants to send."""

    name: str = Field(
        min_length=1, max_length=1024, description="the file's name", examples=["сырники на завтрак.mp4"]
    )
    size: PositiveInt = Field(description="bytes", examples=[4_218_530])
    content_type: str = Field(
        default="",
        max_length=200,
        description="as the browser says it; empty where it does not know the type",
        examples=["video/mp4"],
    )


class UploadAnswer(_Answer):
    """The form that a page sends a video with: all ``fields``, then the file as ``file``, to ``url``."""

    video_id: UUID = Field(description="what the video will be known by")
    bucket: str
    key: str = Field(examples=["uploads/8f14e45f-ceea-467f-a0e6-5f2d7c1c9b3d/сырники на завтрак.mp4"])
    url: str
    fields: dict[str, str]
    max_bytes: int = Field(description="the storage refuses more")
    expires_at: datetime = Field(description="the storage refuses the form if it is sent later")


class VideoDeleted(_Answer):
    """A video is being erased; search does not find it any more."""

    video_id: UUID
    state: Literal["deleting"] = "deleting"


class VideoRetried(_Answer):
    """What is tried again."""

    video_id: UUID
    stages: list[Stage] = Field(description="none where nothing had failed", examples=[["ocr", "speech"]])


class GlossaryEntry(_Answer):
    """A word or phrase of the glossary."""

    source: str = Field(
        min_length=1, max_length=200, description="Russian, in its dictionary form", examples=["бравлик"]
    )
    targets: list[str] = Field(
        max_length=20,
        description="English, the main translation first; none: a word that English leaves out",
        examples=[["brawler", "brawl stars player"]],
    )
    kind: Literal["term", "word"] = Field(
        default="term",
        description="`term`: kept through a neural translator; `word`: only where there is none",
    )


class GlossaryChange(_Answer):
    """Entries to add, or to put in the place of those that are there."""

    entries: list[GlossaryEntry] = Field(min_length=1, max_length=1000)


class GlossaryAnswer(_Answer):
    """What was added to the glossary that comes with Kadr."""

    tenant: str = Field(description="empty: everybody's")
    entries: list[GlossaryEntry]


class GlossaryChanged(_Answer):
    """What a change did; search knows it within seconds."""

    tenant: str
    added: int
    changed: int
    removed: int


class SuggestionAnswer(_Answer):
    """A phrase that completes what was typed."""

    text: str
    source: Source = Field(
        description="where it comes from: what people ask, names, or the videos themselves"
    )
    group: int = Field(description="phrases of one group mean about the same; 0 is the largest group")


class SuggestAnswer(_Answer):
    """Phrases that complete what was typed, the best first; may be empty."""

    suggestions: list[SuggestionAnswer]
    personal: bool = Field(description="true if the user's last queries were looked at")
    took_ms: float


class HistoryErased(_Answer):
    """How many queries of a user were forgotten."""

    erased: int


class ErrorBody(_Answer):
    """What went wrong."""

    code: str
    message: str


class ErrorAnswer(_Answer):
    """Every error has this shape."""

    error: ErrorBody
