"""Muon (Jordan, 2024) as torch has it, computed in the precision that this processor is fast in.

torch's own always computes in bfloat16, which a processor without instructions for it does fifty times slower
than float32; and it takes one matrix after the other, where those of a transformer have a few sizes only.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch


def quick_bfloat16() -> bool:
    """Whether this processor multiplies matrices of bfloat16 by instructions of its own."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


class Muon(torch.optim.Muon):
    """Takes the arguments of torch's, and its state can be exchanged with this."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Do one step; ``closure`` as for every optimizer."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            sizes: dict[tuple[int, int], list[tuple[Any, Any]]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weight.grad)
                kept = state["momentum_buffer"].lerp_(weight.grad, 1 - group["momentum"])
                wanted = weight.grad.lerp(kept, group["momentum"]) if group["nesterov"] else kept
                sizes[tuple(weight.shape)].append((weight, wanted))
            for (rows, columns), found in sizes.items():
                turned = orthogonal(
                    torch.stack([wanted for _, wanted in found]),
                    group["ns_coefficients"],
                    group["ns_steps"],
                    group["eps"],
                )
                rate = group["lr"] * _share(group["adjust_lr_fn"], rows, columns)
                for (weight, _), change in zip(found, turned, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(change.to(weight.dtype), alpha=-rate)
        return loss


def orthogonal(matrices: Any, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """The orthogonal matrices nearest to those given, (n, rows, columns): roughly, by Newton-Schulz steps."""
    a, b, c = coefficients
    found = matrices.to(torch.bfloat16 if quick_bfloat16() else torch.float32)
    upright = found.shape[1] > found.shape[2]
    if upright:
        found = found.transpose(1, 2)
    found = found / found.norm(dim=(1, 2), keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = found @ found.transpose(1, 2)
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found.transpose(1, 2) if upright else found


def _share(way: str | None, rows: int, columns: int) -> float:
    if way == "match_rms_adamw":
        return float(0.2 * max(rows, columns) ** 0.5)
    return float(max(1, rows / columns) ** 0.5)
