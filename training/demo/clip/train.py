"""Training: contrastive, with several truths per picture and per text; resumable, and finished on demand.

Files in the working folder: ``train.pt`` is the whole state (weights, optimizers, step), ``log.jsonl`` has a
line per report. While a file ``pause`` (or ``--pause-file``) exists, nothing is computed; a file ``finish``
makes the learning rates fall to nothing and training stop.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kadr.models.catalogue import CLIP_PREPROCESSING
from training.demo.clip import backdrops, captions, glyphs, model, scenes, tokens
from training.demo.clip.concepts import concepts

# The scale of the cosines, at most. With 23, which it came to by itself, different names were at 0.13 ± 0.12;
# of two things in a picture each then drowned in what the other one adds to the names that are like it.
_SCALE = 14
_LOOKING = 4  # heads of the last layer that are told to look at glyphs; the others may see the background
_SHOWN = 0.4  # the share of a patch that a glyph covers, from which on it belongs to that
ECHO = 8  # steps after which pictures are used again: making them is a tenth of a step's work
# (n, side, side, 3), what is in them, and (n, glyphs, grid, grid) where
Pictures = tuple[npt.NDArray[np.uint8], list[scenes.Scene], npt.NDArray[np.float32]]
Measure = Callable[[Any], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train, and how long: ``minutes`` of computing (pauses left out), or ``steps``, or until a time.

    The rates fall to nothing in the last part, ``cooling``. Pictures get harder from the start: ``easy`` of
    them show one large glyph at first, none once ``hard`` of the time is over.
    """

    seed: int = 1
    batch: int = 192  # pictures; each has a caption
    others: int = 48  # more texts to tell the pictures from
    names: int = 400  # concepts of which the pictures are told by name: all they show, and others
    glance: float = 0.5  # weight of each of the losses of single glyphs and patches
    gaze: float = 0.25  # weight of the loss of where the first token looks
    spread: float = 30.0  # weight of the loss of how like each other names are, a square of a cosine
    patches: int = 1600  # of glyphs, that are asked what they belong to; and a fifth as many of backgrounds
    rate: float = 2e-3
    matrix_rate: float = 4e-3  # of Muon, scaled as for AdamW
    warm_up: int = 50  # steps
    decay: float = 0.05
    minutes: float = 75.0
    steps: int = 0  # if not 0, this many instead
    until: float = 0.0  # if not 0, seconds since 1970 when it has to be done, whatever else the machine does
    cooling: float = 0.7
    easy: float = 0.8
    hard: float = 0.7
    threads: int = 2
    bfloat16: bool | None = None  # None: where the processor has instructions for it
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


def moved(
    rng: np.random.Generator, pictures: npt.NDArray[np.uint8], where: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """(n, side, side, 3), and (n, glyphs, grid, grid) where something is, each moved by up to a patch.

    What a patch shows of a thing changes with every pixel, what the thing is does not.
    """
    import cv2

    new, place = np.empty_like(pictures), np.empty_like(where)
    patch = pictures.shape[1] / where.shape[2]
    for n, (picture, covered) in enumerate(zip(pictures, where, strict=True)):
        by = rng.uniform(-patch, patch, 2)
        for source, target, unit, border in (
            (picture, new, 1.0, cv2.BORDER_REFLECT_101),
            (covered.transpose(1, 2, 0), place.transpose(0, 2, 3, 1), patch, cv2.BORDER_CONSTANT),
        ):
            shift = np.array([[1, 0, by[0] / unit], [0, 1, by[1] / unit]], np.float32)
            size = (source.shape[1], source.shape[0])
            target[n] = cv2.warpAffine(np.ascontiguousarray(source), shift, size, borderMode=border)
    return new, place


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


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a model makes of pictures: unit ``vectors`` (n, d); what ``patches`` have become before the last
    layer (n, patches, width); where the first token looks in it, ``gaze`` (n, heads, patches).

    ``alone`` (n · patches numbers) are the unit vectors that there would be if it looked at one patch only.
    """

    vectors: Any
    patches: Any
    gaze: Any
    alone: Callable[[Any], Any]


def see(clip: Any, pixels: Any) -> Any:
    """Unit vectors (n, d) of pixels (n, 3, side, side)."""
    return look(clip, pixels).vectors


def look(clip: Any, pixels: Any) -> Seen:
    """Look at pixels (n, 3, side, side).

    Of the last layer only the first token is computed, which is the only one that is read.
    """
    import torch
    from torch.nn.functional import normalize

    tower = clip.vision_model
    *layers, last = tower.encoder.layers
    x = tower.pre_layrnorm(tower.embeddings(pixels))
    if torch.is_autocast_enabled("cpu"):
        x = x.to(torch.get_autocast_dtype("cpu"))
    for layer in layers:
        x = x + layer.self_attn.out_proj(_attended(layer.self_attn, layer.layer_norm1(x)))
        x = x + layer.mlp(layer.layer_norm2(x))
    attention, normed = last.self_attn, last.layer_norm1(x)
    heads = (attention.num_heads, attention.head_dim)
    query = attention.q_proj(normed[:, :1]).unflatten(2, heads).transpose(1, 2)
    key = attention.k_proj(normed).unflatten(2, heads).transpose(1, 2)
    values = attention.v_proj(normed)
    gaze = (query @ key.transpose(2, 3) * attention.scale).softmax(3)
    mixed = (gaze @ values.unflatten(2, heads).transpose(1, 2)).transpose(1, 2).flatten(1)

    def said(first: Any, mixed: Any) -> Any:
        first = first + attention.out_proj(mixed)
        first = first + last.mlp(last.layer_norm2(first))
        return normalize(clip.visual_projection(tower.post_layernorm(first)).float(), dim=-1)

    def alone(numbers: Any) -> Any:
        row = numbers // (x.shape[1] - 1)
        return said(x[row, 0], values[:, 1:].flatten(0, 1)[numbers])

    return Seen(said(x[:, 0], mixed), x[:, 1:], gaze[:, :, 0, 1:], alone)


def _attended(attention: Any, normed: Any) -> Any:
    """What a layer's heads gather for (n, tokens, width).

    The exponentials are divided by their sum after they have been multiplied, so that what there is of each
    pair of tokens is gone through once instead of four times, which costs more than the products where a
    processor has instructions for matrices. No score is subtracted from the others, for none comes near 88,
    beyond which an exponential is no number.
    """
    import torch

    parts = (attention.num_heads, attention.head_dim)
    query, key, value = (
        each(normed).unflatten(2, parts).transpose(1, 2)
        for each in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    shares = (query * attention.scale @ key.transpose(2, 3)).exp()
    value = torch.cat([value, torch.ones_like(value[..., :1])], 3)
    mixed = shares @ value
    return (mixed[..., :-1] / mixed[..., -1:]).transpose(1, 2).flatten(2)


def read(clip: Any, ids: Any) -> Any:
    """Unit vectors (n, d) of token ids (n, tokens)."""
    from torch.nn.functional import normalize

    return normalize(clip.text_projection(clip.text_model(input_ids=ids).pooler_output).float(), dim=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What a step is taught with, as tensors.

    ``pixels`` (b, 3, side, side); ``captions`` and ``names``, token ids (texts, tokens); ``truth``
    (b, texts), the captions first; ``covered`` (b, glyphs, patches), the share that a glyph
    covers; ``glyphs`` (b, glyphs), their concepts, -1 for none; ``each_is`` (b, glyphs, names): whether a
    name is true of a glyph; ``alike`` (names, names): whether one is true of what the other means.
    """

    pixels: Any
    captions: Any
    names: Any
    truth: Any
    covered: Any
    glyphs: Any
    each_is: Any
    alike: Any


class Trainer:
    """One training, kept in ``folder``."""

    def __init__(self, folder: Path, plan: Plan, shape: model.Shape, composer: scenes.Composer) -> None:
        import torch

        from training.demo import muon

        self.folder, self.plan, self.shape, self.composer = folder, plan, shape, composer
        self.bfloat16 = muon.quick_bfloat16() if plan.bfloat16 is None else plan.bfloat16
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.texts = Texts(folder / "tokenizer.json")
        self.clip = model.build(shape, self.texts.size)
        self.namer = torch.nn.Linear(shape.width, len(concepts()))  # of single glyphs; not published
        self.teller = torch.nn.Linear(shape.width, len(concepts()) + 1)  # of single patches; nor is this
        self._kept: dict[int, Pictures] = {}
        self.parts: dict[str, float] = {}  # of the last loss
        self.step = 0
        self.seconds = 0.0  # of computing
        self.hurry: tuple[float, float] | None = None  # progress and rate when it was told to finish
        self.began = time.time()
        model.whiten(self.clip, normalise(self._made(0)[0]), shape.per_head)
        # Muon (Jordan, 2024) for the matrices of the layers: at this size it needs about half the steps.
        layers = ("vision_model.encoder", "text_model.encoder")
        named = list(self.clip.named_parameters())
        matrices = [p for n, p in named if n.startswith(layers) and p.ndim == 2]
        rest = [p for n, p in named if not (n.startswith(layers) and p.ndim == 2)]
        rest += [*self.namer.parameters(), *self.teller.parameters()]
        self.optimizers: list[Any] = [
            muon.Muon(matrices, lr=plan.matrix_rate, weight_decay=plan.decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay),
        ]
        with torch.no_grad():
            self.clip.logit_scale.fill_(float(np.log(_SCALE)))

    def _pictures(self, step: int) -> Pictures:
        """Half of them new; the others are those of eight steps ago, moved a little and in other colours."""
        new, seen, where = self._made(step)
        if step < ECHO:
            old, seen_before, where_before = self._made(-1 - step)
        else:
            old, seen_before, where_before = self._made(step - ECHO)
            self._kept.pop(step - ECHO, None)
        rng = np.random.default_rng([self.plan.seed, step, 3])
        again, where_again = moved(rng, recoloured(rng, old), where_before)
        return np.concatenate([new, again]), [*seen, *seen_before], np.concatenate([where, where_again])

    def _made(self, key: int) -> Pictures:
        if key not in self._kept:
            rng = np.random.default_rng([self.plan.seed, abs(key), int(key < 0)])
            chosen = np.resize(rng.permutation(self.composer.known), self.plan.batch // 2)
            easy = self.plan.easy * max(0.0, 1 - self.done(max(key, 0)) / self.plan.hard)
            made = [self.composer.picture(rng, int(concept), easy) for concept in chosen]
            pictures, seen, where = zip(*made, strict=True)
            self._kept[key] = np.stack(pictures), list(seen), np.stack(where)
        return self._kept[key]

    def batch(self, step: int) -> Batch:
        """What step number ``step`` is taught with."""
        import torch

        pictures, seen, where = self._pictures(step)
        rng = np.random.default_rng([self.plan.seed, step, 2])
        said = [captions.caption(rng, scene) for scene in seen]
        said += captions.distractors(rng, self.plan.others)
        among = self._among(rng, seen)
        names = captions.names(rng, among)
        truth = captions.truth(seen, [*said, *names])
        ids = self.texts.ids([each.text for each in said])
        short = self.texts.ids([each.text for each in names])
        covered = where.reshape(*where.shape[:2], -1)
        glyphs = np.full(where.shape[:2], -1)
        for row, scene in enumerate(seen):
            glyphs[row, : len(scene.concepts)] = scene.concepts
        alike = captions.truth([scenes.Scene((concept,), None) for concept in among], names)
        place = {concept: n for n, concept in enumerate(among)}
        own = np.array([place.get(concept, 0) for concept in glyphs.flatten().tolist()])
        each_is = alike[own].reshape(*glyphs.shape, -1) & (glyphs >= 0)[..., None]
        arrays = (normalise(pictures), ids, short, truth, covered, glyphs, each_is, alike)
        return Batch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))

    def _among(self, rng: np.random.Generator, seen: list[scenes.Scene]) -> list[int]:
        """Concepts to tell the pictures from each other by: all that are seen, and some that are not."""
        shown = {concept for scene in seen for concept in scene.concepts}
        others = [c for c in rng.permutation(self.composer.known).tolist() if c not in shown]
        return sorted(shown) + others[: max(0, self.plan.names - len(shown))]

    def loss(self, batch: Batch) -> Any:
        """Cross entropy both ways; where several texts (pictures) are true, they share the probability.

        And what leads there, since the first token alone would take long to find out which part of a picture
        a word is about: ``glance``, what each glyph is by the mean of its patches; ``patch``, what single
        patches belong to, a glyph or none; ``alone``, that a look at one of them finds the glyph's name;
        ``gaze``, that most heads look at all glyphs, and at nothing else; ``spread``, that names which mean
        different things lie at right angles. Two things in a picture then need only be added up: without that
        a model which knew both when it was told where they are found one of them.
        """
        import torch
        from torch.nn.functional import cross_entropy, layer_norm

        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            seen = look(self.clip, batch.pixels)
            patches, width = seen.patches, seen.patches.shape[-1:]
            names = read(self.clip, batch.names)
            texts = torch.cat([read(self.clip, batch.captions), names])
            whole = batch.covered.sum(2)
            clear = (batch.glyphs >= 0) & (whole > 0.3)
            mean = (batch.covered / (whole[..., None] + 1e-3)).to(patches.dtype) @ patches
            guessed = self.namer(layer_norm(mean[clear], width))
            on, off, owner = self._asked(batch)
            told_of = self.teller(layer_norm(patches.flatten(0, 1)[torch.cat([on, off])], width))
            alone = seen.alone(on)
        scale = self.clip.logit_scale.exp()
        logits, truth = scale * seen.vectors @ texts.T, batch.truth
        by_picture, by_text = self._matched(logits, truth), self._matched(logits.T, truth.T)
        belongs = torch.cat([batch.glyphs.flatten()[owner], torch.full_like(off, len(concepts()))])
        unlike = ~(batch.alike | batch.alike.T)
        parts = {
            "by_picture": by_picture,
            "by_text": by_text,
            "glance": cross_entropy(guessed.float(), batch.glyphs[clear]),
            "patch": cross_entropy(told_of.float(), belongs),
            "alone": self._matched(scale * alone @ names.T, batch.each_is.flatten(0, 1)[owner]),
            "spread": (names @ names.T)[unlike].square().mean(),
            "gaze": -(seen.gaze[:, :_LOOKING].float() @ batch.covered.transpose(1, 2))
            .clamp(min=1e-6)
            .log()
            .transpose(1, 2)[clear]
            .mean(),
        }
        self.parts = {name: value.item() for name, value in parts.items()}
        return (
            (by_picture + by_text) / 2
            + self.plan.glance * (parts["glance"] + parts["patch"] + parts["alone"])
            + self.plan.gaze * parts["gaze"]
            + self.plan.spread * parts["spread"]
        )

    @staticmethod
    def _matched(logits: Any, truth: Any) -> Any:
        """The cross entropy of rows of which several columns may be true; those with none are left out."""
        target = truth.float()
        count = target.sum(1)
        told = count > 0
        return (-(logits.log_softmax(1) * target).sum(1)[told] / count[told]).mean()

    def _asked(self, batch: Batch) -> tuple[Any, Any, Any]:
        """Numbers (of b · patches) of some that a glyph covers, and of some that none does; and which of the
        b · glyphs each of the former belongs to.
        """
        import torch

        cover, which = batch.covered.max(1)
        on = (cover >= _SHOWN).flatten().nonzero()[:, 0]
        off = (cover < 0.05).flatten().nonzero()[:, 0]
        on = on[torch.randperm(len(on))[: self.plan.patches]]
        off = off[torch.randperm(len(off))[: self.plan.patches // 5]]
        owner = on // which.shape[1] * batch.glyphs.shape[1] + which.flatten()[on]
        return on, off, owner

    def progress(self, step: int) -> float:
        """The share of the whole that is done at a step: 0…1."""
        plan = self.plan
        if plan.until:
            return (time.time() - self.began) / max(plan.until - self.began, 1e-9)
        return step / plan.steps if plan.steps else self.seconds / (60 * plan.minutes)

    def done(self, step: int) -> float:
        """The same, of a whole that ends a quarter later than it was told to finish, if it was."""
        return self.progress(step) / (min(1.0, 1.25 * self.hurry[0]) if self.hurry else 1.0)

    def rate(self) -> float:
        """The learning rate of the next step, as a share of the plan's."""
        if self.hurry:
            at, rate = self.hurry
            end = min(1.0, 1.25 * at)
            return max(0.0, rate * (end - self.progress(self.step)) / max(end - at, 1e-9))
        warm = min(1.0, (self.step + 1) / self.plan.warm_up)
        return warm * max(0.0, min(1.0, (1 - self.progress(self.step)) / self.plan.cooling))

    def run(self, *, pause: tuple[Path, ...] = (), measure: Measure | None = None) -> dict[str, float]:
        """Train until the plan is done; return the last report."""
        pauses = (*pause, self.folder / "pause")
        saved = measured = time.monotonic()
        recent: list[float] = []
        report: dict[str, float] = {}
        with ThreadPoolExecutor(1) as ahead:  # one step's pictures are made while the one before is computed
            coming = ahead.submit(self.batch, self.step)
            while True:
                while any(path.exists() for path in pauses):
                    time.sleep(1)
                if self.hurry is None and (self.folder / "finish").exists():
                    self.hurry = (self.progress(self.step), self.rate())
                share = self.rate()
                if share <= 0:
                    break
                began = time.monotonic()
                batch, coming = coming.result(), ahead.submit(self.batch, self.step + 1)
                recent.append(self._learn(batch, share))
                self.step += 1
                now = time.monotonic()
                self.seconds += now - began
                if self.step % self.plan.report == 0:
                    report = self._report(recent, share)
                    recent = []
                if measure is not None and now - measured > self.plan.measure_every:
                    measured = now
                    minutes = round(self.seconds / 60, 2)
                    self._log({"step": self.step, "minutes": minutes, **measure(self.clip)})
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

    def _learn(self, batch: Batch, share: float) -> float:
        """One step at a share of the rates; the loss."""
        import torch

        loss = self.loss(batch)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        learnt = [p for part in (self.clip, self.namer, self.teller) for p in part.parameters()]
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        for optimizer, rate in zip(self.optimizers, (self.plan.matrix_rate, self.plan.rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            optimizer.step()
        with torch.no_grad():
            self.clip.logit_scale.clamp_(0, float(np.log(_SCALE)))
        return float(loss.item())

    def _report(self, losses: list[float], share: float) -> dict[str, float]:
        report = {
            "step": self.step,
            "minutes": round(self.seconds / 60, 2),
            "loss": round(float(np.mean(losses)), 4),
            "rate": round(self.plan.rate * share, 6),
            "scale": round(self.clip.logit_scale.exp().item(), 2),
            **{name: round(value, 4) for name, value in self.parts.items()},
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
            "teller": self.teller.state_dict(),
            "began": self.began,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "hurry": self.hurry,
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
        self.teller.load_state_dict(state["teller"])
        self.began = state["began"]
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.seconds = state["step"], state["seconds"]
        self.hurry = state["hurry"]
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
