"""ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from kadr.core.errors import WeightsRefusedError


class Session(Protocol):
    """What is used of ``onnxruntime.InferenceSession``."""

    def run(
        self, outputs: list[str] | None, inputs: Mapping[str, npt.NDArray[Any]]
    ) -> list[npt.NDArray[Any]]:
        """Return the outputs, in order."""
        ...


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def open_session(model: Path, *, threads: int = 0) -> Session:
    """Load a model for the CPU; ``threads`` 0 means one per available processor.

    Raises:
        WeightsRefusedError: it is not a model that ONNX Runtime understands.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; they are raised as well
    # Threads wait actively within a call, which halves the time of a short one, but not after it: other
    # functions run on the same processors.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    try:
        session: Session = onnxruntime.InferenceSession(
            model, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors have no common base but Exception
        raise WeightsRefusedError(
            f"{model} cannot be loaded by ONNX Runtime {onnxruntime.__version__}: {error}"
        ) from error
    return session
