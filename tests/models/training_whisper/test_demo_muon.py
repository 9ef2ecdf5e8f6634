"""The optimizer of the demo weights is torch's Muon, computed in another way."""

from __future__ import annotations

import pytest
import torch

from training.demo import muon

SIZES = ((16, 16), (40, 16), (16, 40), (16, 16))


def _trained(optimizer: type[torch.optim.Optimizer], **options: object) -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(size)) for size in SIZES]
    unused = torch.nn.Parameter(torch.randn(4, 4))
    steps = optimizer([*weights, unused], lr=0.1, **options)  # type: ignore[call-arg]
    for _ in range(5):
        for weight in weights:
            weight.grad = torch.randn(weight.shape)
        steps.step()
    return [*weights, unused]


@pytest.mark.parametrize(
    "options",
    [{"adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.02}, {"adjust_lr_fn": None, "nesterov": False}],
)
@pytest.mark.parametrize("bfloat16", [False, True])
def test_weights_move_as_torchs_muon_moves_them(
    options: dict[str, object], bfloat16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "quick_bfloat16", lambda: bfloat16)
    for ours, theirs in zip(
        _trained(muon.Muon, **options), _trained(torch.optim.Muon, **options), strict=True
    ):
        assert (ours - theirs).abs().max() < 0.01 * theirs.abs().max()


def test_what_is_orthogonal_after_steps_turns_only() -> None:
    torch.manual_seed(1)
    turned = muon.orthogonal(torch.randn(3, 24, 60), (3.4445, -4.775, 2.0315), 5, 1e-7)
    strengths = torch.linalg.svdvals(turned.float())
    assert strengths.min() > 0.5
    assert strengths.max() < 1.5
