"""Trains the small BLIP on drawings, from nothing or from weights that are there.

    python -m tests.small_blip.train --out DIR [--start DIR] [--steps N] [--minutes M] [--threads N]

The same arguments give the same drawings in the same order (with --minutes, as many as there is
time for). Leaves out what is drawn (`draw`)
and how good it is on real figures (`evaluate`).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessorPil,
    BlipProcessor,
)

from tests.small_blip.draw import KINDS, WORDS, draw
from tests.small_blip.pictures import CLIP_ART, Pictures

Pixels = NDArray[np.uint8]

SIDE, PATCH = 160, 16
MARGINED = 176
"""Pixels. Drawings are kept at this size, and cut to SIDE."""
MIRRORED = {"photograph", "drawing", "map"}
WIDTH, DEPTH = 160, 6
TEXT_WIDTH, TEXT_DEPTH = 160, 2
MAX_WORDS = 16
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
HELD_OUT = 10**9
"""Seeds from here on are never trained on."""
BATCH = 64
N_WHITENING = 300
"""Drawings from which the first layer is started."""
LEAST_SPREAD = 0.05
"""Added to the variance of a component of the patches: what is weaker is noise."""
KEPT_PATCHES = 0.4
"""Of each picture, until the last part of the training."""
KIND_WEIGHT = 1.0
"""Of the loss on the kind alone; the layer it takes is thrown away after training."""
SMOOTHING = 0.998
"""Of the running mean of the weights, which is what is kept; less in the first steps."""


class Drawings(Dataset[tuple[Tensor, Tensor, int]]):
    """Drawings by their seeds, as the model takes them; each is drawn once and cut anew."""

    def __init__(self, first: int, n: int, pool: int, pictures: Pictures, tokenizer: Any) -> None:
        """n: how many are shown in all. pool: how many different ones are drawn."""
        self.first, self.n, self.pool = first, n, pool
        self.pictures = pictures
        self.tokenizer = tokenizer
        self._drawn: dict[int, tuple[Pixels, str, str]] = {}

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, int]:
        seed = self.first + index % self.pool
        if seed not in self._drawn:
            made = draw(seed, pictures=self.pictures)
            whole = made.image.resize((MARGINED, MARGINED), Image.Resampling.BICUBIC)
            self._drawn[seed] = np.asarray(whole), made.caption, made.kind
        pixels, caption, kind = self._drawn[seed]
        cut = _cut(pixels, random.Random(self.first + index), is_mirrored=kind in MIRRORED)
        words = self.tokenizer(caption, padding="max_length", max_length=MAX_WORDS)
        return torch.from_numpy(cut), torch.tensor(words["input_ids"]), list(KINDS).index(kind)


def _cut(pixels: Pixels, rng: random.Random, *, is_mirrored: bool) -> Pixels:
    """Nearly all of the picture, at the model's size, a little lighter or darker."""
    left, top, right, bottom = (rng.randint(0, MARGINED // 24) for _ in range(4))
    part = pixels[top : MARGINED - bottom, left : MARGINED - right]
    made = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    if is_mirrored and rng.random() < 0.5:
        made = made[:, ::-1]
    lighter, gain = rng.uniform(-12, 12), rng.uniform(0.9, 1.1)
    return np.clip(made * gain + lighter, 0, 255).astype(np.uint8)


def new_processor() -> Any:
    """The processor: pictures to squares of 160 pixels, captions to words."""
    vocabulary = {word: n for n, word in enumerate((*SPECIAL, *sorted(WORDS)))}
    tokenizer = BertTokenizer(vocab=vocabulary, model_max_length=32)
    images = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return BlipProcessor(images, tokenizer)


def new_model(n_words: int) -> Any:
    """A BLIP of this size with random weights."""
    ends = {"bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    text = {
        "vocab_size": n_words,
        "hidden_size": TEXT_WIDTH,
        "encoder_hidden_size": WIDTH,
        "intermediate_size": 4 * TEXT_WIDTH,
        "num_hidden_layers": TEXT_DEPTH,
        "num_attention_heads": 4,
        "max_position_embeddings": 32,
        "projection_dim": 64,
        **ends,
    }
    vision = {
        "hidden_size": WIDTH,
        "intermediate_size": 3 * WIDTH,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": 5,
        "image_size": SIDE,
        "patch_size": PATCH,
        "projection_dim": 64,
        "initializer_range": 0.02,
    }
    model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision))
    _lay_out(model.vision_model)
    return model


@torch.no_grad()
def _lay_out(vision: Any) -> None:
    """Start where training would soon be: places told apart, attention to like and near ones.

    Source: Trockman and Kolter, "Mimetic Initialization of Self-Attention Layers", 2023,
    https://arxiv.org/abs/2305.09828.
    """
    n = SIDE // PATCH
    rates = 1.0 / 100 ** (torch.arange(WIDTH // 4) / (WIDTH // 4))
    turns = torch.arange(n)[:, None] * rates
    wave = torch.cat([turns.sin(), turns.cos()], 1)
    places = torch.cat([wave[:, None].expand(n, n, -1), wave[None].expand(n, n, -1)], 2)
    vision.embeddings.position_embedding[0, 1:] = 0.3 * places.reshape(n * n, WIDTH)
    for layer in vision.encoder.layers:
        attention = layer.self_attn
        heads, size = attention.num_heads, attention.head_dim
        eye, spread = torch.eye(WIDTH), WIDTH**-0.5
        for head in range(heads):
            near = 0.7 * spread * torch.randn(WIDTH, WIDTH) + 0.7 * eye
            left, strength, right = torch.linalg.svd(near)
            root = strength[:size].sqrt()
            rows = slice(head * size, (head + 1) * size)
            attention.qkv.weight[:WIDTH][rows] = (left[:, :size] * root).T
            attention.qkv.weight[WIDTH : 2 * WIDTH][rows] = root[:, None] * right[:size]
        left, strength, right = torch.linalg.svd(
            0.4 * spread * torch.randn(WIDTH, WIDTH) - 0.4 * eye
        )
        attention.qkv.weight[2 * WIDTH :] = strength.sqrt()[:, None] * right
        attention.projection.weight.copy_(left * strength.sqrt())


def seen(model: Any, pixels: Tensor, keep: float) -> Tensor:
    """What the vision part makes of the pictures. keep: the share of patches it is shown.

    Showing half of them halves the time; source: Li et al., "Scaling Language-Image
    Pre-training via Masking", 2023, https://arxiv.org/abs/2212.00794.
    """
    vision = model.vision_model
    hidden = vision.embeddings(pixels)
    if keep < 1:
        n = hidden.shape[1] - 1
        order = torch.rand(hidden.shape[0], n, device=hidden.device).argsort(1)
        kept = order[:, : round(n * keep)] + 1
        kept = torch.cat([torch.zeros_like(kept[:, :1]), kept], 1)
        hidden = hidden.gather(1, kept[..., None].expand(-1, -1, hidden.shape[2]))
    return vision.post_layernorm(vision.encoder(inputs_embeds=hidden).last_hidden_state)


@torch.no_grad()
def _whiten(embedding: nn.Conv2d, pixels: Tensor) -> None:
    """Start the first layer with the patches' main components, each as strong as the others.

    Otherwise it sees little but how light a patch is, and neither its lines nor its letters.
    Source: K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024,
    https://arxiv.org/abs/2404.00498.
    """
    patches = nn.functional.unfold(pixels, PATCH, stride=PATCH).transpose(1, 2).flatten(0, 1)
    middle = patches.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    order = values.argsort(descending=True)[:WIDTH]
    weights = (vectors[:, order] / (values[order] + LEAST_SPREAD).sqrt()).T
    embedding.weight.copy_(weights.reshape(embedding.weight.shape))
    assert embedding.bias is not None
    embedding.bias.copy_(-weights @ middle)


class Trainer:
    """One training run: the model, its running mean, the optimiser, the log."""

    def __init__(self, options: argparse.Namespace) -> None:
        torch.manual_seed(options.seed)
        torch.set_num_threads(options.threads)
        self.options = options
        self.device = options.device
        self.processor = new_processor()
        model = new_model(len(self.processor.tokenizer))
        if options.start:
            model = BlipForConditionalGeneration.from_pretrained(options.start, dtype=torch.float32)
        images = self.processor.image_processor
        self.shift = torch.tensor(images.image_mean)[None, :, None, None].to(self.device)
        self.scale = torch.tensor(images.image_std)[None, :, None, None].to(self.device)
        self.model: Any = model.to(self.device).train()
        self.drawings = self._drawings()
        if not options.start:
            some = torch.stack([self.drawings[k][0] for k in range(N_WHITENING)])
            _whiten(self.model.vision_model.embeddings.patch_embedding, self._normal(some))
        # Its weights differ in size a thousandfold: the steps of the others would wreck it.
        self.model.vision_model.embeddings.patch_embedding.requires_grad_(requires_grad=False)
        self.kind_layer = nn.Linear(WIDTH, len(KINDS)).to(self.device)
        self.mean = {k: v.detach().clone().float() for k, v in self.model.state_dict().items()}
        self.n_steps = 0
        self.optimizers = self._optimizers()

    def run(self) -> None:
        """Train for the steps, or for the minutes where they end first; save from time to time."""
        options, started, losses = self.options, time.time(), []
        for step, (pixels, words, kinds) in enumerate(self._batches(), 1):
            minutes = (time.time() - started) / 60
            done = min(1.0, max(step / options.steps, minutes / options.minutes))
            self._set_rate(step, done)
            keep = 1.0 if done > 1 - options.whole else KEPT_PATCHES
            losses.append(self._step(pixels, words, kinds, keep))
            if step % 50 == 0 or done == 1:
                told = zip(
                    ("words", "kind", "kind_right"), np.mean(losses[-50:], axis=0), strict=True
                )
                line = {"step": step, "minutes": minutes} | {k: float(v) for k, v in told}
                print(json.dumps({k: round(v, 4) for k, v in line.items()}), flush=True)  # noqa: T201
            if step % options.save_every == 0 or done == 1:
                self.save()
            if done == 1:
                return

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        """Muon for the matrices of the layers: it needs fewer steps; AdamW for the rest."""
        parts = [*self.model.named_parameters(), *self.kind_layer.named_parameters()]
        layers = [p for name, p in parts if p.ndim == 2 and ".layer" in name]
        chosen = {id(p) for p in layers}
        rest = [p for _, p in parts if p.requires_grad and id(p) not in chosen]
        lr = self.options.lr
        return [
            torch.optim.Muon(layers, lr=lr, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=lr, weight_decay=0.01, betas=(0.9, 0.98), fused=True),
        ]

    def _drawings(self) -> Drawings:
        options = self.options
        if options.first_seed + options.pool > HELD_OUT:
            raise ValueError(f"Seeds from {HELD_OUT} on are held out; start below.")
        n, pictures = options.steps * BATCH, Pictures.installed(options.clip_art)
        return Drawings(options.first_seed, n, options.pool, pictures, self.processor.tokenizer)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        return iter(DataLoader(self.drawings, BATCH, num_workers=self.options.workers))

    def _normal(self, pixels: Tensor) -> Tensor:
        """Pictures of bytes as the model takes them."""
        pixels = pixels.to(self.device).permute(0, 3, 1, 2).float().div(255)
        return (pixels - self.shift) / self.scale

    def _set_rate(self, step: int, done: float) -> None:
        """Up over the first steps, then down along a cosine. done: the share of the training."""
        warm = min(1.0, step / self.options.warm_up)
        rate = self.options.lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in (g for optimizer in self.optimizers for g in optimizer.param_groups):
            group["lr"] = rate

    def _step(self, pixels: Tensor, words: Tensor, kinds: Tensor, keep: float) -> tuple[float, ...]:
        words, kinds = words.to(self.device), kinds.to(self.device)
        hidden = seen(self.model, self._normal(pixels), keep)
        longest = int((words != 0).sum(1).max())
        words = words[:, :longest]
        said = self.model.text_decoder(
            input_ids=words,
            attention_mask=(words != 0).long(),
            encoder_hidden_states=hidden,
            labels=words.masked_fill(words == 0, -100),
            reduction="mean",
        )
        guess = self.kind_layer(hidden.mean(1))
        kind_loss = nn.functional.cross_entropy(guess, kinds)
        (said.loss + KIND_WEIGHT * kind_loss).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.n_steps += 1
        smoothing = min(SMOOTHING, self.n_steps / (self.n_steps + 10))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.mean[name].lerp_(value.float(), 1 - smoothing)
        right = (guess.argmax(1) == kinds).float().mean()
        return said.loss.item(), kind_loss.item(), right.item()

    def save(self) -> None:
        """Write the running mean as 16-bit weights, with the processor."""
        kept = new_model(len(self.processor.tokenizer))
        kept.load_state_dict(self.mean)
        kept.half().save_pretrained(self.options.out)
        self.processor.save_pretrained(self.options.out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end by then at the latest")
    parser.add_argument("--pool", type=int, default=20_000, help="how many drawings are made")
    parser.add_argument(
        "--whole", type=float, default=0.3, help="share of steps that see all patches"
    )
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warm-up", type=int, default=300)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--clip-art", type=Path, default=CLIP_ART)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=500)
    parser.add_argument("--device", default="cpu")
    Trainer(parser.parse_args()).run()


if __name__ == "__main__":
    main()
