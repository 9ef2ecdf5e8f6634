"""The messages that Kadr's functions receive from the bucket and send to one another."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kadr.core.identity import video_id
from kadr.core.modality import Modality


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _ObjectMessage(_Message):
    """Something happened to an object. The key is decoded: exactly the name the uploader gave."""

    bucket: str = Field(min_length=3, max_length=63)
    key: str = Field(min_length=1, max_length=1024)
    version_id: str | None = None
    etag: str | None = None
    sequencer: str | None = None  # logged only: emulators send a constant (ADR 0002)

    @property
    def video_id(self) -> UUID:
        """The identity of the video at this place."""
        return video_id(self.bucket, self.key)


class ObjectCreated(_ObjectMessage):
    """An object was written. A hint: what lies there now is asked of the bucket (ADR 0002)."""

    kind: Literal["object-created"] = "object-created"


class ObjectRemoved(_ObjectMessage):
    """An object was deleted. A hint, as above."""

    kind: Literal["object-removed"] = "object-removed"


class ModalityExtracted(_Message):
    """An extractor has written its vector and rows: the video's search vector is out of date."""

    kind: Literal["modality-extracted"] = "modality-extracted"
    schema_version: Literal[1] = 1
    video_id: UUID
    generation: int = Field(ge=1)
    modality: Modality
