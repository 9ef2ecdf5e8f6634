"""Training may go on from the weights that are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("torch")
pytest.importorskip("ctranslate2")

from training.demo.whisper import model, published, tokens

pytestmark = [pytest.mark.torch]
DEMO = Path(__file__).resolve().parents[3] / "models" / "speech" / "demo"


def _built(shape: model.Shape, known: tokens.Tokens) -> object:
    return model.build(shape, known.first_time, known.size, known.end, known.start)


def test_the_published_weights_hear_and_say_what_the_converted_model_does() -> None:
    import ctranslate2
    import torch

    known = tokens.Tokens(DEMO / "tokenizer.json")
    whisper = _built(model.Shape(), known).eval()  # type: ignore[attr-defined]
    published.load(DEMO / "model.bin", whisper)
    converted = ctranslate2.models.Whisper(str(DEMO), compute_type="float32")
    rng = np.random.default_rng(1)
    mel = rng.normal(0, 1, (1, 80, 3000)).astype(np.float32)
    features = ctranslate2.StorageView.from_array(mel)
    states = np.array(converted.encode(features))
    prompt = [*known.prompt("ru", "transcribe"), known.no_timestamps]
    told = converted.generate(features, [prompt], beam_size=1, max_length=24)[0].sequences_ids[0]
    with torch.no_grad():
        heard = whisper.model.encoder(torch.from_numpy(mel)).last_hidden_state
        ids = torch.tensor([[*prompt, *told]])
        logits = whisper(encoder_outputs=(heard,), decoder_input_ids=ids).logits
    assert abs(heard.numpy() - states).max() < 1e-3
    own = logits[0, len(prompt) - 1 :].argmax(-1).tolist()[: len(told)]
    assert own == told


def test_weights_of_another_shape_are_refused() -> None:
    known = tokens.Tokens(DEMO / "tokenizer.json")
    for shape in (model.Shape(width=96), model.Shape(encoder_layers=6)):
        with pytest.raises(ValueError, match="another shape"):
            published.load(DEMO / "model.bin", _built(shape, known))


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"\x05\x00\x00\x00" + bytes(100))
    with pytest.raises(ValueError, match="version 5"):
        published.variables(path)
