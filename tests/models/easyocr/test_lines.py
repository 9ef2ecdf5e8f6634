"""From CRAFT's maps to lines, and from the recogniser's steps to text: the rules, without networks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from kadr.adapters import craft
from kadr.adapters.easyocr import EasyRecogniser, cut
from kadr.models.catalogue import EASYOCR_CYRILLIC
from kadr.ports.ocr import TextBox


def maps(*letters: tuple[int, int], linked: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Region and affinity (80, 200) with a letter of 8 × 12 at each (x, y), linked to the next."""
    region, affinity = np.zeros((2, 80, 200), np.float32)
    for x, y in letters:
        region[y - 6 : y + 6, x - 4 : x + 4] = 0.9
    if linked:
        for (x, y), (end, _) in pairwise(letters):
            affinity[y - 2 : y + 2, x:end] = 0.8
    return region, affinity


def test_letters_that_hang_together_are_a_word() -> None:
    (word,) = craft.words(*maps((20, 40), (34, 40), (48, 40)))
    corners, score = word
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    assert score == pytest.approx(0.9)
    # all three letters are inside, with little around them
    assert 8 <= left <= 16 and 52 <= right <= 60
    assert 26 <= top <= 34 and 46 <= bottom <= 54
    assert len(craft.words(*maps((20, 40), (34, 40), (48, 40), linked=False))) == 3


@pytest.mark.parametrize(("height", "found"), [(0.9, 1), (0.65, 0)])
def test_a_word_reaches_the_threshold_somewhere(height: float, found: int) -> None:
    region, affinity = maps((20, 40), (34, 40))
    region[region > 0] = 0.5
    region[40, 20] = height
    assert len(craft.words(region, affinity)) == found


def quad(left: float, top: float, right: float, bottom: float) -> tuple[np.ndarray, float]:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32), 0.9


def spans(*words: tuple[np.ndarray, float]) -> list[tuple[int, int]]:
    return sorted((int(box.corners[:, 0].min()), int(box.corners[:, 0].max())) for box in craft.lines(words))


def test_words_side_by_side_are_a_line() -> None:
    # a margin of a tenth of the height on all sides
    assert spans(quad(10, 50, 100, 80), quad(110, 52, 200, 80)) == [(7, 203)]
    # too wide a gap, another height, another row
    assert spans(quad(10, 50, 100, 80), quad(120, 50, 200, 80)) == [(7, 103), (117, 203)]
    assert len(spans(quad(10, 50, 100, 80), quad(105, 20, 200, 110))) == 2
    assert len(spans(quad(10, 50, 100, 80), quad(10, 90, 100, 120))) == 2


def test_specks_are_no_lines() -> None:
    assert spans(quad(10, 50, 24, 66)) == []


def test_a_line_that_rises_keeps_its_slope() -> None:
    corners = np.array([[10, 60], [110, 40], [114, 60], [14, 80]], np.float32)
    (box,) = craft.lines([(corners, 0.9)])
    assert box.width > box.height
    assert box.corners[1, 1] < box.corners[0, 1] - 10
    grey = np.zeros((120, 160), np.uint8)
    assert cut(grey, box).shape[0] == 64


def test_a_line_is_cut_as_far_as_it_is_in_the_picture() -> None:
    grey = np.zeros((100, 100), np.uint8)
    grey[:, 50:] = 255
    corners, score = quad(-20, 80, 100, 130)
    line = cut(grey, TextBox(corners, score))
    assert line.shape == (64, 320)
    assert line[:, :150].max() == 0
    assert line[:, 170:].min() == 255


class Steps:
    """A session that answers every line with the same steps."""

    def __init__(self, text: str, sure: float = 12.0) -> None:
        self.lines: list[np.ndarray] = []
        self._logits = np.zeros((1, len(text), len(EASYOCR_CYRILLIC) + 1), np.float32)
        for step, character in enumerate(text):
            self._logits[0, step, 0 if character == "_" else EASYOCR_CYRILLIC.index(character) + 1] = sure

    def run(self, outputs: object, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.lines.append(inputs["lines"])
        return [self._logits]


def recogniser(steps: Steps) -> EasyRecogniser:
    made = EasyRecogniser(Path("nowhere.onnx"), EASYOCR_CYRILLIC, threads=1)
    made.__dict__["_session"] = steps
    return made


LINE = np.tile(np.array([0, 255], np.uint8), (64, 50))


@pytest.mark.parametrize(("steps", "text"), [("_ККо_о_тт_", "Коот"), ("____", ""), ("__5_5__", "55")])
def test_equal_steps_are_one_letter_unless_a_blank_parts_them(steps: str, text: str) -> None:
    read = recogniser(Steps(steps)).read_line(LINE)
    assert read.text == text
    assert (read.confidence > 0.5) == bool(text)


def test_confidence_falls_with_length_and_a_letters_does_not() -> None:
    short, long = (recogniser(Steps("_К_о_т_" * count, sure=8.0)).read_line(LINE) for count in (1, 9))
    assert long.confidence < short.confidence
    assert long.letters == pytest.approx(short.letters)
    # three steps with a letter: the product of their probabilities to the power of 2/√3
    allowed = 45 + 52 + 66 + 1  # signs and digits, Latin, Russian, the blank
    probability = np.exp(8.0) / (np.exp(8.0) + allowed - 1)
    assert short.confidence == pytest.approx(probability ** (3 * 2 / np.sqrt(3)), rel=1e-3)


def test_letters_of_other_languages_are_never_read() -> None:
    steps = Steps("_Ђ_")
    index = EASYOCR_CYRILLIC.index("Д") + 1
    steps._logits[0, 1, index] = 5.0  # the second best is Russian
    assert recogniser(steps).read_line(LINE).text == "Д"


def test_what_is_hardly_read_is_read_again_with_more_contrast() -> None:
    steps = Steps("_К_", sure=0.5)
    faint = np.full((64, 128), 100, np.uint8)
    faint[:, ::2] = 150
    recogniser(steps).read_line(faint)
    first, second = (np.ptp(line) for line in steps.lines)
    assert second > 2 * first


def test_a_line_is_padded_with_its_last_column() -> None:
    steps = Steps("_К_")
    recogniser(steps).read_line(np.tile(np.arange(100, dtype=np.uint8), (64, 1)))
    (line,) = steps.lines
    assert line.shape == (1, 1, 64, 128)
    assert (line[..., 100:] == line[..., 99:100]).all()
