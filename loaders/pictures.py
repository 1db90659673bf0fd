"""Pictures as documents hold them: what can be drawn of them, and what their alt text says.

Leaves out pictures that a document only names (`named_pictures`) and storing them
(`media`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from loaders.elements import BBox, Element, Figure, Paragraph, Skipped
from loaders.errors import BrokenPicture
from loaders.metafiles import draw_metafile, metafile_suffix
from loaders.svg import read_drawing

SVG_HEAD_BYTES = 4096
POSTSCRIPT_HEADS = (b"%!PS", b"\xc5\xd0\xd3\xc6")

MAX_ALT_CHARS = 1_000
MACHINE_SUFFIX = re.compile(
    r" ?(?:"
    r"(?:description automatically generated|automatisch generierte beschreibung|"
    r"description générée automatiquement|descripción generada automáticamente|"
    r"descrição gerada automaticamente|descrizione generata automaticamente)"
    r"(?: (?:with|mit|avec|con|com) [^.]{1,40})?"
    r"|ai-generated content may be incorrect"
    r")\.?$",
    re.IGNORECASE,
)
GENERIC = re.compile(
    r"(?:a |an |the )?(?:picture|image|img|photo|graphic|graphics|grafik|bild|imagen|immagine|"
    r"afbeelding|obraz|рисунок|图片|図|shape|object|content placeholder|placeholder|diagram|chart|"
    r"figure|logo|icon|screenshot|untitled|alt text|null|none|undefined)?"
    r"[\s_\-]*(?:\d+|[:.])?|see the source image",
    re.IGNORECASE,
)
FILE_NAME = re.compile(
    r"(?:[a-z]:\\|file:|https?:|/).*|.*\.(?:png|jpe?g|jfif|gif|bmp|tiff?|webp|svg|emf|wmf|heic|avif)",
    re.IGNORECASE,
)


def alt_text(*candidates: str | None) -> str | None:
    """The first candidate that says something about the picture, cleaned; None if none does.

    File names and what programs fill in by themselves ("Picture 3") say nothing.
    """
    for candidate in candidates:
        text = MACHINE_SUFFIX.sub("", " ".join((candidate or "").split())[:MAX_ALT_CHARS])
        if text and not GENERIC.fullmatch(text) and not FILE_NAME.fullmatch(text):
            return text
    return None


def undrawable(content: bytes) -> str | None:
    """Why the picture cannot be drawn, or None if it may be."""
    if content.startswith(POSTSCRIPT_HEADS):
        return "PostScript pictures cannot be drawn; save the picture as PNG"
    return None


def is_svg(content: bytes) -> bool:
    """Whether it is a drawing in SVG, which has to be drawn before it can be shown."""
    head = content[:SVG_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and b"<svg" in head


def picture(
    content: bytes,
    name: str,
    *,
    caption: str | None = None,
    alt: str | None = None,
    page: int | None = None,
    bbox: BBox | None = None,
) -> Iterator[Element]:
    """The figure, or, where it cannot be drawn, its words and the reason.

    name: what to call it in the report, "The picture image3.emf".
    """
    reason = undrawable(content)
    if metafile_suffix(content):
        converted = draw_metafile(content, name)
        reason = converted if isinstance(converted, str) else None
        content = converted if isinstance(converted, bytes) else content
    if reason:
        yield from left_out(name, reason, caption=caption, alt=alt, page=page)
        return
    figure = Figure(content, caption=caption, alt=alt, page=page, bbox=bbox)
    try:
        yield drawn(figure, content) if is_svg(content) else figure
    except BrokenPicture as error:
        yield from left_out(name, str(error), caption=caption, alt=alt, page=page)


def drawn(figure: Figure, content: bytes) -> Figure:
    """The figure with an SVG drawing as its picture. Raises BrokenPicture."""
    drawing = read_drawing(content)
    return replace(
        figure,
        image=drawing.image,
        alt=figure.alt or alt_text(drawing.title),
        text=drawing.text or None,
        # Lettering that was turned into outlines is for OCR to read.
        is_drawn=bool(drawing.text),
    )


def left_out(
    name: str,
    reason: str,
    *,
    caption: str | None = None,
    alt: str | None = None,
    page: int | None = None,
) -> Iterator[Element]:
    """A picture that cannot be shown: what people wrote about it is still found."""
    yield Skipped(name, reason)
    if caption:
        yield Paragraph(caption, page=page)
    if alt and alt != caption:
        yield Paragraph(f"Picture: {alt}", page=page)
