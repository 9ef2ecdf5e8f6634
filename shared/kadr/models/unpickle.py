"""Reading weights that exist only as a pickle, in a child process, and writing them as safetensors.

``python -m kadr.models.unpickle FROM TO`` is the child. It reads with torch's weights-only unpickler, which
builds tensors and plain containers and refuses to look up anything else, after it has limited its own
memory, processor time, the size of what it may write, and its privileges. It can still read the user's files
and reach the network: the unpickler is what keeps a stranger's code out, the limits are for the case that it
has a hole.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError

_TIMEOUT = 600  # seconds; the largest known (Whisper medium, 3 GB) is a matter of reading a file once
_LIBRARIES = 8 << 30  # bytes of address space that torch and its threads reserve, most of it never touched
_COPIES = 4  # the file mapped, its tensors, their copies without shared storage, what is written
# How much larger than the file its tensors may be: what names share is written once for each. Of a Marian,
# four names share the largest tensor.
_MOST_GROWTH, _SMALL = 4, 1 << 20
_ADVICE = ("Weights only load failed", "Check the documentation")
_REFUSED, _NO_TORCH = 3, 4  # exit codes
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def to_safetensors(pickle: Path, to: Path) -> None:
    """Write the tensors of a pickled state dict to ``to``.

    Raises:
        WeightsRefusedError: the pickle asks for anything but tensors, is damaged, or hits a limit.
        WeightsUnavailableError: torch is not installed.
    """
    # An environment of its own: no credentials, no settings that change what Python loads.
    environment = {"PATH": os.defpath, "HOME": "/nonexistent", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", __name__, str(pickle.resolve()), str(to.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        to.unlink(missing_ok=True)
        raise WeightsRefusedError(f"{pickle.name} could not be read within {_TIMEOUT} s") from error
    if done.returncode == 0:
        return
    to.unlink(missing_ok=True)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    said = lines[-1] if lines else f"the process that read it ended with {done.returncode}"
    if done.returncode == _NO_TORCH:
        raise WeightsUnavailableError("", "reading a pickle needs torch: pip install 'kadr[torch]'")
    raise WeightsRefusedError(f"{pickle.name} was refused: {said}")


def main(pickle: Path, to: Path) -> int:
    """Do the child's work; return its exit code."""
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return _NO_TORCH
    _confine(pickle.stat().st_size)
    try:
        loaded = torch.load(pickle, map_location="cpu", weights_only=True)
        tensors = _tensors(loaded, pickle.stat().st_size)
    except Exception as error:  # unpicklers fail in every way there is
        # Around the reason torch says how to read the file unsafely, which is not what we advise.
        said = [part for part in str(error).split("\n\n") if part.strip() and not part.startswith(_ADVICE)]
        reason = " ".join((said[0] if said else type(error).__name__).split())
        sys.stderr.write(reason.removeprefix("WeightsUnpickler error: ")[:300] + "\n")
        return _REFUSED
    # Two names may share one storage, which safetensors does not allow: each gets a copy of its own.
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, to)
    return 0


def _tensors(loaded: Any, size: int) -> dict[str, Any]:
    """Return the tensors of a state dict, also where it lies one level down, as checkpoints have it."""
    import torch

    if not isinstance(loaded, dict):
        raise TypeError(f"it holds a {type(loaded).__name__}, not named tensors")
    for name in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded.get(name), dict):
            loaded = loaded[name]
    tensors = {str(name): value for name, value in loaded.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise TypeError("it holds no named tensors")
    # A view can repeat a few bytes without end, and would be written out in full.
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if claimed > _MOST_GROWTH * size + _SMALL:
        raise ValueError(f"its tensors would take {claimed} bytes, and the file has {size}")
    return tensors


def _confine(size: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for kind, limit in (
        (resource.RLIMIT_AS, _LIBRARIES + _COPIES * size),
        (resource.RLIMIT_CPU, _TIMEOUT),
        (resource.RLIMIT_FSIZE, _MOST_GROWTH * size + 2 * _SMALL),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),  # no new processes or threads (but root's are not counted)
    ):
        _, ceiling = resource.getrlimit(kind)
        value = limit if ceiling == resource.RLIM_INFINITY else min(limit, ceiling)
        resource.setrlimit(kind, (value, value))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
