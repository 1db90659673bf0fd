"""Scanned pages drawn by hand, and an OCR that knows what was drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import get_ident
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from loaders.captioning.text_line import TextLine
from tests.loaders.pdfs import HEIGHT, WIDTH, Page

DOTS_PER_POINT = 150 / 72


@dataclass
class Scan:
    """A sheet of paper at 150 dots an inch; places are in points from its top left corner."""

    image: Image.Image = field(
        default_factory=lambda: Image.new("RGB", _dots(WIDTH, HEIGHT), (246, 244, 240))
    )
    lines: list[TextLine] = field(default_factory=list)

    def text(self, x: float, y: float, string: str, *, size: float = 10, weight: int = 0) -> Scan:
        """Write a line whose top is at y. weight: by how many dots the letters are thicker."""
        font = ImageFont.load_default(size * DOTS_PER_POINT)
        place = _dots(x, y)
        pen = ImageDraw.Draw(self.image)
        pen.text(place, string, fill="black", font=font, stroke_width=weight)
        box = pen.textbbox(place, string, font=font)
        # OCR leaves as much room round a line.
        room = 0.2 * size * DOTS_PER_POINT
        top, bottom = place[1] - 0.05 * room, place[1] + 1.2 * size * DOTS_PER_POINT
        left, right = box[0] - room, box[2] + room
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        self.lines.append(TextLine(string, corners, 0.99))
        return self

    def prose(self, x: float, y: float, *strings: str, size: float = 10) -> Scan:
        for k, string in enumerate(strings):
            self.text(x, y + 1.3 * size * k, string, size=size)
        return self

    def rule(self, *points: tuple[float, float]) -> Scan:
        pen = ImageDraw.Draw(self.image)
        pen.line([_dots(*point) for point in points], fill="black", width=2)
        return self

    def photograph(self, x: float, y: float, width: float, height: float) -> Scan:
        size = _dots(width, height)
        blots = np.random.default_rng(7).integers(20, 190, (9, 12, 3), dtype=np.uint8)
        self.image.paste(Image.fromarray(blots).resize(size), _dots(x, y))
        return self

    def page(self, **extra: Any) -> Page:
        """The sheet as a page of a PDF."""
        return Page(**extra).picture(0, 0, WIDTH, HEIGHT, self.image)


@dataclass
class KnowingReader:
    """Finds on a page the lines of the scan that it looks like most."""

    scans: Sequence[Scan]
    fingerprint: str = "knowing:1"
    n_threads: int = 2
    n_read: int = 0
    threads: set[int] = field(default_factory=set)

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        return ["" for _ in images]

    def read_lines(self, image: Image.Image) -> list[TextLine]:
        self.n_read += 1
        self.threads.add(get_ident())
        small = _small(image)
        unlike = [float(np.abs(small - known).mean()) for known in self._known]
        return self.scans[int(np.argmin(unlike))].lines if unlike else []

    @cached_property
    def _known(self) -> list[NDArray[np.float64]]:
        return [_small(scan.image) for scan in self.scans]


def _small(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.convert("L").resize((85, 110)), float)


def _dots(x: float, y: float) -> tuple[int, int]:
    return round(x * DOTS_PER_POINT), round(y * DOTS_PER_POINT)
