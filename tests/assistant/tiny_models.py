"""Real models with random weights, small enough for a test: what they say means nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *LETTERS]


def save_blip(folder: Path) -> Path:
    """A BLIP as the hub has it, in safetensors."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    small = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    words = {
        "vocab_size": len(VOCABULARY),
        "encoder_hidden_size": 16,
        "bos_token_id": 5,
        "pad_token_id": 0,
        "eos_token_id": 3,
        "sep_token_id": 3,
    }
    torch.manual_seed(0)
    config = BlipConfig(
        text_config=small | words,
        vision_config=small | {"image_size": 32, "patch_size": 16},
        projection_dim=16,
        image_text_hidden_size=16,
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"))
    images = BlipImageProcessor(size={"height": 32, "width": 32})
    BlipProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def pickled(blip: Path, folder: Path) -> Path:
    """The same model as older ones are published: with a pickle for weights."""
    import torch
    from safetensors.torch import load_file

    shutil.copytree(blip, folder)
    (folder / "model.safetensors").unlink()
    tensors: dict[str, Any] = load_file(blip / "model.safetensors")
    torch.save(tensors, folder / "pytorch_model.bin")
    return folder
