"""The kinds of evidence. Imports nothing: a command line that only shows its help reads it too."""

from __future__ import annotations

from typing import Literal, get_args

Modality = Literal["text", "table", "figure", "audio", "video"]
MODALITIES: tuple[str, ...] = get_args(Modality)
