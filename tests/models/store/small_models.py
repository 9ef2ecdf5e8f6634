"""Small models in the layouts in which the real ones are published, made by transformers in seconds."""

from __future__ import annotations

from pathlib import Path

LANGUAGES = ("en", "ru")
END, START = 50257, 50258  # places of the real vocabulary of Whisper
FIRST_LANGUAGE, TRANSLATE, NO_TIMESTAMPS = 50259, 50358, 50363
SIZE = 51865


def whisper(folder: Path) -> Path:
    """Write an untrained Whisper with the real vocabulary's layout, in transformers' layout."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        logging,
    )

    logging.disable_progress_bar()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = letters + [f"<filler{index}>" for index in range(len(letters), END - 1)] + [""]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|startoftranscript|>"]
    special += [f"<|{code}|>" for code in LANGUAGES]
    special += [f"<|language{index}|>" for index in range(len(LANGUAGES), 99)]
    special += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"]
    special += ["<|notimestamps|>"]
    tokenizer.add_special_tokens(special)
    assert tokenizer.token_to_id("<|notimestamps|>") == NO_TIMESTAMPS
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", unk_token="<|endoftext|>"
    ).save_pretrained(folder)

    torch.manual_seed(3)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=SIZE,
            d_model=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=128,
            decoder_ffn_dim=128,
            decoder_start_token_id=START,
            bos_token_id=END,
            eos_token_id=END,
            pad_token_id=END,
        )
    )
    model.generation_config.suppress_tokens = [1, 2, 7]
    model.generation_config.begin_suppress_tokens = [220, END]
    model.generation_config.alignment_heads = [[0, 1], [1, 0]]
    model.generation_config.lang_to_id = {
        f"<|{code}|>": FIRST_LANGUAGE + place for place, code in enumerate(LANGUAGES)
    }
    model.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def as_pickle(folder: Path) -> Path:
    """Replace model.safetensors of a folder by the pytorch_model.bin that older models come as."""
    import torch
    from safetensors.torch import load_file

    source = folder / "model.safetensors"
    torch.save(load_file(source), folder / "pytorch_model.bin")
    source.unlink()
    return folder
