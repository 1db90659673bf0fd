"""The bounds within which a source is read: what a hostile or giant file may cost.

Time and memory are kept by `loaders.worker_pool`, which reads in processes of their own; a
loader that is used without it knows the other limits only.
"""

from __future__ import annotations

import os
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
    max_attachments: int = 200
    """Files inside a document, and inside those, that are read."""
    max_nesting: int = 3
    """How deep files may lie inside files."""
    min_figure_side: int = 48
    """Pictures with a shorter side are icons, bullets and rules, not figures. Pixels."""
    max_recorded_s: float = 6 * 3600.0
    """Of a recording; what comes later is left out."""
    max_memory: int = 2048 * BYTES_PER_MIB
    """Of the process that reads a source, resident."""
    max_seconds: float = 3_600.0
    """For a whole source."""
    max_silence_s: float = 180.0
    """Without one more page or figure of it being read: a parser that hangs."""
    conversion_s: float = 120.0
    """For LibreOffice to convert one file or picture."""
    fetch_timeout_s: float = 30.0
    """How long a server may be silent."""
    fetch_total_s: float = 120.0
    """How long a fetch may take in all, redirects included."""
    fetch_remote_images: bool = False
    """Whether pictures that a page shows from elsewhere on the web are fetched."""
    read_comments: bool = False
    """Whether the comments of a Word document are read as well."""
    max_site_pages: int = 200
    """Fetched of one site, where links are followed."""
    max_site_s: float = 900.0
    """For fetching them all."""
    max_rows: int = 100_000
    """Of a sheet, of a table of comma-separated values, or of JSON records."""

    @property
    def max_cell_chars(self) -> int:
        """In the cells of tables that are read up to a limit, rather than refused beyond it.

        Less than the limit on all text: the header, said with each part of a table, counts too.
        """
        return self.max_text_chars * 9 // 10


DEFAULT_LIMITS = Limits()


def n_cores() -> int:
    """The processors that this process may use."""
    has_affinity = hasattr(os, "sched_getaffinity")  # macOS and Windows lack it
    return len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
