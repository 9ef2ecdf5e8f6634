"""Whisper and Marian from transformers' layout to CTranslate2, by CTranslate2's own converter.

``python -m kadr.models.ctranslate2_convert FOLDER TO TYPE QUANTISATION`` is a child process: torch and
transformers stay out of the caller, their memory is given back, and they find no network and no settings.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kadr.core.errors import WeightsRefusedError, WeightsUnavailableError
from kadr.models.catalogue import Role

# What config.json must say; everything else would load other code.
MODEL_TYPES = {Role.SPEECH: "whisper", Role.TRANSLATION: "marian"}
_KEPT = ("tokenizer.json", "preprocessor_config.json", "source.spm", "target.spm")
_REFUSED, _NO_TORCH = 3, 4  # exit codes


def build(role: Role, folder: Path, to: Path, *, int8: bool) -> None:
    """Write the CTranslate2 model of a transformers folder that holds safetensors to the new folder ``to``.

    Whisper keeps tokenizer.json and preprocessor_config.json, which faster-whisper reads, and the heads that
    word times come from (in config.json); Marian keeps both sentencepiece models beside the
    vocabularies. With ``int8`` the weights are stored in 8 bits, a quarter of the size.

    Raises:
        WeightsUnavailableError: torch and transformers are not installed.
        WeightsRefusedError: it is not a model of the role's architecture, or cannot be converted.
    """
    expected = MODEL_TYPES[role]
    found = model_type(folder)
    if found != expected:
        raise WeightsRefusedError(
            f"config.json describes a model of type {found or 'unknown'}; {role} needs {expected}"
        )
    with tempfile.TemporaryDirectory(prefix="kadr-convert-") as home:
        done = subprocess.run(
            [
                sys.executable, "-I", "-m", __name__,
                str(folder.resolve()), str(to.resolve()), expected, "int8" if int8 else "float32",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={
                "PATH": os.defpath,
                "HOME": home,
                "HF_HUB_OFFLINE": "1",
                "LC_ALL": "C.UTF-8",
                "TRANSFORMERS_VERBOSITY": "error",
            },
            check=False,
        )  # fmt: skip
    if done.returncode == 0:
        return
    shutil.rmtree(to, ignore_errors=True)
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    said = lines[-1] if lines else f"the converter ended with {done.returncode}"
    if done.returncode == _NO_TORCH:
        raise WeightsUnavailableError(
            role, f"converting {expected} needs torch and transformers: pip install 'kadr[torch]'"
        )
    raise WeightsRefusedError(f"the {expected} cannot be converted to CTranslate2: {said}")


def model_type(folder: Path) -> str:
    """Return what config.json says the model is, or an empty string.

    Raises:
        WeightsRefusedError: config.json is not JSON, or missing.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsRefusedError(f"config.json cannot be read: {error}") from error
    return str(config.get("model_type", "")) if isinstance(config, dict) else ""


def main(folder: Path, to: Path, expected: str, quantisation: str) -> int:
    """Do the child's work; return its exit code."""
    try:
        import torch  # noqa: F401 - the converter leaves it out silently where it is missing
        import transformers  # noqa: F401
        from ctranslate2.converters import TransformersConverter
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return _NO_TORCH

    class Converter(TransformersConverter):  # type: ignore[misc]
        """Opens safetensors of this folder, and nothing else."""

        def load_model(self, model_class: Any, model_name_or_path: str, **kwargs: Any) -> Any:
            """Load the weights."""
            return model_class.from_pretrained(
                model_name_or_path, use_safetensors=True, local_files_only=True, **kwargs
            )

        def _load(self) -> Any:
            spec = super()._load()
            if expected == "marian":
                _keep_own_pieces(spec, folder)
            return spec

        def load_tokenizer(self, tokenizer_class: Any, model_name_or_path: str, **kwargs: Any) -> Any:
            """Load the tokenizer."""
            self.tokenizer = tokenizer_class.from_pretrained(
                model_name_or_path, local_files_only=True, **kwargs
            )
            return self.tokenizer

    try:
        converter = Converter(str(folder))
        spec = converter._load()
        spec.validate()
        spec.optimize(quantization=quantisation)
        if quantisation == "int8":
            leave_headroom(spec)
        to.mkdir()
        spec.save(str(to))
        if expected == "whisper":
            # What faster-whisper reads, also where the author kept vocab.json and merges.txt only.
            converter.tokenizer.backend_tokenizer.save(str(to / "tokenizer.json"))
            _describe_decoding(folder, to)
            _describe_features(folder, to)
        for name in _KEPT:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, to / name)
    except Exception as error:  # of whatever library: it is told in one line
        sys.stderr.write(f"{type(error).__name__}: {' '.join(str(error).split())[:400]}\n")
        return _REFUSED
    return 0


def _keep_own_pieces(spec: Any, folder: Path) -> None:
    """Give each side of a Marian its own pieces only.

    Both sides share one table, but sentencepiece never makes a Russian text of English pieces, and the model
    has never seen a reason to answer with Russian ones. The table is the output layer, too: half of what is
    read for each piece that is said.
    """
    from sentencepiece import SentencePieceProcessor

    vocabularies = spec._vocabularies  # there is no other way to ask for them
    for side in ("source", "target"):
        model = SentencePieceProcessor(model_file=str(folder / f"{side}.spm"))
        own = {model.id_to_piece(index) for index in range(model.get_piece_size())} | {"</s>", "<unk>"}
        (tokens,) = vocabularies[side]
        kept = [index for index, token in enumerate(tokens) if token in own]
        vocabularies[side] = [[tokens[index] for index in kept]]
        if side == "source":
            (table,) = spec.encoder.embeddings
            table.weight = table.weight[kept]
        else:
            decoder = spec.decoder
            decoder.embeddings.weight = decoder.embeddings.weight[kept]
            decoder.projection.weight = decoder.projection.weight[kept]
            if decoder.projection.has_bias():
                decoder.projection.bias = decoder.projection.bias[kept]


def leave_headroom(spec: Any) -> None:
    """Let 8-bit weights take 7 bits, so that no processor gets a product wrong.

    Processors without VNNI (AVX2 alone, as many servers have) add two products of an unsigned and a signed
    byte in 16 bits, and cut off what does not fit: 2 · 255 · 127 = 64,770 does not, 2 · 255 · 63 = 32,130
    does (32,767 is the largest). ONNX Runtime calls the same ``reduce_range``.
    """
    import numpy as np
    from ctranslate2.specs.model_spec import NumpyVariable, Variable

    share = np.float32(63 / 127)

    def narrow(part: Any, name: str, value: Any) -> None:
        key = name.rpartition("/")[2]
        if not isinstance(value, Variable) or value.dtype != "int8" or not hasattr(part, f"{key}_scale"):
            return
        weights, scale = value.numpy(), getattr(part, f"{key}_scale").numpy()
        setattr(part, key, NumpyVariable(np.rint(weights.astype(np.float32) * share).astype(np.int8)))
        setattr(part, f"{key}_scale", NumpyVariable((scale * share).astype(np.float32)))

    spec._visit(narrow)  # as its own quantisation does


def _describe_decoding(folder: Path, to: Path) -> None:
    """Write what generation_config.json says about heads and languages into CTranslate2's config.json.

    Its converter asks transformers, which forgets both where the file was derived from config.json. Without
    languages CTranslate2 cannot tell which is spoken; where the author lists none, they are the tokens
    between the start and the task.
    """
    path = folder / "generation_config.json"
    generation = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    written = json.loads((to / "config.json").read_text(encoding="utf-8"))
    if generation.get("alignment_heads"):
        written["alignment_heads"] = generation["alignment_heads"]
    if generation.get("lang_to_id"):
        written["lang_ids"] = sorted(generation["lang_to_id"].values())
    elif not written.get("lang_ids"):
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(to / "tokenizer.json"))
        first, last = (tokenizer.token_to_id(name) for name in ("<|startoftranscript|>", "<|translate|>"))
        if first is not None and last is not None:
            written["lang_ids"] = list(range(first + 1, last))
    (to / "config.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


def _describe_features(folder: Path, to: Path) -> None:
    """Say how many mel bands the model hears, where its author has not: faster-whisper would assume 80."""
    if not (folder / "preprocessor_config.json").is_file():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        described = {"feature_size": int(config.get("num_mel_bins", 80))}
        (to / "preprocessor_config.json").write_text(json.dumps(described) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
