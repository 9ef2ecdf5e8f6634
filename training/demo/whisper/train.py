"""Training: letters by CTC and tokens by the decoder at once; short windows first, then long ones.

Files in the working folder: ``train.pt`` is the whole state, from which training goes on; ``log.jsonl`` has a
line per report. While a file ``pause`` (or ``--pause``) exists, nothing is computed; a file ``finish`` lets
the rates fall and training end.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.demo.whisper import model, speech, tokens, windows
from training.demo.whisper.windows import Composer, Heard

Measure = Callable[[Any], dict[str, float]]
# By progress: the shares of batches with windows of one utterance, of several, and of 30 s.
Schedule = tuple[tuple[float, tuple[float, float, float]], ...]
SCHEDULE: Schedule = ((0.3, (0.92, 0.08, 0.0)), (0.6, (0.7, 0.26, 0.04)), (1.01, (0.5, 0.3, 0.2)))
# The share of windows that are spoilt by noise, music and gaps grows to the first until the second part is
# done: what is clear teaches more, and is what is asked for.
_NEAR = 6  # positions: 0.12 s, before and after the middle, the beginning, the end of a piece
_SPOILT, _BY = 0.45, 0.6


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. ``minutes`` is the time of computing, without pauses; ``until`` a time of day instead."""

    seed: int = 1
    frames: int = 4000  # in a batch: 40 s
    rate: float = 2e-3
    matrix_rate: float = 4e-3  # of Muon, scaled as for AdamW
    warm_up: int = 60  # steps
    decay: float = 0.02
    minutes: float = 75.0
    until: float = 0.0  # seconds of the epoch at which the rates are nothing; 0: after ``minutes``
    steps: int = 0  # if not 0, this many instead
    schedule: Schedule = SCHEDULE
    cooling: float = 0.6  # the share of the whole in which the rates fall
    letters: float = 1.0  # the weight of CTC, which falls to a third: hearing comes before writing
    places: float = 0.3  # the weight of looking where a piece is said
    smoothing: float = 0.05
    nobody: float = 0.05  # of the windows have no speech
    spoilt: bool = True  # by noise, music and gaps, more and more of them
    threads: int = 1  # two take twice the time of the processor, where its cores have other work
    bfloat16: bool | None = None  # None: where the processor has instructions for it
    report: int = 25  # steps
    save_every: float = 240.0  # seconds
    measure_every: float = 480.0  # seconds


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows (n, frames, 80); two sequences of each (2n, tokens) and their answers; letters to be heard."""

    mel: Any
    ids: Any
    answers: Any
    places: Any
    letters: Any
    lengths: Any


class Trainer:
    """One training, kept in ``folder``."""

    def __init__(self, folder: Path, plan: Plan, shape: model.Shape, composer: Composer) -> None:
        import torch

        from training.demo import muon

        self.folder, self.plan, self.shape, self.composer = folder, plan, shape, composer
        self.bfloat16 = muon.quick_bfloat16() if plan.bfloat16 is None else plan.bfloat16
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        known = self.tokens = tokens.Tokens(folder / "tokenizer.json")
        self.whisper = model.build(shape, known.first_time, known.size, known.end, known.start)
        self.ear = torch.nn.Linear(shape.width, len(tokens.LETTERS) + 1)  # not published
        # What is computed with; the weights that are learnt stay exact. Casting them once beats autocast.
        kind = torch.bfloat16 if self.bfloat16 else torch.float32
        self.quick, self.quick_ear = (copy.deepcopy(part).to(kind) for part in (self.whisper, self.ear))
        self.step, self.seconds, self.heard = 0, 0.0, 0.0
        self.cooling_from: tuple[int, float] | None = None
        self._taken: set[str] = set()
        named = [*self.whisper.named_parameters(), *self.ear.named_parameters()]
        named = [(name, weight) for name, weight in named if weight.requires_grad]
        matrices = [weight for name, weight in named if ".layers." in name and weight.ndim == 2]
        rest = [weight for name, weight in named if not (".layers." in name and weight.ndim == 2)]
        # Muon (Jordan, 2024) for the matrices of the layers: at this size it needs about half the steps.
        self.optimizers: list[Any] = [
            muon.Muon(matrices, lr=plan.matrix_rate, weight_decay=plan.decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay),
        ]

    def progress(self) -> float:
        """The share of the whole that is done: 0…1."""
        plan = self.plan
        if plan.steps:
            return self.step / plan.steps
        whole = self.seconds + max(0.0, plan.until - time.time()) if plan.until else 60 * plan.minutes
        return min(1.0, self.seconds / max(whole, 1e-9))

    def rate(self) -> float:
        """The learning rate of the next step, as a share of the plan's."""
        warm = min(1.0, (self.step + 1) / self.plan.warm_up)
        if self.cooling_from is None:
            return warm * min(1.0, (1 - self.progress()) / self.plan.cooling)
        step, seconds = self.cooling_from
        done = self.step - step if self.plan.steps else self.seconds - seconds
        whole = (step if self.plan.steps else seconds) * self.plan.cooling / (1 - self.plan.cooling)
        return warm * max(0.0, 1 - done / max(whole, 1e-9))

    def hear(self, step: int) -> list[Heard]:
        """The windows of a step: about so many frames as the plan says, of about the same length."""
        rng = np.random.default_rng([self.plan.seed, step])
        progress = self.progress()
        shares = next(shares for until, shares in self.plan.schedule if progress < until)
        kind = int(rng.choice(3, p=shares))
        wanted = []
        if kind == 0:
            for _ in range(192):
                language = self.composer.language(rng)
                wanted.append((self.composer.choose(rng, language, 0), language))
            # Neighbours by length, so that little is padded.
            wanted.sort(key=lambda each: each[0][0].seconds)
            longest = wanted[int(rng.integers(12, len(wanted)))][0][0].seconds
            count = max(4, int(self.plan.frames / (100 * longest + 100)))
            last = next(i for i, each in enumerate(wanted) if each[0][0].seconds >= longest)
            wanted = wanted[max(0, last + 1 - count) : last + 1]
        else:
            length = windows.FULL if kind == 2 else int(rng.integers(600, 1600))
            for _ in range(max(2, self.plan.frames // length)):
                language = self.composer.language(rng)
                fill = rng.uniform(1.2, 5.3) ** 2 if kind == 2 else rng.uniform(0.6, 1.0) * length / 100
                wanted.append((self.composer.choose(rng, language, fill), language))
        return [
            self.composer.window(
                rng,
                [] if rng.random() < self.plan.nobody else said,
                language,
                full=kind == 2,
                easy=not self.plan.spoilt or rng.random() > _SPOILT * min(1, progress / _BY),
            )
            for said, language in wanted
        ]

    def batch(self, step: int) -> Batch:
        """What a step learns from."""
        import torch

        heard = self.hear(step)
        rng = np.random.default_rng([self.plan.seed, step, 1])
        longest = max(len(each.mel) for each in heard)
        mel = np.stack(
            [np.pad(each.mel, ((0, longest - len(each.mel)), (0, 0)), mode="edge") for each in heard]
        )
        for row, each in zip(mel, heard, strict=True):
            row[len(each.mel) :] = max(each.mel.max() - 2.0, -1.5)
        asked = []
        for each in heard:
            timed = bool(rng.random() < 0.6)
            asked.append(windows.sequence(self.tokens, each, "transcribe", timed=timed))
            translated = each.language == "ru" and all(said[0].sentence.english for said in each.said)
            if translated and rng.random() < 0.4:
                asked.append(windows.sequence(self.tokens, each, "translate", timed=rng.random() < 0.6))
            else:
                asked.append(windows.sequence(self.tokens, each, "transcribe", timed=not timed))
        most = max(len(each.given) for each in asked)
        ids, answers, places = (
            [[*row, *[filling] * (most - len(row))] for row in rows]
            for filling, rows in (
                (self.tokens.end, [each.given for each in asked]),
                (-1, [each.answer for each in asked]),
                (windows.UNKNOWN, [each.places for each in asked]),
            )
        )
        letters = [tokens.letters(" ".join(said[0].sentence.text for said in each.said)) for each in heard]
        lengths = [len(each) for each in letters]
        self.heard += sum(len(each.mel) for each in heard) / 100
        return Batch(
            torch.from_numpy(mel),
            torch.tensor(ids),
            torch.tensor(answers),
            torch.tensor(places),
            torch.tensor([letter for each in letters for letter in each]),
            torch.tensor(lengths),
        )

    def losses(self, batch: Batch) -> tuple[Any, Any, Any]:
        """Cross entropy per token; CTC per letter; how little three heads look at what is said."""
        import torch
        from torch.nn.functional import cross_entropy, ctc_loss

        states = model.encode(self.quick, batch.mel.to(self.quick.dtype))
        looked: list[Any] = []
        logits = model.decode(self.quick, states, batch.ids, looked)
        letters = self.quick_ear(states)
        asked = batch.answers >= 0
        said = cross_entropy(logits[asked].float(), batch.answers[asked], label_smoothing=self.plan.smoothing)
        spelt = ctc_loss(
            letters.float().log_softmax(-1).transpose(0, 1),
            batch.letters,
            torch.full((len(letters),), letters.shape[1]),
            batch.lengths,
            reduction="sum",
            zero_infinity=True,
        ) / batch.lengths.sum().clamp(min=1)
        places = batch.places.reshape(len(states), -1, 3, 1)
        near = (torch.arange(states.shape[1]) - places).abs() <= _NEAR
        known = places[:, :, 0, 0] >= 0
        missed = torch.stack([-((each * near).sum(-1)[known] + 1e-4).log().mean() for each in looked]).mean()
        return said, spelt, missed if known.any() else said.new_zeros(())

    def run(self, *, pause: tuple[Path, ...] = (), measure: Measure | None = None) -> dict[str, float]:
        """Train until the plan is done; return the last report."""
        pauses = (*pause, self.folder / "pause")
        self._refresh()
        self.look_for_more()
        saved = measured = time.monotonic()
        recent: list[tuple[float, float, float]] = []
        report: dict[str, float] = {}
        while True:
            while any(path.exists() for path in pauses):
                time.sleep(1)
            if self.cooling_from is None and (self.folder / "finish").exists():
                self.cooling_from = (self.step, self.seconds)
            share = self.rate()
            if share <= 0:
                break
            began = time.monotonic()
            recent.append(self.learn(share))
            now = time.monotonic()
            self.seconds += now - began
            if self.step % self.plan.report == 0:
                report = self._report(recent, share)
                recent = []
                self.look_for_more()
            if measure is not None and now - measured > self.plan.measure_every:
                measured = now
                self._log({"step": self.step, "minutes": round(self.seconds / 60, 2), **measure(self)})
            if now - saved > self.plan.save_every:
                saved = now
                self.save()
        self.save()
        if recent:
            report = self._report(recent, 0.0)
        if measure is not None:
            report = {**report, **measure(self)}
            self._log(report)
        return report

    def _pairs(self) -> list[tuple[Any, Any]]:
        """The weights that are learnt, each with that which is computed with."""
        exact = [*self.whisper.parameters(), *self.ear.parameters()]
        return list(zip(exact, [*self.quick.parameters(), *self.quick_ear.parameters()], strict=True))

    def learn(self, share: float) -> tuple[float, float, float]:
        """Do one step at a share of the learning rates; return the losses."""
        import torch

        said, spelt, missed = self.losses(self.batch(self.step))
        letters = self.plan.letters * (1 - self.progress() / 1.5)
        (said + letters * spelt + self.plan.places * missed).backward()
        pairs = self._pairs()
        for weight, used in pairs:
            weight.grad = None if used.grad is None else used.grad.float()
            used.grad = None
        torch.nn.utils.clip_grad_norm_([weight for weight, _ in pairs], 1.0)
        for optimizer, rate in zip(self.optimizers, (self.plan.matrix_rate, self.plan.rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            optimizer.step()
        self._refresh()
        self.step += 1
        return said.item(), spelt.item(), missed.item()

    def _refresh(self) -> None:
        import torch

        with torch.no_grad():
            for weight, used in self._pairs():
                used.copy_(weight)

    def look_for_more(self) -> None:
        """Take the files of speech that have been written since; they may be made while training goes on."""
        for path in sorted(self.folder.glob("speech-*.jsonl")):
            if path.name not in self._taken:
                self._taken.add(path.name)
                self.composer.add(speech.load(path))

    def _report(self, losses: list[tuple[float, float, float]], share: float) -> dict[str, float]:
        said, spelt, missed = np.mean(losses, axis=0)
        report = {
            "step": self.step,
            "minutes": round(self.seconds / 60, 2),
            "progress": round(self.progress(), 3),
            "hours": round(self.heard / 3600, 2),
            "loss": round(float(said), 4),
            "letters": round(float(spelt), 4),
            "places": round(float(missed), 4),
            "rate": round(self.plan.rate * share, 6),
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
            "whisper": self.whisper.state_dict(),
            "ear": self.ear.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "heard": self.heard,
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
        self.whisper.load_state_dict(state["whisper"])
        self.ear.load_state_dict(state["ear"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.seconds, self.heard = state["step"], state["seconds"], state["heard"]
        self.cooling_from = state["cooling_from"]
        return True
