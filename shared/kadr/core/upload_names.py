"""What an uploaded file is called in the bucket, and what type it has: both are what somebody else claims."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from uuid import UUID

# Below which uploads of the page lie; the search function may write nowhere else.
UPLOADS = "uploads/"
# Containers that are opened (see kadr.media.opening), by the type that browsers send; the first extension is
# the usual one. An object is served with its type: there is none here that a browser would run.
_EXTENSIONS = {
    "video/mp4": (".mp4", ".m4v"),
    "video/quicktime": (".mov", ".qt"),
    "video/webm": (".webm",),
    "video/x-matroska": (".mkv",),
    "video/x-msvideo": (".avi",),
    "video/mpeg": (".mpg", ".mpeg"),
    "video/mp2t": (".ts", ".mts", ".m2ts"),
    "video/3gpp": (".3gp",),
    "video/3gpp2": (".3g2",),
    "video/x-flv": (".flv",),
    "video/x-ms-wmv": (".wmv",),
    "video/x-ms-asf": (".asf",),
    "video/ogg": (".ogv",),
}
_BY_EXTENSION = {extension: kind for kind, known in _EXTENSIONS.items() for extension in known}
_OTHER_NAMES = {
    "video/avi": "video/x-msvideo",
    "video/msvideo": "video/x-msvideo",
    "video/matroska": "video/x-matroska",
    "video/x-m4v": "video/mp4",
    "video/x-quicktime": "video/quicktime",
}
# What browsers say of files that their system does not know.
_UNKNOWN = {"", "application/octet-stream", "application/x-matroska"}

# In UTF-8, as S3 counts (1,024 for a whole key); file systems take 255, and a name shall fit them too.
_LONGEST_NAME = 200
_LONGEST_EXTENSION = 12
# Characters that turn the direction of what follows: a name could seem to end in another extension.
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def video_type(name: str, claimed: str) -> str | None:
    """Return the media type that a file is kept with, by its name and what is claimed; ``None``: no video."""
    kind = claimed.partition(";")[0].strip().lower()
    kind = _OTHER_NAMES.get(kind, kind)
    if kind in _EXTENSIONS:
        return kind
    if kind in _UNKNOWN or kind.startswith("video/"):
        return _BY_EXTENSION.get(PurePosixPath(name.lower()).suffix)
    return None


def upload_key(token: UUID, name: str, kind: str) -> str:
    """Return where a file called ``name`` goes; nobody guesses it who does not know the random ``token``."""
    return f"{UPLOADS}{token}/{safe_name(name, kind)}"


def safe_name(name: str, kind: str) -> str:
    """Return a file's name as one part of a key: what people would recognise, and nothing that acts.

    Any script and emoji stay. Folders, control characters and what turns the direction of writing go, and so
    does ``${``, which S3 replaces in the key of a form.
    """
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    name = "".join(character for character in name if _kept(character)).replace("${", "$(")
    name = " ".join(name.split()).strip(". ")
    if not name:
        return "video" + _EXTENSIONS[kind][0]
    path = PurePosixPath(name)
    end = path.suffix if len(path.suffix.encode()) <= _LONGEST_EXTENSION else ""
    stem = name.removesuffix(end)
    return _shortened(stem, _LONGEST_NAME - len(end.encode())) + end


def _kept(character: str) -> bool:
    number = ord(character)
    # XML, in which S3 lists its keys, has no control characters; the last two of each plane are none at all.
    nothing = number & 0xFFFE == 0xFFFE or 0xFDD0 <= number <= 0xFDEF
    if nothing or character in _DIRECTION:
        return False
    return character.isspace() or unicodedata.category(character) not in {"Cc", "Cs"}


def _shortened(text: str, most: int) -> str:
    """Cut to ``most`` bytes of UTF-8, between characters."""
    return text.encode()[:most].decode(errors="ignore").rstrip("\u200d. ")
