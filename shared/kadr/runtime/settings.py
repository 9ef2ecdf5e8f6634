"""Settings: one model per function, composed of mixins. The environment is read nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kadr.core.modality import Stage


class PostgresSettings(BaseSettings):
    """Where PostgreSQL is. The password comes from Secrets Manager, never from the environment."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    postgres_host: str
    postgres_port: Annotated[int, Field(ge=1, le=65535)] = 5432
    postgres_database: str = "kadr"
    postgres_sslmode: str = "require"
    # a secret of the form {"username": …, "password": …}, as RDS makes them
    postgres_secret_arn: str


class QdrantSettings(BaseSettings):
    """Where Qdrant is."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    qdrant_url: str
    qdrant_secret_arn: str = ""  # a secret of the form {"api_key": …}; empty: no key
    qdrant_collection: str = "videos"  # the alias
    qdrant_timeout: PositiveFloat = 10.0  # seconds


class BucketSettings(BaseSettings):
    """The buckets: what people upload, and what Kadr derives from it."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    media_bucket: str
    derived_bucket: str


class AssembleQueueSettings(BaseSettings):
    """Where extractors report."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    assemble_queue_url: str


class MediaSettings(BaseSettings):
    """Limits on what is opened; see :class:`kadr.media.limits.MediaLimits`."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    media_max_bytes: PositiveInt = 1024 * 1024 * 1024
    media_max_duration: PositiveFloat = 1800.0  # seconds


class ModelSettings(BaseSettings):
    """Where weights lie."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    models_dir: Path = Path("/opt/kadr/models")
    tessdata_dir: Path = Path("/usr/share/tesseract-ocr/5/tessdata")
    # what reads text on screen; auto: EasyOCR where its weights are installed, else the embedded engine
    ocr_engine: Literal["auto", "easyocr", "embedded"] = "auto"


class StorageSettings(PostgresSettings, QdrantSettings):
    """What every function that stores something needs."""

    # how often a queue delivers a message before it goes to the dead-letter queue; as in infra/media.yaml
    max_receive_count: PositiveInt = 5


class ExtractorSettings(
    StorageSettings,
    BucketSettings,
    AssembleQueueSettings,
    MediaSettings,
    ModelSettings,
):
    """What an extractor needs."""

    faces: Literal["on", "off"] = "on"  # off: nobody's face is encoded (docs/people.md)


class AssembleSettings(StorageSettings):
    """What assemble needs."""


class ClusterSettings(StorageSettings, ModelSettings):
    """What cluster needs."""


class PurgeSettings(StorageSettings, BucketSettings):
    """What purge needs."""


class SpeechQuerySettings(BaseSettings):
    """Limits on spoken queries."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    # 15 s of WAV at 16 kHz have 0.5 MB, at 32 kHz 1 MB; of Opus, as browsers record it, 0.2 MB at most
    speech_query_max_bytes: PositiveInt = 1_000_000
    speech_query_max_seconds: Annotated[float, Field(gt=0, le=28)] = 15.0  # Whisper hears 30 s at once
    speech_query_per_minute: PositiveInt = 20  # of one client, within one process


class ImageQuerySettings(BaseSettings):
    """Limits on pictures and clips that are searched by."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    # a synchronous payload of Lambda has 6 MB, and the gateway's base64 makes 4 of 3
    image_query_max_bytes: Annotated[int, Field(gt=0, le=4_400_000)] = 4_000_000
    image_query_max_seconds: PositiveFloat = 60.0  # of a clip
    image_query_per_minute: PositiveInt = 30  # of one client, within one process


class UploadSettings(BaseSettings):
    """Limits on the forms that pages upload with; :class:`MediaSettings` has those on the files."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    # a gigabyte takes three quarters of an hour at 3 Mbit/s, and S3 asks at the beginning only
    upload_seconds: PositiveInt = 3600  # how long a form can be sent
    uploads_per_minute: PositiveInt = 60  # with one key, within one process


class StageQueueSettings(AssembleQueueSettings):
    """The queues of the stages, by which what failed is tried again; empty where there is none."""

    assemble_queue_url: str = ""
    ingest_queue_url: str = ""
    visual_queue_url: str = ""
    ocr_queue_url: str = ""
    speech_queue_url: str = ""
    faces_queue_url: str = ""

    @property
    def stage_queues(self) -> dict[Stage, str]:
        """The queue of each stage, by URL."""
        return {stage: getattr(self, f"{stage}_queue_url") for stage in Stage}


class PageSettings(BaseSettings):
    """Where the search page's files lie, if this function serves them."""

    model_config = SettingsConfigDict(env_prefix="KADR_", frozen=True, extra="ignore")

    page_dir: Path | None = None  # None, or empty: it is served from elsewhere

    @field_validator("page_dir", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return value or None


class SearchSettings(
    StorageSettings,
    BucketSettings,
    MediaSettings,
    ModelSettings,
    SpeechQuerySettings,
    ImageQuerySettings,
    UploadSettings,
    StageQueueSettings,
    PageSettings,
):
    """What search needs."""

    link_seconds: PositiveInt = 3600  # how long the links to videos and thumbnails in an answer work
