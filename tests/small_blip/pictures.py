"""Finds pictures by others that training may mix among the drawings.

Photographs: those inside scikit-learn (CC BY) and scikit-image (public domain, CC0). Clip art: the
Debian package openclipart-png (public domain). Where they are not installed, every photograph is
noise, leaves and light, and every drawing our own. Leaves out the portrait that matplotlib
carries: it is also in the corpus that the model is measured on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

CLIP_ART = Path("/usr/share/openclipart/png")
NOT_DRAWINGS = {"buttons", "geography", "shapes"}
"""Its folders of maps, flags and bars of colour."""
MAX_BYTES = 300_000
"""A few pieces of clip art are posters, and take seconds to open."""
PACKAGES = {"sklearn": "datasets/images", "skimage": "data"}
PHOTOGRAPHS = {
    "china.jpg",
    "flower.jpg",
    "astronaut.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "brick.png",
    "grass.png",
    "gravel.png",
    "coins.png",
    "hubble_deep_field.jpg",
    "moon.png",
    "retina.jpg",
    "clock_motion.png",
}


@dataclass(frozen=True)
class Pictures:
    """The pictures that there are; none by default."""

    photographs: Sequence[Path] = ()
    clip_art: Sequence[Sequence[Path]] = field(default=())
    """By subject."""

    @classmethod
    def installed(cls, clip_art: Path = CLIP_ART) -> Pictures:
        """Those on this machine, in a fixed order."""
        photographs = []
        for package, folder in PACKAGES.items():
            spec = find_spec(package)
            for place in (spec.submodule_search_locations or ()) if spec else ():
                photographs += [p for p in Path(place, folder).glob("*") if p.name in PHOTOGRAPHS]
        folders = sorted(p for p in clip_art.glob("*") if p.name not in NOT_DRAWINGS)
        subjects = [
            sorted(p for p in folder.rglob("*.png") if p.stat().st_size <= MAX_BYTES)
            for folder in folders
        ]
        return cls(sorted(photographs, key=lambda p: p.name), [s for s in subjects if s])

    def photograph(self, rng: random.Random) -> Image.Image | None:
        """One of the photographs, in RGB; None where there are none."""
        return _photograph(rng.choice(self.photographs)) if self.photographs else None

    def drawing(self, rng: random.Random) -> Image.Image | None:
        """One of the drawings, on nothing (RGBA); None where there are none."""
        if not self.clip_art:
            return None
        with Image.open(rng.choice(rng.choice(self.clip_art))) as opened:
            opened.draft(None, (512, 512))
            made = opened.convert("RGBA")
        made.thumbnail((400, 400))
        return made


NONE = Pictures()


@lru_cache(maxsize=32)
def _photograph(path: Path) -> Image.Image:
    opened = Image.open(path).convert("RGB")
    opened.thumbnail((1200, 1200))
    return opened
