"""A CLIP of the real architecture, small and random, and what it must answer, computed with numpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
CONFIG: dict[str, Any] = {
    "model_type": "clip",
    "projection_dim": 64,
    "vision_config": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 64,
        "patch_size": 16,
        "projection_dim": 64,
    },
    "text_config": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "vocab_size": 40,
        "max_position_embeddings": 16,
        "projection_dim": 64,
        "bos_token_id": 38,
        "eos_token_id": 39,
    },
}
WORDS = ["a", "cat", "dog", "on", "the", "sofa", "snow", "red", "blue", "car"]


def write(folder: Path) -> dict[str, Array]:
    """Write model.safetensors, config.json and tokenizer.json; return the tensors."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    random = np.random.default_rng(11)
    tensors: dict[str, Array] = {}

    def tensor(name: str, *shape: int, scale: float = 0.12) -> None:
        tensors[name] = (random.standard_normal(shape) * scale).astype(np.float32)

    def norm(name: str, width: int) -> None:
        tensors[f"{name}.weight"] = (1 + random.standard_normal(width) * 0.1).astype(np.float32)
        tensor(f"{name}.bias", width)

    for tower, key in (("vision_model", "vision_config"), ("text_model", "text_config")):
        config = CONFIG[key]
        width, inner = config["hidden_size"], config["intermediate_size"]
        for layer in range(config["num_hidden_layers"]):
            block = f"{tower}.encoder.layers.{layer}"
            for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                tensor(f"{block}.self_attn.{part}.weight", width, width)
                tensor(f"{block}.self_attn.{part}.bias", width)
            norm(f"{block}.layer_norm1", width)
            norm(f"{block}.layer_norm2", width)
            tensor(f"{block}.mlp.fc1.weight", inner, width)
            tensor(f"{block}.mlp.fc1.bias", inner)
            tensor(f"{block}.mlp.fc2.weight", width, inner)
            tensor(f"{block}.mlp.fc2.bias", width)
    width = CONFIG["vision_config"]["hidden_size"]
    tensor("vision_model.embeddings.class_embedding", width, scale=1)
    tensor("vision_model.embeddings.patch_embedding.weight", width, 3, 16, 16)
    tensor("vision_model.embeddings.position_embedding.weight", 17, width, scale=0.5)
    norm("vision_model.pre_layrnorm", width)
    norm("vision_model.post_layernorm", width)
    tensor("visual_projection.weight", 64, width)
    width = CONFIG["text_config"]["hidden_size"]
    tensor("text_model.embeddings.token_embedding.weight", 40, width, scale=1)
    tensor("text_model.embeddings.position_embedding.weight", 16, width, scale=0.5)
    norm("text_model.final_layer_norm", width)
    tensor("text_projection.weight", 64, width)

    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    vocabulary |= {"<unk>": 37, "<|startoftext|>": 38, "<|endoftext|>": 39}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>",
        special_tokens=[("<|startoftext|>", 38), ("<|endoftext|>", 39)],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return tensors


def vision(tensors: dict[str, Array], pixels: Array) -> Array:
    """Return the unit embedding (64,) of one picture (3, 64, 64), by the definition of the architecture."""
    kernel = tensors["vision_model.embeddings.patch_embedding.weight"]
    patches = [
        np.tensordot(kernel, pixels[:, row : row + 16, column : column + 16], axes=3)
        for row in range(0, 64, 16)
        for column in range(0, 64, 16)
    ]
    x = np.stack([tensors["vision_model.embeddings.class_embedding"], *patches])
    x = x + tensors["vision_model.embeddings.position_embedding.weight"]
    x = _norm(x, tensors, "vision_model.pre_layrnorm")
    x = _encoder(x, tensors, "vision_model", heads=4, causal=False)
    return _unit(_norm(x[0], tensors, "vision_model.post_layernorm") @ tensors["visual_projection.weight"].T)


def text(tensors: dict[str, Array], ids: list[int]) -> Array:
    """Return the unit embedding (64,) of one text that ends with token 39."""
    x = tensors["text_model.embeddings.token_embedding.weight"][ids]
    x = x + tensors["text_model.embeddings.position_embedding.weight"][: len(ids)]
    x = _encoder(x, tensors, "text_model", heads=2, causal=True)
    x = _norm(x, tensors, "text_model.final_layer_norm")
    return _unit(x[ids.index(39)] @ tensors["text_projection.weight"].T)


def _encoder(x: Array, tensors: dict[str, Array], tower: str, *, heads: int, causal: bool) -> Array:
    for layer in range(2):
        block = f"{tower}.encoder.layers.{layer}"
        h = _norm(x, tensors, f"{block}.layer_norm1")
        q, k, v = (_linear(h, tensors, f"{block}.self_attn.{part}_proj") for part in "qkv")
        size = x.shape[1] // heads
        mixed = []
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            scores = q[:, part] @ k[:, part].T / np.sqrt(size)
            if causal:
                scores[np.triu_indices(len(scores), 1)] = -np.inf
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            mixed.append(weights / weights.sum(axis=1, keepdims=True) @ v[:, part])
        x = x + _linear(np.concatenate(mixed, axis=1), tensors, f"{block}.self_attn.out_proj")
        h = _linear(_norm(x, tensors, f"{block}.layer_norm2"), tensors, f"{block}.mlp.fc1")
        x = x + _linear(h / (1 + np.exp(-1.702 * h)), tensors, f"{block}.mlp.fc2")
    return x


def _linear(x: Array, tensors: dict[str, Array], name: str) -> Array:
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def _norm(x: Array, tensors: dict[str, Array], name: str) -> Array:
    normal = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return normal * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def _unit(x: Array) -> Array:
    return x / np.linalg.norm(x)
