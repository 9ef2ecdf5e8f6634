"""The training itself: plain teacher forcing, AdamW, a learning rate that falls linearly."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from training.translator import checkpoints
from training.translator import model as marian
from training.translator.checkpoints import Progress
from training.translator.pairs import Pair
from training.translator.recipe import Recipe

# Pairs of like length together: this many batches are sorted among themselves.
_SORTED_TOGETHER = 50
_IGNORED = -100  # the label that torch's loss passes over

Told = Callable[[int, int, int, float], None]
"""Called with epoch, step, steps of the epoch and the batch's loss."""


def train(
    base: Path,
    learn: Sequence[Pair],
    recipe: Recipe,
    folder: Path,
    *,
    fingerprint: str,
    device: str = "cpu",
    told: Told = lambda *_: None,
) -> tuple[Path, Progress]:
    """Train from ``base``, or from the last whole checkpoint in ``folder``; return the last one.

    The result does not depend on whether it was interrupted: every epoch draws its order and its dropout from
    a seed of its own. ``learn`` has the pairs as often as an epoch is to see them.
    """
    import torch

    found = checkpoints.latest(folder, fingerprint)
    progress = Progress(fingerprint) if found is None else found[1]
    place = base if found is None else found[0]
    if progress.epoch >= recipe.epochs:
        return place, progress
    model = marian.load(place).to(device).train()
    optimizer = torch.optim.AdamW(
        [weight for weight in model.parameters() if weight.requires_grad],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    if found is not None:
        checkpoints.restore(place, optimizer)
    pieces = marian.Pieces(base, most=recipe.most_pieces)
    sources = pieces.source([pair.source for pair in learn])
    targets = pieces.target([pair.target for pair in learn])
    padding = int(model.config.pad_token_id)
    for epoch in range(progress.epoch, recipe.epochs):
        torch.manual_seed(recipe.seed * 1_000 + epoch)
        batches = list(_batches(sources, recipe, epoch))
        lost, labels = 0.0, 0
        for step, batch in enumerate(batches):
            share = (epoch * len(batches) + step) / (recipe.epochs * len(batches))
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * (1 - share)
            inputs = _padded([sources[index] for index in batch], padding).to(device)
            wanted = _padded([targets[index] for index in batch], _IGNORED).to(device)
            loss = model(input_ids=inputs, attention_mask=inputs != padding, labels=wanted).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.largest_gradient)
            optimizer.step()
            count = int((wanted != _IGNORED).sum())
            value = float(loss.detach())
            lost, labels = lost + value * count, labels + count
            told(epoch + 1, step + 1, len(batches), value)
        progress = Progress(fingerprint, epoch + 1, [*progress.losses, lost / labels])
        place = checkpoints.save(folder, progress, model, optimizer, base)
    return place, progress


def _batches(sources: Sequence[Sequence[int]], recipe: Recipe, epoch: int) -> Iterator[list[int]]:
    # Not for secrets; the same order for the same seed.
    chance = random.Random(recipe.seed * 1_000 + epoch)  # noqa: S311
    order = list(range(len(sources)))
    chance.shuffle(order)
    span = recipe.batch * _SORTED_TOGETHER
    batches = []
    for start in range(0, len(order), span):
        near = sorted(order[start : start + span], key=lambda index: len(sources[index]))
        batches += [near[place : place + recipe.batch] for place in range(0, len(near), recipe.batch)]
    chance.shuffle(batches)
    yield from batches


def _padded(rows: Sequence[Sequence[int]], value: int) -> Any:
    import torch

    width = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows])
