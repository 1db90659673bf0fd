"""A CLIP model of a few kilobytes, with random weights, as sentence-transformers saves one.

Its code path is the real one; what it thinks of a picture means nothing, but is the same each time.
"""

from __future__ import annotations

import json
from pathlib import Path


def save_tiny_clip(folder: Path, *, seed: int = 0, dimension: int = 24) -> Path:
    """Write the model into the folder."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    module = folder / "0_CLIPModel"
    module.mkdir(parents=True)
    sides = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    sides |= {"num_attention_heads": 2, "projection_dim": dimension}
    config = CLIPConfig(
        text_config={**sides, "vocab_size": 1_000, "bos_token_id": 998, "eos_token_id": 999},
        vision_config={**sides, "image_size": 32, "patch_size": 8},
        projection_dim=dimension,
    )
    torch.manual_seed(seed)
    CLIPModel(config).save_pretrained(module)
    side = {"height": 32, "width": 32}
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=side).save_pretrained(module)
    _save_tokenizer(module)
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {
                    "idx": 0,
                    "name": "0",
                    "path": "0_CLIPModel",
                    "type": "sentence_transformers.models.CLIPModel",
                }
            ]
        )
    )
    return folder


def _save_tokenizer(module: Path) -> None:
    """Letter by letter: the merges of the real one are not needed to tell texts apart."""
    letters = [chr(n) for n in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    vocabulary = {word: number for number, word in enumerate(words)}
    vocabulary |= {"<|startoftext|>": 998, "<|endoftext|>": 999}
    (module / "vocab.json").write_text(json.dumps(vocabulary))
    (module / "merges.txt").write_text("#version: 0.2\n")
    (module / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77})
    )
