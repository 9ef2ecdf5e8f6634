"""Trains a small CRAFT and a small recogniser that really find and read.

``python -m tests.models.easyocr.train``: both have the layout of EasyOCR's weights at a fraction of their
width, and learn from text drawn with the fonts inside OpenCV on computed grounds. ``small.safetensors``, half
precision, is committed; it took half an hour of one core. The run is seeded; another version of torch or
OpenCV gives slightly other weights.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from kadr.adapters.craft import normalised
from kadr.models.catalogue import EASYOCR_CYRILLIC
from tests.models.easyocr.networks import Craft, Recogniser
from tests.models.easyocr.rendering import FONTS, Image, Letter, background, write

TO = Path(__file__).with_name("small.safetensors")
CRAFT_WIDTHS = (8, 16, 32, 48, 48, 32, 16, 16, 16, 16)
RECOGNISER_WIDTH = 48
STEPS = (700, 1800, 1300)  # of the detector, of the recogniser, and of it with CTC
SIDE = 192  # pixels of a training picture
Learn = Callable[[torch.Tensor], None]
_EDGE = 2.0  # the region score is e^−2 at the edge of a letter's box, so 0.4 is reached at two thirds of it


def vocabulary() -> list[str]:
    """Return the words of the glossary, Russian and English."""
    text = files("kadr.core").joinpath("data/glossary_ru_en.tsv").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row and not row.startswith("#")]
    return sorted({word for row in rows for word in re.findall(r"[A-Za-zА-Яа-яёЁ'-]+", row)})


class Texts:
    """Random lines of words, names and numbers."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._words = vocabulary()
        self._letters = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz"
        self._russian = [word for word in self._words if word[0].lower() in self._letters[:33]]
        self._english = [word for word in self._words if word[0].lower() in self._letters[33:]]

    def word(self, words: list[str], *, invented: float = 0.13) -> str:
        """Return one of ``words``, a number, or letters at random."""
        random = self._random
        kind = random.random()
        if kind < 0.12:
            return str(random.integers(0, 10 ** random.integers(1, 5)))
        if kind < 0.12 + invented:
            half = self._letters[:33] if random.random() < 0.6 else self._letters[33:]
            word = "".join(random.choice(list(half), random.integers(1, 8)))
        else:
            word = words[random.integers(len(words))]
        case = random.random()
        word = word.upper() if case < 0.25 else word.capitalize() if case < 0.5 else word
        return word + str(random.choice(list(".,!?:%"))) if random.random() < 0.12 else word

    def line(self, longest: int) -> str:
        """Return a line in which both scripts may stand."""
        return self._line(longest, lambda: self.word(self._words))

    def sensible(self, longest: int) -> str:
        """Return a line of one language: its other words say which script a letter of both belongs to."""
        words = self._russian if self._random.random() < 0.6 else self._english
        return self._line(longest, lambda: self.word(words, invented=0.0))

    def _line(self, longest: int, word: Callable[[], str]) -> str:
        words = [word()]
        while len(" ".join(words)) < longest and self._random.random() < 0.75:
            words.append(word())
        return " ".join(words)[:longest].strip() or "а"


def colours(
    random: np.random.Generator, ground: Image
) -> tuple[tuple[int, int, int], tuple[int, int, int] | None]:
    """Return a colour for letters, and one for their outline where the ground would swallow them."""
    mean, spread = ground.mean(), ground.std()
    bright = mean < 128 if random.random() < 0.8 else random.random() < 0.5
    fill = random.integers(190, 256, 3) if bright else random.integers(0, 66, 3)
    if random.random() < 0.2:
        fill[random.integers(3)] = random.integers(0, 256)
    near = abs(fill.mean() - mean) < 90 or spread > 40
    outline = tuple(int(v) for v in (random.integers(0, 40, 3) if bright else random.integers(215, 256, 3)))
    wanted = near or random.random() < 0.3
    return tuple(int(v) for v in fill), outline if wanted else None  # type: ignore[return-value]


def scene(random: np.random.Generator, texts: Texts) -> tuple[Image, np.ndarray]:
    """Return a picture and its maps (2, side/2, side/2)."""
    image = background(random, SIDE, SIDE)
    maps = np.zeros((2, SIDE // 2, SIDE // 2), np.float32)
    y = 0
    while random.random() < 0.85:
        size = int(random.integers(11, 56))
        y += int(size * random.uniform(0.9, 1.6))
        if y > SIDE - size // 4:
            break
        text, x = texts.line(int(random.integers(2, 24))), int(random.integers(0, SIDE // 2))
        fill, outline = colours(random, image[max(0, y - size) : y + size // 3, x:])
        letters = write(
            image, text, (x, y), size, colour=fill, outline=outline,
            font=str(random.choice(FONTS)), weight=int(random.choice([400, 600, 800])),
        )  # fmt: skip
        _mark(maps, letters)
    if random.random() < 0.5:
        image = _compressed(random, image)
    return image, maps


def _mark(maps: np.ndarray, letters: list[Letter]) -> None:
    for letter in letters:
        if letter.character != " ":
            _hill(maps[0], letter.left, letter.top, letter.right, letter.bottom)
    for one, two in pairwise(letters):
        if " " not in (one.character, two.character):
            middle = ((one.left + one.right) / 2, (two.left + two.right) / 2)
            quarter = (one.bottom - one.top) / 4
            _hill(maps[1], middle[0], one.top + quarter, middle[1], one.bottom - quarter)


def _hill(plane: np.ndarray, left: float, top: float, right: float, bottom: float) -> None:
    """Raise a Gaussian over a box of the full picture on a map of half its size."""
    x, y = (left + right) / 4, (top + bottom) / 4
    half = max((right - left) / 4, 1.0), max((bottom - top) / 4, 1.0)
    x0, x1 = max(0, int(x - 1.6 * half[0])), int(x + 1.6 * half[0]) + 2
    y0, y1 = max(0, int(y - 1.6 * half[1])), int(y + 1.6 * half[1]) + 2
    part = plane[y0:y1, x0:x1]
    if part.size:
        rows, columns = np.mgrid[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] + 0.5
        hill = np.exp(-_EDGE * (((columns - x) / half[0]) ** 2 + ((rows - y) / half[1]) ** 2))
        np.maximum(part, hill, out=part)


def _compressed(random: np.random.Generator, image: Image) -> Image:
    quality = int(random.integers(35, 90))
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def line_picture(random: np.random.Generator, text: str) -> tuple[Image, list[Letter]]:
    """Return a grey line 64 pixels high, as the detector cuts it, and its letters in pixels of it."""
    size = int(random.integers(16, 64))
    image = background(random, int(size * 1.8), size * (len(text) + 3))
    fill, outline = colours(random, image)
    letters = write(
        image, text, (size, int(1.2 * size)), size, colour=fill, outline=outline,
        font=str(random.choice(FONTS)), weight=int(random.choice([400, 600, 800])),
    )  # fmt: skip
    top = max(0, int(1.2 * size - size * random.uniform(0.74, 0.95)))
    bottom = int(1.2 * size + size * random.uniform(0.18, 0.4))
    left = int(size * random.uniform(0.6, 0.97))
    right = int(letters[-1].right + size * random.uniform(0.03, 0.4))
    image = _compressed(random, image) if random.random() < 0.5 else image
    grey = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
    if random.random() < 0.3:
        small = cv2.resize(grey, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        grey = cv2.resize(small, grey.shape[::-1])
    scale = 64 / grey.shape[0]
    line = cv2.resize(grey, (max(16, int(grey.shape[1] * scale)), 64), interpolation=cv2.INTER_LINEAR)
    moved = [
        replace(letter, left=(letter.left - left) * scale, right=(letter.right - left) * scale)
        for letter in letters
    ]
    return line, moved


def steps_of(letters: list[Letter], steps: int) -> np.ndarray:
    """Return the class of each step of the network: a letter in the middle of its place, else the blank."""
    classes = np.zeros(steps, np.int64)
    for letter in letters:
        # step t sees the pixels around 4 t + 4
        middle, reach = (letter.left + letter.right) / 2, (letter.right - letter.left) * 0.22
        first, last = round((middle - reach) / 4 - 1), round((middle + reach) / 4 - 1)
        classes[max(0, first) : max(0, last) + 1] = EASYOCR_CYRILLIC.index(letter.character) + 1
    return classes


def train_detector(steps: int) -> Craft:
    """Return a CRAFT after so many steps."""
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    net, texts = Craft(CRAFT_WIDTHS).train(), Texts(random)
    for step, learn in _schedule(net, 3e-3, steps):
        pairs = [scene(random, texts) for _ in range(4)]
        pixels = torch.from_numpy(np.stack([normalised(image).transpose(2, 0, 1) for image, _ in pairs]))
        wanted = torch.from_numpy(np.stack([maps for _, maps in pairs]))
        found = net(pixels).permute(0, 3, 1, 2)
        error = (found - wanted) ** 2
        # letters cover a small part of the picture
        loss = (error * (1 + 4 * (wanted > 0.1))).mean()
        learn(loss)
        if step % 50 == 0:
            print(f"detector {step}: {loss.item():.4f}", flush=True)
    return net.eval()


def train_recogniser(steps: int, last: int) -> Recogniser:
    """Return a recogniser after ``steps`` steps, and ``last`` ones with CTC.

    Where the letters stand is known, so at first each step of a line is told its letter or the blank: CTC,
    with which EasyOCR's was trained, has to find that out by itself, which takes a hundred times as long. CTC
    comes last, and makes the network sure of one step for each letter.
    """
    torch.manual_seed(2)
    random = np.random.default_rng(2)
    net, texts = Recogniser(len(EASYOCR_CYRILLIC) + 1, RECOGNISER_WIDTH).train(), Texts(random)
    for step, learn in _schedule(net, 4e-3, steps):
        scores, letters, _ = _scored(net, random, texts.line)
        wanted = np.stack([steps_of(each, scores.shape[1]) for each in letters])
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), torch.from_numpy(wanted).flatten())
        learn(loss)
        if step % 50 == 0:
            print(f"recogniser {step}: {loss.item():.4f}", flush=True)
    ctc = nn.CTCLoss()
    for step, learn in _schedule(net, 2e-3, last):
        scores, _, written = _scored(net, random, texts.sensible)
        labels = [[EASYOCR_CYRILLIC.index(character) + 1 for character in text] for text in written]
        loss = ctc(
            scores.log_softmax(2).transpose(0, 1),
            torch.tensor([label for row in labels for label in row]),
            torch.full((len(labels),), scores.shape[1]),
            torch.tensor([len(row) for row in labels]),
        )
        learn(loss)
        if step % 25 == 0:
            print(f"recogniser, CTC {step}: {loss.item():.4f}", flush=True)
    return net.eval()


def _scored(
    net: Recogniser, random: np.random.Generator, line: Callable[[int], str]
) -> tuple[torch.Tensor, list[list[Letter]], list[str]]:
    """Return what a network says of twelve lines, their letters and their texts."""
    written = [line(int(random.integers(4, 18))) for _ in range(12)]
    pairs = [line_picture(random, text) for text in written]
    columns = -(-max(picture.shape[1] for picture, _ in pairs) // 64) * 64
    batch = np.stack(
        [np.pad(line, ((0, 0), (0, columns - line.shape[1])), mode="edge") for line, _ in pairs]
    ).astype(np.float32)
    return net(torch.from_numpy(batch / 127.5 - 1)[:, None]), [letters for _, letters in pairs], written


def _schedule(net: nn.Module, highest: float, steps: int) -> Iterator[tuple[int, Learn]]:
    """Yield steps, each with what takes a loss and learns from it; the rate rises, then falls."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=highest, weight_decay=1e-4)
    for step in range(steps):
        rate = highest * min(1.0, 20 * (step + 1) / steps) * (0.505 + 0.495 * np.cos(np.pi * step / steps))

        def learn(loss: torch.Tensor, rate: float = float(rate)) -> None:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()

        yield step, learn


def main() -> None:
    """Train both and write them."""
    from safetensors.torch import save_file

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=TO)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    networks = {"detector": train_detector(STEPS[0]), "recogniser": train_recogniser(STEPS[1], STEPS[2])}
    tensors = {
        f"{name}/{key}": value.half().contiguous()
        for name, network in networks.items()
        for key, value in network.state_dict().items()
        if value.dtype.is_floating_point
    }
    save_file(tensors, arguments.to)


if __name__ == "__main__":
    main()
