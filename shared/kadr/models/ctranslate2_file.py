"""CTranslate2's ``model.bin``, read as arrays: it can be run by other engines, and trained on."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

VERSION = 6  # of the file's layout
# In the order in which CTranslate2 numbers them; numpy has no bfloat16.
_KINDS = (np.float32, np.int8, np.int16, np.int32, np.float16)


def variables(path: Path) -> dict[str, Array]:
    """Return all tensors by their names, as they are stored; what has two names is there twice.

    Weights of 8 bits (out, in) have their ``NAME_scale`` (out,) beside them: a weight is its number divided
    by its row's scale.

    Raises:
        ValueError: it is no such file, of another version, cut off, or holds bfloat16.
    """
    try:
        with path.open("rb") as file:
            (version,) = _numbers(file, "I")
            if version != VERSION:
                raise ValueError(f"{path} is of version {version}, and not of {VERSION}")
            _text(file)  # which model it is
            _numbers(file, "I")  # and of which revision
            found = {}
            for _ in range(_numbers(file, "I")[0]):
                name = _text(file)
                shape = _numbers(file, f"{_numbers(file, 'B')[0]}I")
                kind, size = _numbers(file, "B")[0], _numbers(file, "I")[0]
                content = file.read(size)
                if len(content) < size:
                    raise ValueError(f"{path} is cut off")
                found[name] = np.frombuffer(content, _KINDS[kind]).reshape(shape)
            for _ in range(_numbers(file, "I")[0]):
                name, meant = _text(file), _text(file)
                found[name] = found[meant]
                if f"{meant}_scale" in found:
                    found[f"{name}_scale"] = found[f"{meant}_scale"]
    except (struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no model of CTranslate2, or cut off ({error})") from error
    return found


def floats(stored: dict[str, Array], name: str) -> npt.NDArray[np.float32]:
    """Return a tensor as numbers, whatever it is stored as.

    Raises:
        KeyError: there is none of this name.
    """
    value = stored[name].astype(np.float32)
    if f"{name}_scale" in stored:
        value /= stored[f"{name}_scale"].reshape(-1, *[1] * (value.ndim - 1))
    return value


def _numbers(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(f"={layout}", file.read(struct.calcsize(f"={layout}")))


def _text(file: BinaryIO) -> str:
    return file.read(_numbers(file, "H")[0])[:-1].decode()  # a zero byte ends it
