"""A dictionary as bytes: NumPy arrays in a zip file (``.npz``), no pickles. Equal ones give equal bytes.

Texts are one array of UTF-8 bytes, a line each; a description in JSON says which format it is and how many
lines there are.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.core.errors import DictionaryError
from kadr.core.suggestions import Dictionary, Phrase, Source

FORMAT = 1
CONTENT_TYPE = "application/octet-stream"
# 100,000 phrases of 60 letters with vectors of 384 numbers have some 60 MB.
MOST_BYTES = 256 * 1024 * 1024
_SOURCES = tuple(Source)


def write(dictionary: Dictionary) -> bytes:
    """Return the bytes of a dictionary."""
    phrases = dictionary.phrases
    arrays: dict[str, npt.NDArray[Any]] = {
        "about": _bytes(
            json.dumps({"format": FORMAT, "phrases": len(phrases), "encoder": dictionary.encoder})
        ),
        "texts": _lines(each.text for each in phrases),
        "sources": np.array([_SOURCES.index(each.source) for each in phrases], dtype=np.uint8),
        "weights": np.array([each.weight for each in phrases], dtype="<f4"),
        "words": _lines(dictionary.words),
        "word_ids": dictionary.word_ids.astype("<i4"),
        "word_starts": dictionary.word_starts.astype("<i4"),
    }
    if dictionary.vectors is not None:
        arrays["vectors"] = dictionary.vectors
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read(content: bytes) -> Dictionary:
    """Return the dictionary that ``content`` holds; everything that the index relies on is checked.

    Raises:
        DictionaryError: it is damaged, or of another format.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            if about["format"] != FORMAT:
                raise DictionaryError(
                    f"the suggestions have format {about['format']}, this version reads {FORMAT}: "
                    "run `kadr suggestions build`"
                )
            texts, words = _split(arrays["texts"]), _split(arrays["words"])
            sources, weights = arrays["sources"].tolist(), arrays["weights"].tolist()
            ids = arrays["word_ids"].astype(np.int32)
            starts = arrays["word_starts"].astype(np.int32)
            vectors = arrays.get("vectors")
        _check(about["phrases"] == len(texts) and words == sorted(set(words)))
        _check(starts[0] == 0 and starts[-1] == len(ids) and bool((np.diff(starts) > 0).all()))
        _check(not len(ids) or (ids.min() >= 0 and ids.max() < len(words)))
        _check(vectors is None or (vectors.dtype == np.int8 and vectors.ndim == 2))
        found = zip(texts, sources, weights, strict=True)
        return Dictionary(
            phrases=tuple(Phrase(text, _SOURCES[source], weight) for text, source, weight in found),
            words=tuple(words),
            word_ids=ids,
            word_starts=starts,
            vectors=vectors,
            encoder=str(about["encoder"]),
        )
    except (ValueError, KeyError, IndexError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DictionaryError(
            f"the suggestions are damaged ({error}): run `kadr suggestions build`"
        ) from error


def _check(right: bool) -> None:
    if not right:
        raise ValueError("its parts do not fit together")


def _bytes(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _lines(texts: Iterable[str]) -> npt.NDArray[np.uint8]:
    return _bytes("\n".join(texts))


def _split(lines: npt.NDArray[np.uint8]) -> list[str]:
    text = lines.tobytes().decode()
    return text.split("\n") if text else []
