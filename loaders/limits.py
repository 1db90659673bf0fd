"""The bounds within which a source is read: what a hostile or giant file may cost.

Leaves out time limits on a parser that hangs: that takes a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one source. Sizes are in bytes, pictures in pixels."""

    max_bytes: int = 512 * BYTES_PER_MIB
    max_pages: int = 5_000
    max_text_chars: int = 50_000_000
    max_pixels: int = 100_000_000
    max_figures: int = 2_000
    max_archive_members: int = 20_000
    max_archive_ratio: int = 200
    """Unpacked bytes for each packed byte, counted over a whole office file."""
    min_figure_side: int = 48
    """Pictures with a shorter side are icons, bullets and rules, not figures. Pixels."""
    fetch_timeout_s: float = 30.0
    """How long a server may be silent."""
    fetch_total_s: float = 120.0
    """How long a fetch may take in all, redirects included."""


DEFAULT_LIMITS = Limits()
