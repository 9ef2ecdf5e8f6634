"""The trained model in transformers' layout, as Whisper is published; with a card that says what it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from training.demo.whisper import features, lexicon, model, speech, tokens, voices
from training.demo.whisper.evaluate import Judged, word_error_rate
from training.demo.whisper.windows import Heard

LICENCE = "Apache-2.0"
_LANGUAGES = {"ru": "Russian", "en": "English"}
_ALIGNED = 3  # heads that word times are taken from


def restored(folder: Path) -> Any:
    """The model of ``train.pt``.

    Raises:
        SystemExit: nothing has been trained yet.
    """
    import torch

    path = folder / "train.pt"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: run python -m training.demo.whisper train first")
    state = torch.load(path, weights_only=True)
    known = tokens.Tokens(folder / "tokenizer.json")
    whisper = model.build(model.Shape(**state["shape"]), known.first_time, known.size, known.end, known.start)
    whisper.load_state_dict(state["whisper"])
    return whisper.eval()


def begun(folder: Path) -> Any:
    """The model of ``train.pt`` as it was before it learnt anything."""
    import torch

    state = torch.load(folder / "train.pt", weights_only=True)
    known = tokens.Tokens(folder / "tokenizer.json")
    torch.manual_seed(0)
    return model.build(
        model.Shape(**state["shape"]), known.first_time, known.size, known.end, known.start
    ).eval()


def alignment_heads(whisper: Any, known: tokens.Tokens, heard: Sequence[Heard]) -> list[list[int]]:
    """The (layer, head) pairs of the decoder that look at the word that is about to be said.

    Of a good head the place looked at moves from the start of a sentence to its end, as the text does: heads
    are ranked by the correlation of place and token.
    """
    import torch

    found: dict[tuple[int, int], list[float]] = {}
    for each in heard:
        ids = [
            *known.prompt(each.language, "transcribe"),
            known.no_timestamps,
            *(piece for said, _, _ in each.said for piece in known.text(said.sentence.text)),
        ]
        with torch.no_grad():
            looked = model.looks(whisper, torch.from_numpy(each.mel)[None], torch.tensor([ids]))
        for layer, heads in enumerate(looked):
            weights = heads[0, :, 3:]  # (heads, tokens, positions)
            places = (weights * torch.arange(weights.shape[-1])).sum(-1)
            for head, row in enumerate(places.numpy()):
                if len(row) > 3 and row.std() > 0:
                    line = float(np.corrcoef(row, np.arange(len(row)))[0, 1])
                    found.setdefault((layer, head), []).append(line)
    ranked = sorted(found, key=lambda key: -float(np.mean(found[key])))
    return [list(key) for key in sorted(ranked[:_ALIGNED])]


def write(whisper: Any, tokenizer: Path, heads: Sequence[Sequence[int]], to: Path) -> None:
    """Write model.safetensors in half precision with the configurations that transformers and Kadr read."""
    import torch
    from safetensors.torch import save_file

    to.mkdir(parents=True, exist_ok=True)
    known = tokens.Tokens(tokenizer)
    tensors = {
        name: value.to(torch.float16).contiguous()
        for name, value in whisper.state_dict().items()
        if name != "proj_out.weight"  # the same as the embeddings
    }
    save_file(tensors, to / "model.safetensors", metadata={"format": "pt"})
    _json(
        to / "config.json",
        {
            **whisper.config.to_dict(),
            "architectures": ["WhisperForConditionalGeneration"],
            "dtype": "float16",
        },
    )
    languages = {f"<|{language}|>": known.id(f"<|{language}|>") for language in tokens.LANGUAGES}
    _json(
        to / "generation_config.json",
        {
            "alignment_heads": [list(head) for head in heads],
            "bos_token_id": known.end,
            "eos_token_id": known.end,
            "pad_token_id": known.end,
            "decoder_start_token_id": known.start,
            "is_multilingual": True,
            "lang_to_id": languages,
            "task_to_id": {
                "translate": known.id(tokens.TRANSLATE),
                "transcribe": known.id(tokens.TRANSCRIBE),
            },
            "no_timestamps_token_id": known.no_timestamps,
            "prev_sot_token_id": known.id("<|startofprev|>"),
            "max_initial_timestamp_index": 50,
            "max_length": whisper.config.max_target_positions,
            "return_timestamps": False,
            "suppress_tokens": [],
            "begin_suppress_tokens": [],
        },
    )
    shutil.copyfile(tokenizer, to / "tokenizer.json")
    _json(
        to / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": tokens.END,
            "eos_token": tokens.END,
            "unk_token": tokens.END,
            "pad_token": tokens.END,
            "clean_up_tokenization_spaces": False,
            "model_max_length": whisper.config.max_target_positions,
        },
    )
    _json(
        to / "preprocessor_config.json",
        {
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": features.MELS,
            "sampling_rate": 16_000,
            "hop_length": features.HOP,
            "n_fft": features.FFT,
            "chunk_length": 30,
            "n_samples": 480_000,
            "nb_max_frames": 3000,
            "padding_side": "right",
            "padding_value": 0.0,
            "return_attention_mask": False,
        },
    )


def _json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


def card(
    folder: Path,
    rows: Sequence[tuple[str, str, Judged]],
    nobody: Mapping[str, tuple[int, int, int]],
    clips: Mapping[str, Sequence[tuple[str, str, str]]],
) -> None:
    """Write ``export/README.md`` with the figures of :mod:`training.demo.whisper.evaluate`."""
    import torch

    state = torch.load(folder / "train.pt", weights_only=True)
    lexicon_ = lexicon.lexicon()

    def percent(share: float | None) -> str:
        return "–" if share is None else f"{share:.1%}"

    table = [
        f"| {_LANGUAGES[language]}, {name} | {found.count} | {percent(found.transcript)} "
        f"| {percent(found.english)} |"
        for name, language, found in rows
    ]
    for language, said in clips.items():
        rate = word_error_rate([(meant, text) for meant, text, _ in said])
        table.append(f"| {_LANGUAGES[language]}, sample clips | {len(said)} | {percent(rate)} | – |")
    weights = folder / "models" / "speech" / "demo" / "model.bin"
    text = Template(Path(__file__).with_name("card.md").read_text(encoding="utf-8"))
    figures = {
        "licence": LICENCE,
        "licence_id": LICENCE.lower(),
        "millions": f"{sum(each.numel() for each in restored(folder).parameters()) / 1e6:.1f}",
        "megabytes": f"{weights.stat().st_size / 1e6:.1f}",
        "words": f"{len(lexicon_.nouns) + len(lexicon_.adjectives) + len(lexicon_.verbs):,}",
        "sentences": f"{speech.CHUNK * len(list(folder.glob('speech-*.jsonl'))):,}",
        "hours": f"{state['heard'] / 3600:.0f}",
        "steps": f"{state['step']:,}",
        "minutes": f"{state['seconds'] / 60:.0f}",
        "unheard": ", ".join(f"`{name}`" for name in voices.UNHEARD),
        "table": "\n".join(table),
        "nobody": "\n".join(
            f"* {kind}: {spoken} of {windows} windows get words ({words} words)"
            for kind, (windows, spoken, words) in nobody.items()
        ),
    }
    (folder / "export" / "README.md").write_text(text.substitute(figures), encoding="utf-8")
