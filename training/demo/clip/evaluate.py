"""How well texts find the held-out clips: recall@5, beside chance and the untrained model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.core.pooling import mean_direction
from training.demo.clip import heldout
from training.demo.clip.concepts import concepts

Vectors = npt.NDArray[np.float32]
K = 5


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Of each question: ``recall``, whether the ``first`` hit is right, and the clips in ``order``."""

    recall: npt.NDArray[np.float64]
    first: npt.NDArray[np.bool_]
    order: npt.NDArray[np.int64]

    def figures(self) -> dict[str, float]:
        """The means."""
        return {"recall@5": round(float(self.recall.mean()), 4), "first": round(float(self.first.mean()), 4)}


def judge(texts: Vectors, clips: Vectors, relevant: npt.NDArray[np.bool_]) -> Result:
    """Rank ``clips`` (n, d) for ``texts`` (m, d), unit rows; ``relevant`` is (m, n).

    Recall@5 of a question is the share of its clips among the first five, of five where it has more.
    """
    order = np.argsort(-(texts @ clips.T), axis=1, kind="stable")
    ranked = np.take_along_axis(relevant, order, axis=1)
    recall = ranked[:, :K].sum(1) / np.minimum(relevant.sum(1), K)
    return Result(recall, ranked[:, 0], order)


def chance(relevant: npt.NDArray[np.bool_]) -> float:
    """The mean recall@5 of a random order: of R right ones among n, 5 R / n are expected among five."""
    count = relevant.sum(1)
    return float(np.mean(K * count / relevant.shape[1] / np.minimum(count, K)))


def pooled(vectors: Sequence[Vectors]) -> Vectors:
    """A unit vector for each clip, out of those of its frames, as the extractor does it."""
    found = [mean_direction(each) for each in vectors]
    return np.stack([np.zeros(vectors[0].shape[1], np.float32) if each is None else each for each in found])


class Quick:
    """The test for a torch model, on the frames that the extractor would see; seconds."""

    def __init__(self, folder: Path, tokenizer: Path, side: int) -> None:
        from training.demo.clip.train import Texts, normalise

        self.test = heldout.opened(folder)
        self.relevant = self.test.relevant()
        pictures = heldout.seen(folder, side)
        self._frames = pictures.shape[1]
        self._pixels = normalise(pictures.reshape(-1, side, side, 3))
        self._ids = Texts(tokenizer).ids([concepts()[c].name for c in self.test.asked])

    def judge(self, clip: Any) -> Result:
        """Rank with a model."""
        import torch

        from training.demo.clip.train import read, see

        clip.eval()
        with torch.no_grad():
            seen = [
                see(clip, torch.from_numpy(self._pixels[i : i + 128]))
                for i in range(0, len(self._pixels), 128)
            ]
            texts = read(clip, torch.from_numpy(self._ids)).numpy()
        clip.train()
        frames = torch.cat(seen).numpy()
        return judge(texts, pooled(np.split(frames, len(frames) // self._frames)), self.relevant)

    def __call__(self, clip: Any) -> dict[str, float]:
        """The figures of a model."""
        return self.judge(clip).figures()


def extracted(folder: Path, models: Path) -> tuple[Vectors, Vectors]:
    """The vectors of questions and clips, by the installed model, the extractor and the adapters."""
    from functions.visual.extract import extract
    from kadr.adapters.clip import ClipText
    from kadr.models.registry import require
    from kadr.runtime.settings import ExtractorSettings

    test = heldout.opened(folder)
    settings = ExtractorSettings.model_construct(
        models_dir=models, media_max_bytes=2**30, media_max_duration=60.0
    )
    clips = []
    for clip in test.clips:
        vector = extract(folder / clip.file, settings).vector
        clips.append(np.zeros(512, np.float32) if vector is None else vector)
    texts = ClipText(require("visual", models).directory).embed([concepts()[c].name for c in test.asked])
    return texts, np.stack(clips)


def by_group(test: heldout.Test, result: Result) -> dict[str, tuple[int, float]]:
    """Questions and mean recall@5 of each group of concepts, the best first."""
    rows: dict[str, list[float]] = defaultdict(list)
    for concept, recall in zip(test.asked, result.recall, strict=True):
        rows[concepts()[concept].group].append(float(recall))
    means = {group: (len(values), float(np.mean(values))) for group, values in rows.items()}
    return dict(sorted(means.items(), key=lambda item: -item[1][1]))


def sheet(
    folder: Path, test: heldout.Test, result: Result, to: Path, *, side: int, rows: int = 24, seed: int = 3
) -> None:
    """A picture to look at: questions, and the first five clips of each; right ones have a green frame."""
    from PIL import Image, ImageDraw

    gap = 6
    pictures = heldout.seen(folder, side)[:, 1]
    chosen = sorted(
        np.random.default_rng(seed).choice(len(test.asked), min(rows, len(test.asked)), replace=False)
    )
    half = (len(chosen) + 1) // 2
    width = 150 + K * (side + gap)
    canvas = Image.new("RGB", (2 * width, half * (side + gap)), "white")
    draw = ImageDraw.Draw(canvas)
    relevant = test.relevant()
    for place, row in enumerate(chosen):
        left, top = (place // half) * width, (place % half) * (side + gap)
        question = concepts()[test.asked[row]].name.replace(" ", "\n", 2)
        draw.multiline_text((left + 6, top + 30), f"{question}\n{result.recall[row]:.2f}", fill="black")
        for column, clip in enumerate(result.order[row, :K]):
            x = left + 150 + column * (side + gap)
            frame = "#1a9e3f" if relevant[row, clip] else "#d9d9d9"
            draw.rectangle((x - 3, top, x + side + 2, top + side + 5), fill=frame)
            canvas.paste(Image.fromarray(pictures[clip]), (x, top + 3))
    canvas.save(to)
