"""What the package easyocr itself makes of weights and pictures.

``python -m tests.models.easyocr.package FOLDER --canvas N``, with ``.kadr/tools/easyocr`` on ``PYTHONPATH``
(``scripts/easyocr.sh``). FOLDER holds ``detector.safetensors``, ``recogniser.safetensors``, ``pixels.npy``
(for CRAFT), ``lines.npy`` (for the recogniser) and pictures (``*.png``), whose longer side is reduced to N
pixels. ``answers.json``, ``maps.npy`` and ``logits.npy`` are written beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

# torchvision's compiled part belongs to another build of torch and does not load, but its Python part
# registers shapes for two operators of it. With these declared (and never called) the import goes on.
OPERATORS = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def reader(folder: Path) -> Any:
    """Return an ``easyocr.Reader`` for Russian and English that loads the weights in ``folder``."""
    import easyocr
    from easyocr import config
    from safetensors.torch import load_file

    for network, known in (
        ("detector", config.detection_models["craft"]),
        ("recogniser", config.recognition_models["gen2"]["cyrillic_g2"]),
    ):
        path = folder / known["filename"]
        tensors = load_file(folder / f"{network}.safetensors")
        # the published files were saved from several cards, and the package cuts that prefix off
        torch.save({f"module.{name}": value for name, value in tensors.items()}, path)
        known["md5sum"] = hashlib.md5(path.read_bytes()).hexdigest()
    return easyocr.Reader(
        ["ru", "en"], gpu=False, model_storage_directory=str(folder), user_network_directory=str(folder),
        download_enabled=False, quantize=False, verbose=False,
    )  # fmt: skip


def main() -> None:
    """Answer for every picture: its lines, and what is read in them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--canvas", type=int, required=True)
    arguments = parser.parse_args()
    folder = arguments.folder
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    package = reader(folder)
    package.recognizer.eval()  # the package itself does so only when it reads
    with torch.no_grad():
        np.save(folder / "maps.npy", package.detector(torch.from_numpy(np.load(folder / "pixels.npy")))[0])
        np.save(
            folder / "logits.npy", package.recognizer(torch.from_numpy(np.load(folder / "lines.npy")), None)
        )
    answers = {}
    for path in sorted(folder.glob("*.png")):
        picture = str(path)  # of a file's bytes the package makes a grey picture with red and blue exchanged
        (level,), (tilted,) = package.detect(picture, canvas_size=arguments.canvas)
        read = [
            package.recognize(picture, [box], []) if len(box) == 4 and not np.ndim(box[0]) else
            package.recognize(picture, [], [box])
            for box in [*level, *tilted]
        ]  # fmt: skip
        answers[path.name] = [
            {
                "corners": np.asarray(line[0][0], float).tolist(),
                "text": line[0][1],
                "confidence": float(line[0][2]),
            }
            for line in read
        ]
    (folder / "answers.json").write_text(json.dumps(answers, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
