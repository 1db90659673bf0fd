"""BLIP's layers in forms that take less time for the same captions.

Attention that never writes its weights out, keys and values of a picture that are made once
for all words and all beams, and linear layers in whole numbers of 8 bits where the processor
multiplies those natively. Leaves out when they are used (`blip`). Imports torch: import it only
where BLIP is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

ZERO_POINT = 128
"""oneDNN multiplies activations without sign by weights with sign."""
LARGEST = 127
TINY = 1e-12


def quicken(model: Any, *, int8: bool) -> Any:
    """Change the layers of a BlipForConditionalGeneration in place, and give it back."""
    for layer in model.vision_model.encoder.layers:
        layer.self_attn = PatchAttention(layer.self_attn)
    for layer in model.text_decoder.bert.encoder.layer:
        layer.crossattention.self = PictureAttention(layer.crossattention.self)
    if int8:
        _quantise(model)
        for rest in model.parameters():
            # What is not replaced still lies in the file of weights: without it, the file goes.
            rest.data = rest.data.clone()
    return model


@contextmanager
def looking_at(model: Any, patches: Tensor) -> Iterator[None]:
    """Have the words that are generated meanwhile be about these pictures.

    patches: (pictures, patches, width), what the vision model says of each patch.
    """
    layers = [layer.crossattention.self for layer in model.text_decoder.bert.encoder.layer]
    for layer in layers:
        layer.look_at(patches)
    try:
        yield
    finally:
        for layer in layers:
            layer.look_away()


def multiplies_int8() -> bool:
    """Whether this processor has instructions for it: without, it is neither fast nor exact."""
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older torch lacks it
    return bool(known.get("avx512_vnni"))


class PatchAttention(nn.Module):
    """The vision model's attention; transformers' BLIP writes out 577×577 weights a head."""

    def __init__(self, known: Any) -> None:
        super().__init__()
        self.n_heads = known.num_heads
        self.qkv = known.qkv
        self.projection = known.projection

    def forward(self, hidden_states: Tensor, **_: Any) -> tuple[Tensor, None]:
        n, n_patches, width = hidden_states.shape
        mixed = self.qkv(hidden_states).view(n, n_patches, 3, self.n_heads, width // self.n_heads)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value).transpose(1, 2)
        return self.projection(seen.reshape(n, n_patches, width)), None


class PictureAttention(nn.Module):
    """The words' attention to the picture: its keys and values are made once, not for each beam.

    Beams of one picture are rows that follow each other, in whatever order the search put them.
    """

    def __init__(self, known: Any) -> None:
        super().__init__()
        self.n_heads = known.num_attention_heads
        self.query = known.query
        self.key_value = nn.Linear(
            known.key.in_features,
            2 * known.key.out_features,
            device=known.key.weight.device,
            dtype=known.key.weight.dtype,
        )
        self.key_value.weight.data = torch.cat([known.key.weight.data, known.value.weight.data])
        self.key_value.bias.data = torch.cat([known.key.bias.data, known.value.bias.data])
        self._seen: tuple[Tensor, Tensor] | None = None

    def look_at(self, patches: Tensor) -> None:
        """Make keys and values, each (pictures, heads, patches, width of a head)."""
        key, value = (self._by_head(part) for part in self.key_value(patches).chunk(2, dim=-1))
        self._seen = key, value

    def look_away(self) -> None:
        """Let go of the keys and values: 340 MB for eight pictures."""
        self._seen = None

    def forward(self, hidden_states: Tensor, **_: Any) -> tuple[Tensor, None]:
        assert self._seen is not None  # noqa: S101 - a caption is asked for after look_at
        key, value = self._seen
        rows = hidden_states.reshape(len(key), -1, hidden_states.shape[-1])
        words = scaled_dot_product_attention(self._by_head(self.query(rows)), key, value)
        return words.transpose(1, 2).reshape(hidden_states.shape), None

    def _by_head(self, rows: Tensor) -> Tensor:
        n, n_rows, width = rows.shape
        return rows.view(n, n_rows, self.n_heads, width // self.n_heads).transpose(1, 2)


class Int8Linear(nn.Module):
    """A linear layer in 8 bits: weights scaled by output, activations by row as they come.

    A scale for each row costs a pass over the result, but rows do not change each other: a
    picture's caption is the same alone and among others. And it errs half as much as one scale
    for all of them, which is what PyTorch's quantize_dynamic does.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        scale = weight.abs().amax(dim=1).clamp(min=TINY) / LARGEST
        whole = (weight / scale[:, None]).round().to(torch.int8)
        self.packed = torch.ops.onednn.qlinear_prepack(whole, None)
        self.scale = scale
        self.zero = torch.zeros(len(scale), dtype=torch.int32)
        self.bias = None if linear.bias is None else linear.bias.detach().float().clone()

    def forward(self, values: Tensor) -> Tensor:
        rows = values.reshape(-1, values.shape[-1])
        step = torch.maximum(rows.amax(1, keepdim=True), -rows.amin(1, keepdim=True))
        step = step.clamp_(min=TINY).div_(LARGEST)
        # Conversion cuts off what stands behind the point: half a step more rounds.
        whole = torch.div(rows, step).add_(ZERO_POINT + 0.5).to(torch.uint8)
        product = torch.ops.onednn.qlinear_pointwise(
            whole, 1.0, ZERO_POINT, self.packed, self.scale, self.zero, None,
            1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        if self.bias is None:
            product.mul_(step)
        else:
            torch.addcmul(self.bias, product, step, out=product)
        return cast(Tensor, product.view(*values.shape[:-1], -1))


def _quantise(module: nn.Module) -> None:
    for name, part in module.named_children():
        if isinstance(part, nn.Linear):
            setattr(module, name, Int8Linear(part))
        else:
            _quantise(part)
