"""Weights that are pickles: what torch writes is recognised, and what would run code does not run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from kadr.core.errors import WeightsRefusedError
from kadr.models.pickles import pickle_inside
from kadr.models.unpickle import to_safetensors

pytestmark = pytest.mark.torch


class Evil:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("torch", "Trying to load unsupported GLOBAL posix.system"),
        ("torch, as it was", "Trying to load unsupported GLOBAL posix.system"),
        ("pickle", "Unsupported operand"),
    ],
)
def test_a_pickle_that_runs_code_is_not_read(tmp_path: Path, way: str, said: str) -> None:
    trace, path, to = tmp_path / "trace", tmp_path / "weights.bin", tmp_path / "weights.safetensors"
    content = {"weight": torch.ones(2), "evil": Evil(trace)}
    if way == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=way == "torch")
    with pytest.raises(WeightsRefusedError, match=r"weights\.bin was refused: " + said):
        to_safetensors(path, to)
    assert not trace.exists()
    assert not to.exists()
    # It would have run: this is no harmless file.
    if way == "pickle":
        pickle.loads(path.read_bytes())
        assert trace.exists()


def test_tensors_come_through_also_where_they_share_memory(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    shared = torch.arange(6, dtype=torch.float32)
    torch.save(
        {"state_dict": {"a": shared, "b": shared[2:], "half": shared.half()}, "epoch": 3}, tmp_path / "w.bin"
    )
    to_safetensors(tmp_path / "w.bin", tmp_path / "w.safetensors")
    tensors = load_file(tmp_path / "w.safetensors")
    assert {name: value.tolist() for name, value in tensors.items()} == {
        "a": [0, 1, 2, 3, 4, 5], "b": [2, 3, 4, 5], "half": [0, 1, 2, 3, 4, 5]
    }  # fmt: skip


def test_what_four_names_share_is_written_for_each(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    largest = torch.ones(1 << 20)
    # In a Marian: the embeddings of all, of the encoder and of the decoder, and what the decoder says.
    torch.save(dict.fromkeys(("shared", "encoder", "decoder", "said"), largest), tmp_path / "w.bin")
    to_safetensors(tmp_path / "w.bin", tmp_path / "w.safetensors")
    assert len(load_file(tmp_path / "w.safetensors")) == 4


def test_a_few_bytes_cannot_become_a_large_file(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1).expand(1 << 30)}, tmp_path / "w.bin")
    assert (tmp_path / "w.bin").stat().st_size < 10_000
    with pytest.raises(WeightsRefusedError, match="would take 4294967296 bytes"):
        to_safetensors(tmp_path / "w.bin", tmp_path / "w.safetensors")
    assert not (tmp_path / "w.safetensors").exists()


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_what_torch_writes_is_recognised_under_any_name(tmp_path: Path, new: bool) -> None:
    path = tmp_path / "model.onnx"
    torch.save({"weight": torch.ones(2)}, path, _use_new_zipfile_serialization=new)
    assert pickle_inside(path) == (
        "a zip file with a pickle in it, which is what torch.save writes" if new else "a pickle"
    )
