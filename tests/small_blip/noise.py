"""Smooth noise over several scales, of which photographs and maps are made.

Leaves out what is made of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.small_blip.ink import Canvas

Field = NDArray[np.float32]


def noise(
    rng: np.random.Generator, height: int, width: int, coarse: float, channels: int = 1
) -> Field:
    """Smooth noise over several scales, 0 to 1. coarse: how fast finer scales fade, 0.3 to 0.9."""
    made = np.zeros((height, width, channels), np.float32)
    strength, cells = 1.0, 2
    while cells < max(height, width):
        small = rng.standard_normal(
            (max(2, cells * height // max(height, width)) + 1, cells + 1, channels)
        )
        layer = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        made += strength * layer.reshape(height, width, channels)
        strength, cells = strength * coarse, cells * 2
    low, high = made.min(), made.max()
    return (made - low) / (high - low + 1e-6)


def paint(canvas: Canvas, made: NDArray[np.uint8]) -> None:
    """Lay the dots over the whole canvas."""
    canvas.image.paste(Image.fromarray(made))
