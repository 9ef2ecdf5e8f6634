"""Agreement with the package easyocr, given the same weights and the same pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

import cv2

from bench.weights import easyocr as weights
from kadr.adapters.craft import CraftDetector
from kadr.adapters.easyocr import EasyRecogniser
from kadr.adapters.onnx import open_session
from kadr.models.catalogue import EASYOCR_CYRILLIC
from kadr.models.easyocr_onnx import build_detector, build_recogniser
from tests.models.easyocr.rendering import background, write
from tests.needs import lacking

# The child imports torch and the package: minutes, where other work runs on the same processors.
pytestmark = [pytest.mark.easyocr, pytest.mark.onnx, pytest.mark.torch, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / ".kadr" / "tools" / "easyocr"
CANVAS = 320


@dataclass(frozen=True)
class Both:
    """What the package answered, and what Kadr makes of the same."""

    folder: Path
    answers: dict[str, list[dict[str, Any]]]
    detector: CraftDetector
    recogniser: EasyRecogniser


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    if not (PACKAGE / "easyocr").is_dir():
        lacking("the package easyocr is not installed: scripts/easyocr.sh")
    from safetensors.numpy import save_file

    folder = tmp_path_factory.mktemp("easyocr")
    small_detector, small_recogniser = weights.small()
    detector = weights.wide_detector(small_detector)
    recogniser = weights.wide_recogniser(small_recogniser)
    save_file(detector, folder / "detector.safetensors")
    save_file(recogniser, folder / "recogniser.safetensors")
    build_detector(detector, folder / "detector.onnx", int8=False)
    build_recogniser(recogniser, EASYOCR_CYRILLIC, folder / "recogniser.onnx")
    random = np.random.default_rng(4)
    np.save(folder / "pixels.npy", random.standard_normal((1, 3, 96, 160)).astype(np.float32))
    np.save(folder / "lines.npy", random.uniform(-1, 1, (2, 1, 64, 256)).astype(np.float32))
    for index, picture in enumerate(pictures()):
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    command = [sys.executable, "-m", "tests.models.easyocr.package", str(folder), "--canvas", str(CANVAS)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Both(
        folder,
        json.loads((folder / "answers.json").read_text(encoding="utf-8")),
        CraftDetector(folder / "detector.onnx", version="test", canvas=CANVAS),
        EasyRecogniser(folder / "recogniser.onnx", EASYOCR_CYRILLIC),
    )


def pictures() -> list[np.ndarray]:
    """BGR pictures: several lines, wide gaps, a line that rises, one that is hardly seen, none."""
    random = np.random.default_rng(3)
    several = background(random, 360, 300)
    for y, text in ((60, "Как варить борщ"), (120, "HELLO 2024"), (200, "один   два"), (300, "Рецепт дня")):
        write(several, text, (20, y), 30, outline=(0, 0, 0), weight=700)
    plain = np.full((200, 400, 3), 40, np.uint8)
    write(plain, "Светлый текст", (30, 110), 40)
    turn = cv2.getRotationMatrix2D((200, 100), 14, 1)
    tilted = cv2.warpAffine(plain, turn, (400, 200), borderValue=(40, 40, 40))
    faint = np.full((160, 480, 3), 120, np.uint8)
    write(faint, "едва видно", (40, 90), 44, colour=(150, 150, 150))
    return [several, plain, tilted, faint, np.full((128, 128, 3), 90, np.uint8)]


def test_heat_maps_and_logits_are_the_packages(both: Both) -> None:
    pixels, lines = np.load(both.folder / "pixels.npy"), np.load(both.folder / "lines.npy")
    maps = open_session(both.folder / "detector.onnx").run(["maps"], {"pixels": pixels})[0]
    wanted = np.load(both.folder / "maps.npy").transpose(0, 3, 1, 2)
    assert np.abs(maps - wanted).max() < 1e-4 * max(1, np.abs(wanted).max())
    logits = open_session(both.folder / "recogniser.onnx").run(["logits"], {"lines": lines})[0]
    wanted = np.load(both.folder / "logits.npy")
    assert np.abs(logits - wanted).max() < 1e-4 * max(1, np.abs(wanted).max())


def test_lines_are_the_packages(both: Both) -> None:
    found = 0
    for name, answers in both.answers.items():
        image = cv2.cvtColor(cv2.imread(str(both.folder / name)), cv2.COLOR_BGR2RGB)
        boxes = [box.corners for box in both.detector.detect(image)]
        assert len(boxes) == len(answers), name
        for answer in answers:
            # the package cuts a level line off at the edge of the picture
            cut = [np.clip(box, 0, image.shape[1::-1]) for box in boxes]
            best = max(overlap(box, np.array(answer["corners"])) for box in cut)
            assert best > 0.99, (name, answer)
            found += 1
    assert found >= 6
    assert both.answers["4.png"] == []


def test_texts_and_confidences_are_the_packages(both: Both) -> None:
    texts = set()
    for name, answers in both.answers.items():
        bgr = cv2.imread(str(both.folder / name))
        grey, image = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        boxes = both.detector.detect(image)
        read = both.recogniser.read(grey, boxes)
        for answer in answers:
            box = max(
                range(len(boxes)),
                key=lambda i: overlap(boxes[i].corners, np.array(answer["corners"])),
            )
            assert read[box].text == answer["text"], (name, answer)
            assert read[box].confidence == pytest.approx(answer["confidence"], abs=0.01)
            texts.add(answer["text"])
    assert "Светлый текст" in texts


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two convex quadrilaterals."""
    both, _ = cv2.intersectConvexConvex(one.astype(np.float32), other.astype(np.float32))
    area = sum(abs(cv2.contourArea(shape.astype(np.float32))) for shape in (one, other))
    return both / max(area - both, 1e-6)
