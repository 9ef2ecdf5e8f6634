"""A Whisper of base size with random weights that says a sentence of natural length, and a clip to hear.

With random weights alone a decoder would never come to an end. Here each token of a text has a dimension of
its own, far above the noise of the random layers, and the projection turns it into the token that follows;
so every layer costs what it costs with trained weights, and the text ends.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kadr.models import convert
from kadr.models.catalogue import Role

LAYERS, HEADS, WIDTH, MELS, SIZE = 6, 8, 512, 80, 51865
END, START, ENGLISH, RUSSIAN = 50257, 50258, 50259, 50263
TRANSLATE, TRANSCRIBE, NO_SPEECH, NO_TIMESTAMPS = 50358, 50359, 50362, 50363
FIRST_TIME = NO_TIMESTAMPS + 1
# The published base model has eight alignment heads, all in the upper half of the decoder.
ALIGNMENT_HEADS = [[3, 1], [4, 2], [4, 3], [4, 7], [5, 1], [5, 2], [5, 4], [5, 6]]

# 50 words each, none twice: 20 s at 2.5 words a second.
SPOKEN = (
    "Сегодня готовим наваристый домашний борщ по старому рецепту моей бабушки. Сначала нарежьте свёклу "
    "тонкой соломкой, затем морковь, капусту, картошку. Обжарьте лук докрасна, всыпьте томатную пасту, "
    "немного сахара, сохраняя яркость. Варите мясо два часа, снимая пену. Потом положите овощи, посолите, "
    "накройте крышкой, оставьте настояться. Подавайте горячим вместе со сметаной, зеленью и чесночными "
    "пампушками"
)
TRANSLATED = (
    "Today we are cooking a rich homemade borscht from my grandmother's old recipe. First cut the "
    "beetroot into thin strips, then carrots, cabbage and potatoes. Fry onions until golden, add tomato "
    "paste with some sugar to keep its colour bright. Boil meat for two hours, skimming off foam. Put in "
    "vegetables, salt it"
)


def write(
    models_dir: Path,
    words: Sequence[str] = tuple(SPOKEN.split()),
    english: Sequence[str] = tuple(TRANSLATED.split()),
    *,
    seconds: float = 20.0,
) -> Path:
    """Install a Whisper that hears Russian ``words`` in ``seconds`` of any sound; return its folder.

    No word may be in the texts twice. Nothing is done where it is installed.
    """
    directory = models_dir / Role.SPEECH / "random-base"
    if not (directory / "manifest.json").is_file():
        with TemporaryDirectory() as folder:
            _save(Path(folder), words, english, seconds)
            convert.adopt(Role.SPEECH, "random-base", Path(folder), models_dir)
    return directory


def speaking_clip(to: Path, seconds: float = 25.0) -> Path:
    """Write ``seconds`` of video in which a Russian sample's narration is said over and over."""
    import av

    source = Path(__file__).resolve().parents[2] / "samples" / "clips" / "borsch_recept.mp4"
    rate = 16_000
    with av.open(str(source)) as container:
        resampler = av.AudioResampler("s16", "mono", rate)
        parts = [
            part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)
        ]
    # The voice begins at 0.5 s and ends at 8.7: without the music-less rest, 20 of 25 s are speech.
    narration = np.concatenate(parts)[int(0.4 * rate) : int(8.8 * rate)]
    sound = np.resize(narration, int(seconds * rate))
    with av.open(str(to), "w", format="mp4") as out:
        video = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 720, 1280, "yuv420p"
        audio = out.add_stream("aac", rate=rate, layout="mono")
        picture = np.zeros((1280, 720, 3), np.uint8)
        for index in range(int(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for start in range(0, len(sound), 1024):
            block = np.ascontiguousarray(sound[start : start + 1024][None])
            piece = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = rate, start, Fraction(1, rate)
            out.mux(audio.encode(piece))
        out.mux(audio.encode())
    return to


def _tokens(words: Sequence[str], known: dict[str, int], letters: int) -> list[list[int]]:
    """Cut each word into new tokens of about so many letters."""
    cut: dict[int, list[int]] = {}
    # Short words first: they can be cut in one way only.
    for index, word in sorted(enumerate(words), key=lambda item: len(item[1])):
        pieces = _pieces(f" {word}", known, letters)
        if not pieces:
            raise ValueError(f"{word!r} cannot be told from what was said before: take another word")
        for piece in pieces:
            known[piece] = 300 + len(known)
        cut[index] = [known[piece] for piece in pieces]
    return [cut[index] for index in range(len(words))]


def _pieces(text: str, known: dict[str, int], letters: int) -> list[str]:
    for length in (*range(letters, len(text)), len(text)):
        if text[:length] not in known:
            if length >= len(text):
                return [text]
            if rest := _pieces(text[length:], {**known, text[:length]: 0}, letters):
                return [text[:length], *rest]
    return []


def _chains(
    words: Sequence[str], english: Sequence[str], seconds: float
) -> tuple[list[list[int]], dict[str, int]]:
    known: dict[str, int] = {}
    chains = [[START, RUSSIAN]]
    # Whisper's vocabulary takes 2.5 tokens for a Russian word and 1.3 for an English one.
    for task, text, letters, shift in ((TRANSCRIBE, words, 3, 0), (TRANSLATE, english, 6, 1)):
        chain = [task, FIRST_TIME + shift]
        cut = _tokens(text, known, letters)
        for index, tokens in enumerate(cut, start=1):
            chain += tokens
            # A segment of ten words, and the next begins where it ends (one step of 0.02 s later).
            end = FIRST_TIME + shift + round(index / len(cut) * seconds / 0.04) * 2
            if index == len(cut):
                chain += [end, END]
            elif index % 10 == 0:
                chain += [end, end + 2]
        chains.append(chain)
        if task == TRANSCRIBE:
            chains.append([NO_TIMESTAMPS, cut[0][0]])
            # The alignment sees the text without timestamps.
            chains += [[before[-1], after[0]] for before, after in pairwise(cut)][9::10]
    return chains, known


def _save(folder: Path, words: Sequence[str], english: Sequence[str], seconds: float) -> None:
    from ctranslate2.specs import whisper_spec

    from kadr.models.ctranslate2_convert import leave_headroom

    random = np.random.default_rng(1)

    def normal(*shape: int) -> np.ndarray:
        return random.standard_normal(shape, np.float32) * np.float32(0.02)

    def linear(layer: object, out: int, into: int) -> None:
        layer.weight, layer.bias = normal(out, into), normal(out)  # type: ignore[attr-defined]

    def norm(layer: object) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), normal(WIDTH)  # type: ignore[attr-defined]

    chains, known = _chains(words, english, seconds)
    successors: dict[int, list[int]] = {}
    for token, successor in (pair for chain in chains for pair in pairwise(chain)):
        successors.setdefault(token, []).append(successor)
    if len(successors) >= WIDTH:
        raise ValueError(f"a text of at most {WIDTH} tokens can be said, not of {len(successors)}")
    embeddings, projection = normal(SIZE, WIDTH), normal(SIZE, WIDTH)
    for place, (token, those) in enumerate(successors.items()):
        # The layers add about 1 to every dimension.
        embeddings[token, place] = 30
        for order, successor in enumerate(those):
            projection[successor, place] = 3 - order / 2

    spec = whisper_spec.WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = normal(WIDTH, MELS, 3), normal(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = normal(WIDTH, WIDTH, 3), normal(WIDTH)
    encoder.position_encodings.encodings = normal(1500, WIDTH)
    decoder.position_encodings.encodings = normal(448, WIDTH)
    decoder.embeddings.weight, decoder.projection.weight = embeddings, projection
    for stack in (encoder, decoder):
        norm(stack.layer_norm)
        for layer in stack.layer:
            norm(layer.self_attention.layer_norm)
            linear(layer.self_attention.linear[0], 3 * WIDTH, WIDTH)
            linear(layer.self_attention.linear[1], WIDTH, WIDTH)
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
            linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
            if stack is decoder:
                norm(layer.attention.layer_norm)
                linear(layer.attention.linear[0], WIDTH, WIDTH)
                linear(layer.attention.linear[1], 2 * WIDTH, WIDTH)
                linear(layer.attention.linear[2], WIDTH, WIDTH)
    tokens = _vocabulary(known)
    spec.config.lang_ids = [ENGLISH, RUSSIAN]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.alignment_heads = ALIGNMENT_HEADS
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization="int8")
    leave_headroom(spec)
    spec.save(str(folder))

    from tokenizers import Tokenizer, decoders, models

    tokenizer = Tokenizer(
        models.WordLevel({token: index for index, token in enumerate(tokens)}, unk_token=tokens[0])
    )
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(str(folder / "tokenizer.json"))


def _vocabulary(known: dict[str, int]) -> list[str]:
    tokens = [f"<filler{index}>" for index in range(SIZE)]
    for text, index in known.items():
        tokens[index] = text
    tokens[END - 1] = ""  # CTranslate2 takes a vocabulary without the empty token for English only
    tokens[END], tokens[START] = "<|endoftext|>", "<|startoftranscript|>"
    tokens[ENGLISH], tokens[RUSSIAN] = "<|en|>", "<|ru|>"
    tokens[TRANSLATE], tokens[TRANSCRIBE] = "<|translate|>", "<|transcribe|>"
    tokens[50360], tokens[50361] = "<|startoflm|>", "<|startofprev|>"
    tokens[NO_SPEECH], tokens[NO_TIMESTAMPS] = "<|nospeech|>", "<|notimestamps|>"
    for index in range(FIRST_TIME, SIZE):
        tokens[index] = f"<|{(index - FIRST_TIME) * 0.02:.2f}|>"
    return tokens


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
