"""The pictures that a model which sees is shown beside the sources: the best figures, small.

Leaves out what the model makes of them. The check knows only words: what a model says of a
picture, and no word of the documents bears out, stays marked as not borne out.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from assistant.answer import Source
from loaders import LoaderError, MediaStore

MAX_PICTURES = 3
MAX_SIDE = 1_024
"""Pixels. Models see no more in a larger picture."""
MIN_SIDE = 32
"""Pixels. Models fail on smaller ones, and they show nothing."""
MAX_BYTES = 500_000
PIXELS_PER_TOKEN = 750
"""Qwen2.5-VL, one of the greedier, takes a token for 784 pixels."""
MIN_PICTURE_TOKENS = 600
"""LLaVA takes as many for the smallest picture."""
MAX_SHARE = 0.5
"""Of the room for sources, for pictures."""
QUALITIES = (90, 75, 50)
"""Of a JPEG, until it is small enough."""


@dataclass(frozen=True, slots=True)
class SentPicture:
    """A picture of a source. url: the picture itself, as a data URL."""

    n: int
    url: str
    n_tokens: int


def pictures_of(sources: Sequence[Source], media: MediaStore) -> tuple[SentPicture, ...]:
    """The pictures of the best figures; one that cannot be read is passed over."""
    found: dict[str, SentPicture] = {}
    for source in sources:
        key = source.document.metadata.get("image_key", "")
        if not source.is_figure or not key or key in found:
            continue
        try:
            picture = media.open(key, max_side=MAX_SIDE)
        except (LoaderError, OSError, KeyError, ValueError):
            continue
        if min(picture.size) >= MIN_SIDE:
            found[key] = _sent(source.n, picture)
        if len(found) == MAX_PICTURES:
            break
    return tuple(found.values())


def within(pictures: Sequence[SentPicture], max_tokens: int) -> tuple[SentPicture, ...]:
    """The first pictures that leave enough of so many tokens to the sources."""
    left = int(max_tokens * MAX_SHARE)
    kept = []
    for picture in pictures:
        left -= picture.n_tokens
        if left < 0:
            break
        kept.append(picture)
    return tuple(kept)


def _sent(n: int, picture: Image.Image) -> SentPicture:
    shown = picture.convert("RGB")
    shown.thumbnail((MAX_SIDE, MAX_SIDE))
    n_tokens = max(MIN_PICTURE_TOKENS, math.ceil(shown.width * shown.height / PIXELS_PER_TOKEN))
    kind, content = "png", _encoded(shown, "PNG")
    for quality in QUALITIES:
        if len(content) <= MAX_BYTES:
            break
        kind, content = "jpeg", _encoded(shown, "JPEG", quality)
    return SentPicture(
        n, f"data:image/{kind};base64,{base64.b64encode(content).decode()}", n_tokens
    )


def _encoded(picture: Image.Image, kind: str, quality: int = 75) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, quality=quality)
    return content.getvalue()
