"""Training: contrastive, with several truths per picture and per text; resumable, and finished on demand.

Files in the working folder: ``train.pt`` is the whole state (weights, optimizers, step), ``log.jsonl`` has a
line per report. While a file ``pause`` (or ``--pause-file``) exists, nothing is computed; a file ``finish``
makes the learning rates fall to nothing and training stop.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.models.catalogue import CLIP_PREPROCESSING
from training.demo.clip import backdrops, captions, glyphs, model, scenes, tokens
from training.demo.clip.concepts import concepts

ECHO = 8  # steps after which pictures are used again: making them is a fifth of a step's work
# (n, side, side, 3), what is in them, and (n, glyphs, grid, grid) where
Pictures = tuple[npt.NDArray[np.uint8], list[scenes.Scene], npt.NDArray[np.float32]]
Measure = Callable[[Any], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train, and how long: ``minutes`` of computing (pauses left out), or ``steps``, or until a time.

    In the last part, ``cooling``, the rates fall to nothing and all patches of hard pictures are looked at.
    """

    seed: int = 1
    batch: int = 192  # pictures; each has a caption
    others: int = 48  # more texts to tell the pictures from
    names: int = 400  # concepts of which the pictures are told by name: all they show, and others
    glance: float = 0.5  # weight of the loss of what the single glyphs are
    rate: float = 2e-3
    matrix_rate: float = 4e-3  # of Muon, scaled as for AdamW
    warm_up: int = 50  # steps
    decay: float = 0.05
    minutes: float = 75.0
    steps: int = 0  # if not 0, this many instead
    until: float = 0.0  # if not 0, seconds since 1970 when it has to be done, whatever else the machine does
    cooling: float = 0.3  # the share of the whole in which the rates fall
    easy: float = 0.8  # the share of pictures with one large glyph at first; none when the rates fall
    keep: float = 0.33  # of the patches, until the rates fall
    threads: int = 2
    bfloat16: bool = True
    report: int = 25  # steps
    save_every: float = 240.0  # seconds
    measure_every: float = 480.0  # seconds


def normalise(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(n, side, side, 3) 0…255 → (n, 3, side, side), as :meth:`kadr.adapters.clip.ClipVision.pixels`."""
    mean = np.asarray(CLIP_PREPROCESSING["mean"], np.float32)
    std = np.asarray(CLIP_PREPROCESSING["std"], np.float32)
    scaled = (pictures.astype(np.float32) / 255 - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def recoloured(rng: np.random.Generator, pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(n, side, side, 3) with the channels of each picture mixed a little, some in grey."""
    import cv2

    new = np.empty_like(pictures)
    for n, picture in enumerate(pictures):
        mix = np.eye(3) + rng.normal(0, 0.1, (3, 3))
        if rng.random() < 0.1:
            mix = 0.1 * mix + 0.9 / 3
        shift = rng.normal(0, 12, (3, 1)) + 128 * (1 - mix.sum(1, keepdims=True))
        new[n] = cv2.transform(np.ascontiguousarray(picture), np.hstack([mix, shift]))
    return new


class Texts:
    """Turns texts into padded ids (n, tokens)."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.enable_padding(pad_id=0, pad_token=tokens.PAD)
        self.size: int = self._tokenizer.get_vocab_size()

    def ids(self, texts: list[str]) -> npt.NDArray[np.int64]:
        """Return the ids; what follows the end-of-text token is padding."""
        return np.array([each.ids for each in self._tokenizer.encode_batch(texts)], np.int64)


def see(clip: Any, pixels: Any) -> Any:
    """Unit vectors (n, d) of pixels (n, 3, side, side)."""
    return look(clip, pixels)[0]


def look(clip: Any, pixels: Any, keep: float = 1.0, covered: Any = None) -> tuple[Any, Any, Any]:
    """Unit vectors (n, d) of pixels (n, 3, side, side), and what single patches have become before the last
    layer (n, kept, width), with how much of them each glyph of ``covered`` (n, glyphs, patches) covers.

    With ``keep`` < 1 each picture is seen through that share of its patches: a step costs that much less and
    teaches nearly as much (Li and others, "Scaling Language-Image Pre-training via Masking", 2023). Patches
    that are covered by glyphs are preferred, for the background says little.
    """
    import torch
    from torch.nn.functional import normalize

    tower = clip.vision_model
    x = tower.embeddings(pixels)
    if keep < 1:
        patches = x.shape[1] - 1
        worth = torch.rand(len(x), patches)
        if covered is not None:
            worth += (2 * covered.amax(1)).clamp(max=1)
        order = worth.argsort(1, descending=True)[:, : round(keep * patches)]
        chosen = torch.cat([torch.zeros(len(x), 1, dtype=order.dtype), order + 1], 1)
        x = x.gather(1, chosen[..., None].expand(-1, -1, x.shape[2]))
        if covered is not None:
            covered = covered.gather(2, order[:, None].expand(-1, covered.shape[1], -1))
    x = tower.pre_layrnorm(x)
    *layers, last = tower.encoder.layers
    for layer in layers:
        x = layer(x, None)
    vectors = clip.visual_projection(tower.post_layernorm(_first_token(last, x)))
    return normalize(vectors.float(), dim=-1), x[:, 1:], covered


def _first_token(layer: Any, x: Any) -> Any:
    """What the last layer makes of the first token, the only one that is looked at: a fifth less work."""
    from torch.nn.functional import scaled_dot_product_attention

    attention = layer.self_attn
    x, normed = x[:, :1], layer.layer_norm1(x)
    heads = (
        projection(part).unflatten(2, (attention.num_heads, attention.head_dim)).transpose(1, 2)
        for projection, part in (
            (attention.q_proj, normed[:, :1]),
            (attention.k_proj, normed),
            (attention.v_proj, normed),
        )
    )
    x = x + attention.out_proj(scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))
    return (x + layer.mlp(layer.layer_norm2(x)))[:, 0]


def read(clip: Any, ids: Any) -> Any:
    """Unit vectors (n, d) of token ids (n, tokens)."""
    from torch.nn.functional import normalize

    return normalize(clip.text_projection(clip.text_model(input_ids=ids).pooler_output).float(), dim=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What a step is taught with, as tensors.

    ``pixels`` (b, 3, side, side); ``captions`` and ``names``, token ids (texts, tokens); ``truth``
    (b, texts), the captions first; ``covered`` (b, glyphs, patches), the share that a glyph
    covers; ``glyphs`` (b, glyphs), their concepts, -1 for none.
    """

    pixels: Any
    captions: Any
    names: Any
    truth: Any
    covered: Any
    glyphs: Any


class Trainer:
    """One training, kept in ``folder``."""

    def __init__(self, folder: Path, plan: Plan, shape: model.Shape, composer: scenes.Composer) -> None:
        import torch

        self.folder, self.plan, self.shape, self.composer = folder, plan, shape, composer
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.texts = Texts(folder / "tokenizer.json")
        self.clip = model.build(shape, self.texts.size)
        self.namer = torch.nn.Linear(shape.width, len(concepts()))  # of single glyphs; not published
        self._kept: dict[int, Pictures] = {}
        self.parts: dict[str, float] = {}  # of the last loss
        self.step = 0
        self.seconds = 0.0  # of computing
        self.cooling_from: float | None = None  # the progress at which the rates began to fall
        self.began = time.time()
        model.whiten(self.clip, normalise(self._made(0)[0]), shape.per_head)
        # Muon (Jordan, 2024) for the matrices of the layers: at this size it needs about half the steps.
        layers = ("vision_model.encoder", "text_model.encoder")
        named = list(self.clip.named_parameters())
        matrices = [p for n, p in named if n.startswith(layers) and p.ndim == 2]
        rest = [p for n, p in named if not (n.startswith(layers) and p.ndim == 2)]
        rest += list(self.namer.parameters())
        self.optimizers: list[Any] = [
            torch.optim.Muon(
                matrices, lr=plan.matrix_rate, weight_decay=plan.decay, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(rest, lr=plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay),
        ]
        with torch.no_grad():
            self.clip.logit_scale.fill_(float(np.log(14)))

    def _pictures(self, step: int) -> Pictures:
        """Half of them new; the others are those of eight steps ago, mirrored and in other colours."""
        new, seen, where = self._made(step)
        if step < ECHO:
            old, seen_before, where_before = self._made(-1 - step)
        else:
            old, seen_before, where_before = self._made(step - ECHO)
            self._kept.pop(step - ECHO, None)
        rng = np.random.default_rng([self.plan.seed, step, 3])
        return (
            np.concatenate([new, recoloured(rng, old[:, :, ::-1])]),
            [*seen, *seen_before],
            np.concatenate([where, where_before[..., ::-1]]),
        )

    def _made(self, key: int) -> Pictures:
        if key not in self._kept:
            rng = np.random.default_rng([self.plan.seed, abs(key), int(key < 0)])
            chosen = np.resize(rng.permutation(self.composer.known), self.plan.batch // 2)
            still = 1 - self.progress() / (1 - self.plan.cooling)
            easy = self.plan.easy * max(0.0, still) if self.cooling_from is None else 0.0
            made = [self.composer.picture(rng, int(concept), easy) for concept in chosen]
            pictures, seen, where = zip(*made, strict=True)
            self._kept[key] = np.stack(pictures), list(seen), np.stack(where)
        return self._kept[key]

    def batch(self, step: int) -> Batch:
        """What step number ``step`` is taught with."""
        import torch

        torch.manual_seed(step)  # of the patches that are left out
        pictures, seen, where = self._pictures(step)
        rng = np.random.default_rng([self.plan.seed, step, 2])
        said = [captions.caption(rng, scene) for scene in seen]
        said += captions.distractors(rng, self.plan.others)
        names = captions.names(rng, self._among(rng, seen))
        truth = captions.truth(seen, [*said, *names])
        ids = self.texts.ids([each.text for each in said])
        short = self.texts.ids([each.text for each in names])
        covered = where.reshape(*where.shape[:2], -1)
        glyphs = np.full(where.shape[:2], -1)
        for row, scene in enumerate(seen):
            glyphs[row, : len(scene.concepts)] = scene.concepts
        arrays = (normalise(pictures), ids, short, truth, covered, glyphs)
        return Batch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))

    def _among(self, rng: np.random.Generator, seen: list[scenes.Scene]) -> list[int]:
        """Concepts to tell the pictures from each other by: all that are seen, and some that are not."""
        shown = {concept for scene in seen for concept in scene.concepts}
        others = [c for c in rng.permutation(self.composer.known).tolist() if c not in shown]
        return sorted(shown) + others[: max(0, self.plan.names - len(shown))]

    def loss(self, batch: Batch) -> Any:
        """Cross entropy both ways; where several texts (pictures) are true, they share the probability.

        And that of what each glyph is, by the mean of its patches: it says which part of the picture a word
        is about, which the first token would have to find out.
        """
        import torch
        from torch.nn.functional import cross_entropy, layer_norm

        keep = self.plan.keep if self.cooling_from is None else 1.0
        with torch.autocast("cpu", torch.bfloat16, enabled=self.plan.bfloat16):
            pictures, patches, covered = look(self.clip, batch.pixels, keep, batch.covered)
            texts = torch.cat([read(self.clip, batch.captions), read(self.clip, batch.names)])
            whole = covered.sum(2)
            clear = (batch.glyphs >= 0) & (whole > 0.3)
            mean = (covered / (whole[..., None] + 1e-3)).to(patches.dtype) @ patches
            guessed = self.namer(layer_norm(mean[clear], mean.shape[-1:]))
        logits = self.clip.logit_scale.exp() * pictures @ texts.T
        target = batch.truth.float()
        by_picture = (-(logits.log_softmax(1) * target).sum(1) / target.sum(1)).mean()
        told = target.sum(0) > 0
        by_text = (-(logits.log_softmax(0) * target).sum(0)[told] / target.sum(0)[told]).mean()
        glance = cross_entropy(guessed.float(), batch.glyphs[clear])
        self.parts = {"by_picture": by_picture.item(), "by_text": by_text.item(), "glance": glance.item()}
        return (by_picture + by_text) / 2 + self.plan.glance * glance

    def progress(self) -> float:
        """The share of the whole that is done: 0…1."""
        plan = self.plan
        if plan.until:
            return (time.time() - self.began) / max(plan.until - self.began, 1e-9)
        return self.step / plan.steps if plan.steps else self.seconds / (60 * plan.minutes)

    def rate(self) -> float:
        """The learning rate of the next step, as a share of the plan's."""
        warm = min(1.0, (self.step + 1) / self.plan.warm_up)
        if self.cooling_from is None:
            return warm
        end = min(1.0, self.cooling_from / (1 - self.plan.cooling))
        return warm * max(0.0, (end - self.progress()) / max(end - self.cooling_from, 1e-9))

    def run(self, *, pause: tuple[Path, ...] = (), measure: Measure | None = None) -> dict[str, float]:
        """Train until the plan is done; return the last report."""
        import torch

        pauses = (*pause, self.folder / "pause")
        saved = measured = time.monotonic()
        recent: list[float] = []
        report: dict[str, float] = {}
        while True:
            while any(path.exists() for path in pauses):
                time.sleep(1)
            if self.cooling_from is None and (
                (self.folder / "finish").exists() or self.progress() >= 1 - self.plan.cooling
            ):
                self.cooling_from = self.progress()
            share = self.rate()
            if share <= 0:
                break
            began = time.monotonic()
            loss = self.loss(self.batch(self.step))
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*self.clip.parameters(), *self.namer.parameters()], 1.0)
            for optimizer, rate in zip(self.optimizers, (self.plan.matrix_rate, self.plan.rate), strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = rate * share
                optimizer.step()
            with torch.no_grad():
                self.clip.logit_scale.clamp_(0, float(np.log(60)))
            self.step += 1
            now = time.monotonic()
            self.seconds += now - began
            recent.append(loss.item())
            if self.step % self.plan.report == 0:
                report = self._report(recent, share)
                recent = []
            if measure is not None and now - measured > self.plan.measure_every:
                measured = now
                self._log({"step": self.step, "minutes": round(self.seconds / 60, 2), **measure(self.clip)})
            if now - saved > self.plan.save_every:
                saved = now
                self.save()
        self.save()
        if recent:
            report = self._report(recent, 0.0)
        if measure is not None:
            report = {**report, **measure(self.clip)}
            self._log(report)
        return report

    def _report(self, losses: list[float], share: float) -> dict[str, float]:
        report = {
            "step": self.step,
            "minutes": round(self.seconds / 60, 2),
            "loss": round(float(np.mean(losses)), 4),
            "rate": round(self.plan.rate * share, 6),
            "scale": round(self.clip.logit_scale.exp().item(), 2),
            **{name: round(value, 3) for name, value in self.parts.items()},
        }
        self._log(report)
        return report

    def _log(self, line: dict[str, float]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def save(self) -> None:
        """Keep the whole state; a crash while it is written costs nothing."""
        import torch

        part = self.folder / "train.pt.part"
        state = {
            "clip": self.clip.state_dict(),
            "namer": self.namer.state_dict(),
            "began": self.began,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "cooling_from": self.cooling_from,
            "shape": asdict(self.shape),
        }
        torch.save(state, part)
        part.replace(self.folder / "train.pt")

    def resume(self) -> bool:
        """Go on from what :meth:`save` kept; False if there is nothing."""
        import torch

        path = self.folder / "train.pt"
        if not path.is_file():
            return False
        state = torch.load(path, weights_only=True)
        self.clip.load_state_dict(state["clip"])
        self.namer.load_state_dict(state["namer"])
        self.began = state["began"]
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.seconds = state["step"], state["seconds"]
        self.cooling_from = state["cooling_from"]
        return True


def composer(folder: Path, side: int, patch: int, seed: int = 1) -> scenes.Composer:
    """What makes the pictures, from the files of the step ``data``."""
    return scenes.Composer(
        glyphs.load(folder / "glyphs.npz").of(held_out=False),
        backdrops.load(folder / "backdrops.npz"),
        scenes.letterings(seed, 400, side),
        side=side,
        patch=patch,
    )
