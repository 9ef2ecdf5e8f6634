"""Training: teacher forcing on pairs that are made as they are needed; resumable, and finished on time.

Files in the working folder: ``base`` is the untrained model, ``train.pt`` the whole state, ``log.jsonl`` has
a line per report. While a file ``pause`` (or ``--pause-file``) exists, nothing is computed; a file ``finish``
makes the learning rate fall to nothing and training stop.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.demo.marian import model
from training.translator import model as marian
from training.translator.pairs import Pair

_IGNORED = -100  # the label that torch's loss passes over
Measure = Callable[[Any], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. ``minutes`` are of computing with all threads; the last part of it cools down.

    ``until`` is a time (seconds since 1970) at which training must be over, however far it is; 0: none.
    """

    seed: int = 1
    batch: int = 384  # pairs
    together: int = 8  # batches that are sorted by length among themselves
    rate: float = 2e-3
    matrix_rate: float = 4e-3  # of Muon, scaled as for AdamW
    warm_up: int = 100  # steps
    decay: float = 0.02
    smoothing: float = 0.02
    minutes: float = 25.0
    steps: int = 0  # if not 0, this many instead
    until: float = 0.0
    cooling: float = 0.5  # the share of the whole in which the rate falls
    threads: int = 2
    bfloat16: bool | None = None  # None: where the processor has instructions for it
    report: int = 25  # steps
    save_every: float = 180.0  # seconds
    measure_every: float = 1200.0  # seconds


class Trainer:
    """One training, kept in ``folder``."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        import torch

        from training.demo import muon

        self.folder, self.plan = folder, plan
        self.bfloat16 = muon.quick_bfloat16() if plan.bfloat16 is None else plan.bfloat16
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        base = folder / "base"
        self.net = marian.load(base).train()
        self.pieces = marian.Pieces(base, most=64)
        self.said = model.said(base)
        self.step = 0
        self.seconds = 0.0  # of processors
        self.began = time.time()
        self.cooling_from: float | None = None  # a share of the whole
        named = [(name, each) for name, each in self.net.named_parameters() if each.requires_grad]
        matrices = [each for name, each in named if each.ndim == 2 and ".layers." in name]
        rest = [each for name, each in named if not (each.ndim == 2 and ".layers." in name)]
        # Muon (Jordan, 2024) for the matrices of the layers: at this size it needs about half the steps.
        self.optimizers: list[Any] = [
            muon.Muon(matrices, lr=plan.matrix_rate, weight_decay=plan.decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]

    def loss(self, pairs: Sequence[Pair]) -> Any:
        """Cross entropy of the targets' pieces, among those that may be said."""
        import torch
        from torch.nn.functional import cross_entropy

        padding = int(self.net.config.pad_token_id)
        source = _padded(self.pieces.source([pair.source for pair in pairs]), padding)
        target = self.pieces.target([pair.target for pair in pairs])
        begun = _padded([[padding, *row[:-1]] for row in target], padding)
        wanted = _padded(target, _IGNORED)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            states = self.net.model(
                input_ids=source, attention_mask=source != padding, decoder_input_ids=begun
            ).last_hidden_state
            kept = wanted != _IGNORED
            logits = states[kept] @ self.net.model.shared.weight[: self.said].T
        return cross_entropy(logits.float(), wanted[kept], label_smoothing=self.plan.smoothing)

    def translate(self, texts: Sequence[str]) -> list[str]:
        """Return greedy answers of the weights as they are."""
        import torch

        padding = int(self.net.config.pad_token_id)
        source = _padded(self.pieces.source(texts), padding)
        with torch.inference_mode():
            states = self.net.model.encoder(input_ids=source, attention_mask=source != padding)
            written = torch.full((len(source), 1), padding)
            for _ in range(2 * source.shape[1] + 12):
                hidden = self.net.model(
                    encoder_outputs=states, attention_mask=source != padding, decoder_input_ids=written
                ).last_hidden_state[:, -1]
                best = (hidden @ self.net.model.shared.weight[: self.said].T).argmax(1, keepdim=True)
                written = torch.cat([written, best], 1)
                if bool((written == self.pieces.end).any(1).all()):
                    break
        return [self.pieces.text(row[1:]) for row in written.tolist()]

    def progress(self) -> float:
        """The share of the whole that is done: 0…1, and more where it is late."""
        plan = self.plan
        by_work = self.step / plan.steps if plan.steps else self.seconds / (60 * plan.minutes * plan.threads)
        if not plan.until:
            return by_work
        return max(by_work, (time.time() - self.began) / max(plan.until - self.began, 1.0))

    def rate(self) -> float:
        """The learning rate of the next step, as a share of the plan's."""
        done = self.progress()
        if self.cooling_from is None and ((self.folder / "finish").exists() or done >= 1 - self.plan.cooling):
            self.cooling_from = done
        warm = min(1.0, (self.step + 1) / self.plan.warm_up)
        if self.cooling_from is None:
            return warm
        # From wherever it began, it takes as long as it would have taken at the plan's end.
        length = self.cooling_from * self.plan.cooling / (1 - self.plan.cooling)
        return warm * max(0.0, 1 - (done - self.cooling_from) / max(length, 1e-9))

    def run(
        self, pairs: Iterator[Pair], *, pause: tuple[Path, ...] = (), measure: Measure | None = None
    ) -> dict[str, float]:
        """Train until the plan is done; return the last report."""
        import torch

        pauses = (*pause, self.folder / "pause")
        saved = measured = time.monotonic()
        lost: list[float] = []
        report: dict[str, float] = {}
        chance = random.Random(f"{self.plan.seed} {self.step}")  # noqa: S311
        ready: list[list[Pair]] = []
        while True:
            while any(path.exists() for path in pauses):
                time.sleep(1)
            share = self.rate()
            if share <= 0:
                break
            before = time.process_time()
            if not ready:
                ready = _batches(pairs, self.plan, chance)
            loss = self.loss(ready.pop())
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            for optimizer, rate in zip(self.optimizers, (self.plan.matrix_rate, self.plan.rate), strict=True):
                for group in optimizer.param_groups:
                    group["lr"] = rate * share
                optimizer.step()
            self.step += 1
            self.seconds += time.process_time() - before
            lost.append(float(loss.detach()))
            now = time.monotonic()
            if self.step % self.plan.report == 0:
                report = self._report(lost, share)
                lost = []
            if measure is not None and now - measured > self.plan.measure_every:
                measured = now
                self._log({"step": self.step, **measure(self)})
            if now - saved > self.plan.save_every:
                saved = now
                self.save()
        self.save()
        return report

    def _report(self, losses: Sequence[float], share: float) -> dict[str, float]:
        report = {
            "step": self.step,
            "minutes": round(self.seconds / 60 / self.plan.threads, 2),
            "done": round(self.progress(), 3),
            "loss": round(sum(losses) / len(losses), 4),
            "rate": round(self.plan.rate * share, 6),
        }
        self._log(report)
        return report

    def _log(self, line: dict[str, float]) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line, ensure_ascii=False) + "\n")

    def write(self, to: Path) -> Path:
        """Write the model as it is now in transformers' layout."""
        marian.save(self.net, self.folder / "base", to)
        return to

    def save(self) -> None:
        """Keep the whole state; a crash while it is written costs nothing."""
        import torch

        part = self.folder / "train.pt.part"
        state = {
            "net": self.net.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "began": self.began,
            "cooling_from": self.cooling_from,
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
        self.net.load_state_dict(state["net"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.seconds, self.began = state["step"], state["seconds"], state["began"]
        self.cooling_from = state["cooling_from"]
        return True


def _batches(pairs: Iterator[Pair], plan: Plan, chance: random.Random) -> list[list[Pair]]:
    """Some batches, each of pairs of about the same length."""
    drawn = [next(pairs) for _ in range(plan.batch * plan.together)]
    drawn.sort(key=lambda pair: len(pair.source))
    batches = [drawn[start : start + plan.batch] for start in range(0, len(drawn), plan.batch)]
    chance.shuffle(batches)
    return batches


def _padded(rows: Sequence[Sequence[int]], value: int) -> Any:
    import torch

    width = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])
