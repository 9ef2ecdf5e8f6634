from __future__ import annotations

import io

import numpy as np
import pytest

from kadr.core.errors import DictionaryError
from kadr.core.suggestion_file import read, write
from kadr.core.suggestions import Dictionary, Phrase, Source, SuggestionIndex

LISTED = [Phrase("как варить борщ", Source.CAPTION, 2.0), Phrase("кот", Source.QUERY, 3.5)]


def dictionary() -> Dictionary:
    return Dictionary.of(LISTED, np.array([[127, 0], [0, -127]], dtype=np.int8), encoder="m-1")


def test_it_comes_back_as_it_was() -> None:
    before, after = dictionary(), read(write(dictionary()))
    assert (after.phrases, after.words, after.encoder) == (before.phrases, before.words, "m-1")
    assert after.vectors is not None
    assert after.vectors.tolist() == [[0, -127], [127, 0]]  # heaviest first
    assert SuggestionIndex(after).suggest("борщ") == SuggestionIndex(before).suggest("борщ")


def test_without_vectors_and_without_phrases() -> None:
    assert read(write(Dictionary.of(LISTED))).vectors is None
    assert SuggestionIndex(read(write(Dictionary.of([])))).suggest("к") == []


def test_equal_dictionaries_are_equal_bytes() -> None:
    assert write(dictionary()) == write(dictionary())


def rewritten(**changes: object) -> bytes:
    with np.load(io.BytesIO(write(dictionary()))) as arrays:
        content = dict(arrays) | changes
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip file",
        write(dictionary())[:200],
        rewritten(about=np.frombuffer(b'{"format": 99}', dtype=np.uint8)),
        rewritten(about=np.frombuffer(b"{", dtype=np.uint8)),
        rewritten(word_ids=np.array([0, 1, 2, 99], dtype=np.int32)),
        rewritten(word_starts=np.array([0, 9, 4], dtype=np.int32)),
        rewritten(weights=np.zeros(1, dtype=np.float32)),
        rewritten(sources=np.array([0, 99], dtype=np.uint8)),
        rewritten(vectors=np.zeros((1, 2), dtype=np.int8)),
        rewritten(texts=np.array([object()], dtype=object)),  # a pickle
    ],
)
def test_what_is_damaged_or_unsafe_is_refused_with_what_to_do(content: bytes) -> None:
    with pytest.raises(DictionaryError, match="kadr suggestions build"):
        read(content)
