"""Recognising pickles, which can run code when they are opened, by name and by content."""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import Path

# What torch, joblib and the pickle module write. CTranslate2 calls its own format model.bin.
PICKLE_SUFFIXES = frozenset({".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})
CTRANSLATE2_MODEL = "model.bin"

_HEAD = 1 << 16  # bytes looked at for a pickle without a header; those that matter are small
_MOST_HEADER = 100_000_000  # bytes of JSON that safetensors allows itself
_MOST_OPCODES = 10_000
_PROTOCOLS = 16  # there are 5; later ones will begin in the same way
# What can call something. A text whose first letters happen to be opcodes does not get as far as these
# and then on to the end of a pickle.
_CALLING = frozenset({"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"})


def named_like_a_pickle(name: str) -> bool:
    """Whether a file of this name is usually a pickle."""
    path = Path(name)
    return path.suffix.lower() in PICKLE_SUFFIXES and path.name != CTRANSLATE2_MODEL


def pickle_inside(path: Path) -> str:
    """Return what kind of pickle a file is by its content, or an empty string where it is none.

    Recognised are the header that protocols 2 and later begin with (legacy ``torch.save`` among them),
    whole pickles of protocols 0 and 1, zip files (what ``torch.save`` writes today) and tar files (what it
    wrote before 2018).
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= _PROTOCOLS and not _safetensors(head):
        return "a pickle"
    if _whole_pickle(head):
        return "a pickle"
    if head.startswith(b"PK\x03\x04") or zipfile.is_zipfile(path):
        return _kind_of_zip(path)
    if head[257:262] == b"ustar":
        return "a tar file, which torch.save used to write"
    return ""


def _safetensors(head: bytes) -> bool:
    """Whether this is safetensors' beginning: a length, whose first bytes may be anything, then JSON."""
    return 2 <= int.from_bytes(head[:8], "little") <= _MOST_HEADER and head[8:9] == b"{"


def _whole_pickle(head: bytes) -> bool:
    calls = False
    try:
        for count, (opcode, _, _) in enumerate(pickletools.genops(io.BytesIO(head))):
            calls = calls or opcode.name in _CALLING
            if count > _MOST_OPCODES:
                return calls
    except Exception:  # whatever it stumbles over: this is no pickle
        return False
    return calls


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            if any(name.rpartition("/")[2] == "data.pkl" for name in archive.namelist()):
                return "a zip file with a pickle in it, which is what torch.save writes"
    except (zipfile.BadZipFile, OSError):
        pass
    return "a zip file, which is what torch.save writes"
