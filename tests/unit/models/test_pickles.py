"""Pickles are recognised by their content, and texts and weights are not taken for them."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kadr.models.pickles import named_like_a_pickle, pickle_inside


class Calls:
    """Becomes a call when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.getpid, ()


def zipped(name: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, b"\x80\x02.")
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"))
    return content.getvalue()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(pickle.dumps({"weights": [1.0], "call": Calls()}, protocol=protocol))
    assert pickle_inside(path) == "a pickle"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped("archive/data.pkl"), "a zip file with a pickle in it"),
        (zipped("weights"), "a zip file"),
        (b"\x08\x09" + zipped("archive/data.pkl"), "a zip file with a pickle in it"),
        (tarred(), "a tar file"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "a pickle"),  # legacy torch.save begins so
    ],
    ids=["torch", "zip", "hidden zip", "tar", "legacy torch"],
)
def test_what_torch_has_written_over_the_years(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    assert pickle_inside(path).startswith(kind)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80",
        b"{}",
        b'{"a": [1, 2]}',
        b"cat\ndog\nemu\n.\n",  # by its first letters, a pickle that looks up a name
        "0123456789!\"#$%&'()*+,-./:;<=>? абв".encode(),
        b".",
        b"I1\n.",
        b"\x08\x0a\x12\x04kadr" + bytes(100),  # ONNX
        struct.pack("<I", 6) + b"\x0c\x00WhisperSpec\x00",  # CTranslate2
        struct.pack("<Q", 0x0280) + b"{" + b" " * 0x027F,  # safetensors whose length looks like a protocol
    ],
)
def test_what_is_no_pickle(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert pickle_inside(path) == ""


def test_names() -> None:
    assert all(map(named_like_a_pickle, ("pytorch_model.bin", "a.PTH", "x.pkl", "x.ckpt", "x.joblib")))
    assert not any(map(named_like_a_pickle, ("model.bin", "model.onnx", "model.safetensors", "bin")))
