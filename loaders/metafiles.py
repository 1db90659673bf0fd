"""Draws Windows metafiles (WMF, EMF) through LibreOffice, where it is installed.

Leaves out compressed metafiles (WMZ, EMZ), which Office unpacks before it saves them.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from loaders import libre_office
from loaders.errors import LoaderError
from loaders.limits import DEFAULT_LIMITS

WMF_HEADS = (b"\xd7\xcd\xc6\x9a", b"\x01\x00\x09\x00", b"\x02\x00\x09\x00")
NOT_DRAWN = "Windows metafiles (WMF, EMF) are drawn by LibreOffice"


def metafile_suffix(content: bytes) -> str | None:
    """ ".wmf" or ".emf"; None for what is no metafile."""
    if content.startswith(WMF_HEADS):
        return ".wmf"
    return ".emf" if content[40:44] == b" EMF" else None


def draw_metafile(content: bytes, name: str) -> bytes | str:
    """The picture as PNG, or in words why it is not drawn."""
    suffix = metafile_suffix(content)
    if libre_office.program() is None or suffix is None:
        how = libre_office.HOW_TO_INSTALL
        return f"{NOT_DRAWN}, which is not here. {how}, or save the picture as PNG"
    with TemporaryDirectory(prefix="limner-") as folder:
        path = Path(folder) / f"picture{suffix}"
        path.write_bytes(content)
        try:
            with libre_office.converted(path, name, suffix, "png", DEFAULT_LIMITS) as drawn:
                return drawn.read_bytes()
        except LoaderError as error:
            return f"{NOT_DRAWN}, which failed: {error}"
