"""The trained model in the published form, with a card that says what it is; its calibration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from kadr.models.catalogue import CLIP_CALIBRATION, CLIP_PREPROCESSING, Calibration
from training.demo.clip import heldout
from training.demo.clip.concepts import concepts
from training.demo.clip.evaluate import Vectors
from training.demo.clip.glyphs import NAMES, SETS
from training.demo.clip.tokens import END, MAX_TOKENS, PAD, START, UNKNOWN

_CLIPS_BEST = (
    0.35  # the upper end of the usual range of text-image cosines of CLIPs; chance is CLIP_CALIBRATION's
)

LICENCE = "Apache-2.0"


def restored(folder: Path) -> Any:
    """The model of ``train.pt``.

    Raises:
        SystemExit: nothing has been trained yet.
    """
    import torch

    from training.demo.clip.model import Shape, build
    from training.demo.clip.train import Texts

    path = folder / "train.pt"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: run python -m training.demo.clip train first")
    state = torch.load(path, weights_only=True)
    clip = build(Shape(**state["shape"]), Texts(folder / "tokenizer.json").size)
    clip.load_state_dict(state["clip"])
    return clip.eval()


def write(clip: Any, tokenizer: Path, to: Path) -> None:
    """Write model.safetensors in half precision, its configuration, its tokenizer and its preprocessing."""
    import torch
    from safetensors.torch import save_file

    to.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: value.to(torch.float16).contiguous()
        for name, value in clip.state_dict().items()
        if value.is_floating_point()
    }
    save_file(tensors, to / "model.safetensors", metadata={"format": "pt"})
    config = {**clip.config.to_dict(), "architectures": ["CLIPModel"], "dtype": "float16"}
    _json(to / "config.json", config)
    shutil.copyfile(tokenizer, to / "tokenizer.json")
    special = {"pad_token": PAD, "unk_token": UNKNOWN, "bos_token": START, "eos_token": END}
    _json(
        to / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": MAX_TOKENS, **special},
    )
    side = clip.config.vision_config.image_size
    _json(
        to / "preprocessor_config.json",
        {
            "image_processor_type": "CLIPImageProcessor",
            "do_resize": True,
            "size": {"shortest_edge": side},
            "resample": 3,  # bicubic
            "do_center_crop": True,
            "crop_size": {"height": side, "width": side},
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": CLIP_PREPROCESSING["mean"],
            "image_std": CLIP_PREPROCESSING["std"],
            "do_convert_rgb": True,
        },
    )


def _json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def calibration(test: heldout.Test, texts: Vectors, clips: Vectors) -> Calibration:
    """Mean of the cosine of a question and a clip that has none of what is asked for, and what counts as one
    deviation from it.

    Nor anything that shares a word or a kind with it: "dog" and a clip of a poodle are no unrelated pair.

    Real CLIPs tell photographs less clearly apart than this one tells drawings: their best pairs lie some
    four deviations above chance, its own seven. Counted so, pictures that look like a word would drown what
    is written and said. So the deviation is at least such that its best right pairs lie where theirs do.
    """
    asked = [concepts()[index].atoms for index in test.asked]
    shown = [clip.scene.atoms for clip in test.clips]
    unrelated = np.array([[question.isdisjoint(clip) for clip in shown] for question in asked])
    everything = texts @ clips.T
    cosines = everything[unrelated]
    mean = float(cosines.mean())
    best = float(np.percentile(everything[test.relevant()], 95))
    usual = (_CLIPS_BEST - CLIP_CALIBRATION.mean) / CLIP_CALIBRATION.deviation
    return Calibration(
        mean=round(mean, 4),
        deviation=round(max(float(cosines.std()), (best - mean) / usual), 4),
        method=f"measured on {len(cosines)} pairs of a question and an unrelated held-out clip, their "
        f"deviation ({cosines.std():.4f}) widened until one right pair in twenty lies {usual:.2f} of them "
        "above, as with other CLIPs: python -m training.demo.clip export",
    )


def card(to: Path, figures: Mapping[str, Any]) -> None:
    """Write README.md beside the weights."""

    def credits(*, held_out: bool) -> str:
        chosen = [each for each in SETS if each.held_out == held_out]
        return "\n".join(
            f"* {each.author}, `{each.package}` {each.version}, {each.licence}" for each in chosen
        )

    groups = "\n".join(
        f"| {group} | {count} | {value:.2f} |" for group, (count, value) in figures["groups"].items()
    )
    recall = "\n".join(f"| {name} | {value:.3f} |" for name, value in figures["recall@5"].items())
    text = Template(Path(__file__).with_name("card.md").read_text(encoding="utf-8"))
    (to / "README.md").write_text(
        text.substitute(
            licence=LICENCE,
            licence_id=LICENCE.lower(),
            concepts=len(concepts()),
            trained=credits(held_out=False),
            tested=credits(held_out=True),
            names=f"`{NAMES[0]}` {NAMES[1]}",
            recall=recall,
            groups=groups,
            found=f"{list(figures['recall@5'].values())[-1]:.2f}",
            chance=f"{figures['recall@5']['chance']:.2f}",
            megabytes=f"{figures['bytes'] / 1e6:.1f}",
            millions=f"{figures['parameters'] / 1e6:.1f}",
            pictures=f"{figures['pictures']:,}",
            steps=f"{figures['steps']:,}",
            minutes=f"{figures['minutes']:.0f}",
            **{name: str(figures[name]) for name in ("words", "side", "asked", "main", "mean", "deviation")},
        ),
        encoding="utf-8",
    )
