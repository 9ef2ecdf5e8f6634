"""The network: transformers' Whisper, small, begun so that it need not find out what can be known.

The encoder's heads begin by looking at places a fixed step away, as a convolution does, which sinusoidal
positions allow exactly; timestamp tokens begin as the encoder's positions: telling the time is copying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

POSITIONS = 1500  # of the encoder, for 30 s
# By layer: how many positions before (after: negative) each head looks first.
_OFFSETS = ((-3, -1, 1, 3), (-6, -2, 2, 6), (-10, -3, 3, 10), (-5, 0, 5, 20), (-2, 2, -8, 8), (-1, 1, -4, 4))
_SHARPNESS = 1.1  # a head begins with nine tenths of its attention within half a second


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network."""

    width: int = 192
    heads: int = 3
    inner: int = 576
    encoder_layers: int = 4
    decoder_layers: int = 2
    most_tokens: int = 448


def build(shape: Shape, first_time: int, vocabulary: int, end: int, start: int) -> Any:
    """A new model; weights from torch's random state. ``first_time`` is the first timestamp token."""
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    config = WhisperConfig(
        vocab_size=vocabulary,
        num_mel_bins=80,
        d_model=shape.width,
        encoder_layers=shape.encoder_layers,
        decoder_layers=shape.decoder_layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=shape.inner,
        decoder_ffn_dim=shape.inner,
        max_source_positions=POSITIONS,
        max_target_positions=shape.most_tokens,
        dropout=0.0,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=start,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    whisper = WhisperForConditionalGeneration(config)
    encoder, decoder = whisper.model.encoder, whisper.model.decoder
    positions = encoder.embed_positions.weight
    with torch.no_grad():
        for layer, offsets in zip(encoder.layers, _OFFSETS, strict=False):
            _look(layer.self_attn, offsets[: shape.heads], shape.width)
        times = vocabulary - first_time
        decoder.embed_tokens.weight[first_time:] += 0.03 * positions[:times].repeat(2, 1)[:times]
    positions.requires_grad_(False)
    return whisper


def _look(attention: Any, offsets: Sequence[int], width: int) -> None:
    """Let each head look ``offset`` positions back.

    Of a position p the stream holds sin ωp and cos ωp; a query of them times a key of the same, turned by ωδ,
    sums up cos ω(p − p′ − δ), which is largest at p′ = p − δ.
    """
    import torch

    half, size = width // 2, width // len(offsets)
    speeds = torch.exp(-torch.arange(half) * (torch.log(torch.tensor(10000.0)) / (half - 1)))
    chosen = torch.linspace(0, half // 2, size // 2).long()  # from one radian a position to a hundredth
    for head, offset in enumerate(offsets):
        for place, index in enumerate(chosen.tolist()):
            sine, cosine = head * size + 2 * place, head * size + 2 * place + 1
            turn = speeds[index] * offset
            query, key = attention.q_proj.weight, attention.k_proj.weight
            query[sine, index] += _SHARPNESS
            query[cosine, half + index] += _SHARPNESS
            key[sine, index] += _SHARPNESS * turn.cos()
            key[sine, half + index] += _SHARPNESS * turn.sin()
            key[cosine, half + index] += _SHARPNESS * turn.cos()
            key[cosine, index] -= _SHARPNESS * turn.sin()


def encode(whisper: Any, mel: Any) -> Any:
    """What is heard (n, frames, 80) as states (n, frames / 2, width); any even length up to 3,000 frames."""
    from torch.nn.functional import gelu

    encoder = whisper.model.encoder
    x = gelu(encoder.conv1(mel.transpose(1, 2)))
    x = gelu(encoder.conv2(x)).transpose(1, 2)
    x = x + encoder.embed_positions.weight[: x.shape[1]]
    for layer in encoder.layers:
        attention = layer.self_attn
        normed = layer.self_attn_layer_norm(x)
        x = x + _attend(attention, normed, *_keys_values(attention, normed))
        x = x + layer.fc2(gelu(layer.fc1(layer.final_layer_norm(x))))
    return encoder.layer_norm(x)


def decode(whisper: Any, states: Any, ids: Any, looked: list[Any] | None = None) -> Any:
    """Logits (m, tokens, vocabulary) of ids (m, tokens); m / n in a row hear each of the n states.

    Where each layer's first three heads look, (n, m / n · tokens, 3, positions), is added to ``looked``.
    """
    from torch.nn.functional import gelu, linear

    decoder = whisper.model.decoder
    x = decoder.embed_tokens(ids) + decoder.embed_positions.weight[: ids.shape[1]]
    for layer in decoder.layers:
        attention = layer.self_attn
        normed = layer.self_attn_layer_norm(x)
        x = x + _attend(attention, normed, *_keys_values(attention, normed), causal=True)
        attention = layer.encoder_attn
        together = layer.encoder_attn_layer_norm(x).reshape(len(states), -1, x.shape[2])
        keys, values = _keys_values(attention, states)
        if looked is not None:
            queries = _heads(attention, attention.q_proj(together))[:, :3]
            scores = queries @ keys[:, :3].transpose(2, 3) / attention.head_dim**0.5
            looked.append(scores.float().softmax(-1).transpose(1, 2))
        x = x + _attend(attention, together, keys, values).reshape(x.shape)
        x = x + layer.fc2(gelu(layer.fc1(layer.final_layer_norm(x))))
    return linear(decoder.layer_norm(x), decoder.embed_tokens.weight)


def looks(whisper: Any, mel: Any, ids: Any) -> list[Any]:
    """Where each layer's heads look, (n, heads, tokens, positions), while ids (n, tokens) are read."""
    from torch.nn.functional import gelu

    states = encode(whisper, mel)
    decoder = whisper.model.decoder
    x = decoder.embed_tokens(ids) + decoder.embed_positions.weight[: ids.shape[1]]
    found = []
    for layer in decoder.layers:
        attention = layer.self_attn
        normed = layer.self_attn_layer_norm(x)
        x = x + _attend(attention, normed, *_keys_values(attention, normed), causal=True)
        attention = layer.encoder_attn
        normed = layer.encoder_attn_layer_norm(x)
        keys, values = _keys_values(attention, states)
        queries = _heads(attention, attention.q_proj(normed))
        found.append((queries @ keys.transpose(2, 3) / attention.head_dim**0.5).softmax(-1))
        x = x + _attend(attention, normed, keys, values)
        x = x + layer.fc2(gelu(layer.fc1(layer.final_layer_norm(x))))
    return found


def _heads(attention: Any, x: Any) -> Any:
    return x.unflatten(2, (attention.num_heads, attention.head_dim)).transpose(1, 2)


def _keys_values(attention: Any, x: Any) -> tuple[Any, Any]:
    return _heads(attention, attention.k_proj(x)), _heads(attention, attention.v_proj(x))


def _attend(attention: Any, x: Any, keys: Any, values: Any, *, causal: bool = False) -> Any:
    from torch.nn.functional import scaled_dot_product_attention

    queries = _heads(attention, attention.q_proj(x))
    mixed = scaled_dot_product_attention(queries, keys, values, is_causal=causal)
    return attention.out_proj(mixed.transpose(1, 2).flatten(2))
