"""Text on screen, as the reference system does it: EasyOCR on a frame every three seconds.

``python -m bench.reference.ocr CLIP`` with the package on ``PYTHONPATH`` prints the seconds; :func:`read`
runs that in a child process, because torchvision beside a CPU build of torch would break other imports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / ".kadr" / "tools" / "easyocr"
EVERY = 3  # seconds
THREADS = 2


def read(clip: Path) -> float:
    """Return the seconds that it takes to read ``clip``; loading the networks is not counted.

    The method as it is described: every three seconds a frame, decoded with OpenCV, is given to the package's
    networks in torch, at the canvas of 2560 pixels that the package has by default (frames of 720 × 1280 are
    looked at as they are); its lines are read one by one. The weights are those of
    :mod:`bench.weights.easyocr`.

    Raises:
        RuntimeError: the package is not installed, or failed.
    """
    return float(measure(clip)["seconds"])


def measure(clip: Path) -> dict[str, float]:
    """Return ``seconds``, and of them those for finding (``detect``), ``frames`` and ``lines``."""
    if not (PACKAGE / "easyocr").is_dir():
        raise RuntimeError("the package easyocr is not installed: scripts/easyocr.sh")
    done = subprocess.run(
        [sys.executable, "-m", "bench.reference.ocr", str(clip)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the package easyocr failed: {done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _child(clip: Path) -> dict[str, float]:
    import cv2
    import torch
    from safetensors.numpy import save_file

    from bench.weights import easyocr as weights
    from tests.models.easyocr.package import reader

    warnings.simplefilter("ignore")
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        detector, recogniser = weights.small()
        save_file(weights.wide_detector(detector), folder / "detector.safetensors")
        save_file(weights.wide_recogniser(recogniser), folder / "recogniser.safetensors")
        package = reader(folder)
    frames, found, detecting = 0, 0, 0.0
    begun = time.perf_counter()
    video = cv2.VideoCapture(str(clip))
    try:
        rate = video.get(cv2.CAP_PROP_FPS)
        for number in range(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)), max(1, round(EVERY * rate))):
            video.set(cv2.CAP_PROP_POS_FRAMES, number)
            there, image = video.read()
            if not there:
                continue
            frames += 1
            before = time.perf_counter()
            (level,), (tilted,) = package.detect(image)
            detecting += time.perf_counter() - before
            grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            found += len(package.recognize(grey, level, tilted))
    finally:
        video.release()
    return {
        "seconds": time.perf_counter() - begun,
        "detect": detecting,
        "frames": frames,
        "lines": found,
    }


if __name__ == "__main__":
    print(json.dumps(_child(Path(sys.argv[1]))))
