"""Reads PowerPoint presentations: a slide is a page, its title a heading.

A slide whose shapes make a diagram is drawn whole where LibreOffice is installed. Leaves out what
masters and layouts put on every slide, footers, comments, animations, and sound and film that are
only linked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.oxml.ns import qn

from loaders.attached import attached_last
from loaders.charts_2016 import CHART as CHART_2016
from loaders.elements import Element, Figure, Heading, Info, Paragraph, Skipped, Table
from loaders.embedded_files import embedded_media, embedded_object
from loaders.errors import LimitExceeded, LoaderError
from loaders.loader import DocumentLoader
from loaders.office_parts import CHARTS, DIAGRAM, embedded_chart, embedded_diagram, embedded_picture
from loaders.ooxml import meaningful_title, open_package
from loaders.pictures import alt_text
from loaders.slide_layout import Placed, caption_of, label_above, placed_shapes
from loaders.slide_pictures import draw_slides
from loaders.source import SourceFile
from loaders.table_heads import head_rows, join_heads

COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
CONNECTOR = qn("p:cxnSp")
MIN_DIAGRAM_PARTS = 5
"""Shapes, texts and pictures that somebody placed beside each other."""
WHOLE = (0.0, 0.0, 1.0, 1.0)
MEDIA = [
    (("a:audioFile", "a:wavAudioFile", "a:audioCd"), "sound"),
    (("a:videoFile", "a:quickTimeFile"), "film"),
]
MEDIA_OF_2010 = "{http://schemas.microsoft.com/office/powerpoint/2010/main}media"
ON_EVERY_SLIDE = {
    PP_PLACEHOLDER.DATE,
    PP_PLACEHOLDER.FOOTER,
    PP_PLACEHOLDER.HEADER,
    PP_PLACEHOLDER.SLIDE_NUMBER,
}
OFF = {"0", "false"}
LISTS = {PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY}
PICTURE_WITH_CAPTION = "picTx"
"""PowerPoint's layout in which the text is the picture's caption."""


class PptxLoader(DocumentLoader):
    """Reads .pptx, .pptm, .ppsx and .potx files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        yield from attached_last(self._slides(file))

    def _slides(self, file: SourceFile) -> Iterator[Element]:
        with open_package(file, self.limits) as stream:
            presentation = Presentation(stream)
            slides = list(presentation.slides)
            if len(slides) > self.limits.max_pages:
                raise LimitExceeded(
                    f"{file.name} has {len(slides):,} slides; "
                    f"the limit is {self.limits.max_pages:,}."
                )
            title = meaningful_title(
                # A part of a wrong type has no title.
                getattr(presentation.core_properties, "title", None)
            )
            yield Info(title or (_title(slides[0]) if slides else None), n_pages=len(slides))
            size = (presentation.slide_width or 0, presentation.slide_height or 0)
            drawn: dict[int, bytes] = {}
            numbers = [n for n, slide in enumerate(slides, 1) if _is_diagram(slide)]
            try:
                drawn = draw_slides(file, len(slides), numbers, self.limits)
            except LoaderError as error:
                yield Skipped("Pictures of whole slides", str(error))
            for number, slide in enumerate(slides, 1):
                yield from _Slide(slide, number, size).elements(drawn.get(number))


class _Slide:
    """One slide as elements."""

    def __init__(self, slide: Any, number: int, size: tuple[int, int]) -> None:
        _take_fallbacks(slide.shapes._spTree)
        self._slide = slide
        self._number = number
        self._title = slide.shapes.title
        self._shapes = [s for s in placed_shapes(slide.shapes, *size) if self._is_content(s)]
        self._captions: set[Placed] = set()

    def elements(self, drawn_whole: bytes | None = None) -> Iterator[Element]:
        """The heading, what is on the slide in reading order, and the notes.

        drawn_whole: the picture of the slide, if it is worth one.
        """
        # Pictures first: the texts that they take as captions are not said again.
        drawn = {s: list(self._drawn(s)) for s in self._shapes if not s.shape.has_text_frame}
        said = {s: list(self._said(s)) for s in self._shapes if s not in self._captions}
        content = [e for s in self._shapes for e in drawn.get(s) or said.get(s) or []]
        notes = self._notes()
        title = _title(self._slide)
        if title or content or notes:
            # A slide without a title gets its number, or it would count to the one before.
            hidden = " (hidden)" if self._slide._element.get("show") in OFF else ""
            yield Heading(f"{title or f'Slide {self._number}'}{hidden}", 1, self._number)
        yield from content
        if drawn_whole:
            text = "\n".join(e.text for e in content if isinstance(e, Paragraph))
            yield Figure(
                drawn_whole, title, page=self._number, bbox=WHOLE, text=text, is_drawn=True
            )
        if notes:
            yield Paragraph(f"Notes: {notes}", self._number)

    def _is_content(self, placed: Placed) -> bool:
        shape = placed.shape
        if self._title is not None and shape._element is self._title._element:
            return False
        return not (shape.is_placeholder and shape.placeholder_format.type in ON_EVERY_SLIDE)

    def _said(self, placed: Placed) -> Iterator[Element]:
        """The text of a shape."""
        if placed.text:
            yield Paragraph(_listed(placed.shape), self._number, placed.box)

    def _drawn(self, placed: Placed) -> Iterator[Element]:
        """The table, chart, diagram or picture of a shape."""
        shape, page, box = placed.shape, self._number, placed.box
        element = shape._element
        if getattr(shape, "has_table", False):
            yield Table(_rows(shape.table), page=page, bbox=box)
        elif (chart := _first(element, *CHARTS)) is not None:
            yield from self._chart(chart.get(qn("r:id")), placed)
        elif (diagram := element.find(f".//{DIAGRAM}")) is not None:
            part = self._slide.part
            yield from embedded_diagram(part, diagram.get(qn("r:dm")), page=page, bbox=box)
        else:
            yield from self._file(placed)
            blip = element.find(f".//{qn('a:blip')}")
            # The picture of a sound is an icon of a loudspeaker.
            if blip is not None and _media_kind(element) != "sound":
                yield from self._picture(blip, placed)

    def _file(self, placed: Placed) -> Iterator[Element]:
        """The sound, film or document that a shape stands for."""
        element, place = placed.shape._element, f"slide {self._number}"
        kind = _media_kind(element)
        if kind:
            ids = _media_ids(element)
            yield from embedded_media(self._slide.part, ids, kind, placed.shape.name, place)
        elif (held := element.find(f".//{qn('p:oleObj')}")) is not None:
            yield from embedded_object(self._slide.part, held.get(qn("r:id")), place)

    def _chart(self, relation_id: str | None, placed: Placed) -> Iterator[Element]:
        label = label_above(placed.box, self._free_texts()) if placed.box else None
        caption = label.text if label else None
        for element in embedded_chart(
            self._slide.part, relation_id, caption=caption, page=self._number, bbox=placed.box
        ):
            if label and isinstance(element, Table) and element.caption == caption:
                self._captions.add(label)
            yield element

    def _picture(self, blip: Any, placed: Placed) -> Iterator[Element]:
        named = placed.shape._element.find(f".//{qn('p:cNvPr')}")
        words = [] if named is None else [named.get("descr"), named.get("title")]
        caption = self._caption(placed)
        if caption:
            self._captions.add(caption)
        yield from embedded_picture(
            self._slide.part,
            blip.get(qn("r:embed")) or blip.get(qn("r:link")),
            caption=caption.text if caption else None,
            alt=alt_text(*words),
            page=self._number,
            bbox=placed.box,
        )

    def _caption(self, picture: Placed) -> Placed | None:
        texts = self._free_texts()
        if self._slide.slide_layout._element.get("type") == PICTURE_WITH_CAPTION:
            bodies = [t for t in texts if _placeholder_type(t.shape) == PP_PLACEHOLDER.BODY]
            if bodies and picture.shape.is_placeholder:
                return bodies[0]
        return caption_of(picture.box, texts) if picture.box else None

    def _free_texts(self) -> list[Placed]:
        return [s for s in self._shapes if s.text and s not in self._captions]

    def _notes(self) -> str:
        if not self._slide.has_notes_slide:
            return ""
        frame = self._slide.notes_slide.notes_text_frame
        return "" if frame is None else frame.text.replace("\v", "\n").strip()


def _first(element: Any, *tags: str) -> Any:
    return next(element.iter(*tags), None)


def _is_diagram(slide: Any) -> bool:
    """Whether the places of its shapes say what its texts do not."""
    tree = slide.shapes._spTree
    if tree.find(f".//{DIAGRAM}") is not None or len(tree.findall(f".//{CONNECTOR}")) > 1:
        return True
    kinds = (qn("p:sp"), qn("p:pic"), CONNECTOR)
    parts = [shape for shape in tree.iter(*kinds) if shape.find(f".//{qn('p:ph')}") is None]
    return len(parts) >= MIN_DIAGRAM_PARTS


def _title(slide: Any) -> str | None:
    title = slide.shapes.title
    text = "" if title is None or not title.has_text_frame else title.text_frame.text
    return " ".join(text.split()) or None


def _listed(shape: Any) -> str:
    """The text of a shape, the items of a list marked and indented."""
    paragraphs = [
        (p.level, p.text.replace("\v", "\n").strip()) for p in shape.text_frame.paragraphs
    ]
    paragraphs = [(level, text) for level, text in paragraphs if text]
    if len(paragraphs) < 2 or _placeholder_type(shape) not in LISTS:
        return "\n".join(text for _, text in paragraphs)
    return "\n".join(f"{'  ' * level}- {text}" for level, text in paragraphs)


def _rows(table: Any) -> tuple[tuple[str, ...], ...]:
    """The rows, those of the header as one; a merged cell has its text once."""
    cells = [list(row.cells) for row in table.rows]
    texts = [["" if c.is_spanned else " ".join(c.text.split()) for c in row] for row in cells]
    grid: list[list[tuple[int, int]]] = []
    for r, row in enumerate(cells):
        line: list[tuple[int, int]] = []
        for c, cell in enumerate(row):
            if line and cell._tc.hMerge:
                line.append(line[-1])
            elif grid and c < len(grid[-1]) and cell._tc.vMerge:
                line.append(grid[-1][c])
            else:
                line.append((r, c))
        grid.append(line)
    n_heads = head_rows(texts, grid)
    joined = join_heads(texts, grid, n_heads) if n_heads > 1 else texts
    return tuple(map(tuple, joined))


def _placeholder_type(shape: Any) -> Any:
    return shape.placeholder_format.type if shape.is_placeholder else None


def _media_kind(element: Any) -> str | None:
    for tags, kind in MEDIA:
        if any(element.find(f".//{qn(tag)}") is not None for tag in tags):
            return kind
    return None


def _media_ids(element: Any) -> list[str | None]:
    """The relations of a sound or film, that of newer programs first."""
    tags = (MEDIA_OF_2010, *(qn(tag) for tags, _ in MEDIA for tag in tags))
    found = [media for tag in tags for media in element.iterfind(f".//{tag}")]
    return [media.get(qn("r:embed")) or media.get(qn("r:link")) for media in found]


def _take_fallbacks(shapes: Any) -> None:
    """Put what is drawn for older programs in place of shapes of newer kinds, except charts.

    python-pptx passes over both.
    """
    for alternatives in list(shapes.iter(f"{COMPATIBILITY}AlternateContent")):
        has_data = alternatives.find(f".//{CHART_2016}") is not None
        for version in ("Choice",) if has_data else ("Fallback", "Choice"):
            found = alternatives.find(f"{COMPATIBILITY}{version}")
            if found is not None and len(found):
                for child in list(found):
                    alternatives.addprevious(child)
                break
        parent = alternatives.getparent()
        if parent is not None:
            parent.remove(alternatives)
