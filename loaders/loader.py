"""The base of all loaders: from a format's elements to Documents with their metadata.

A format's module yields elements in reading order (`loaders.elements`); everything
that formats share happens here: the heading path, chunks, storing and describing
figures, joining a figure to the sentence that refers to it, and ids.
"""

from __future__ import annotations

import hashlib
import re
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from loaders.attached import AttachedFiles
from loaders.captioning.context import FigureContext
from loaders.captioning.describer import FigureDescriber
from loaders.captioning.fusion import REFERENCE_LABEL, FigureWords, best_caption, fuse
from loaders.chunks import split_table, split_text
from loaders.elements import (
    BBox,
    Element,
    Figure,
    Heading,
    Info,
    Paragraph,
    Sheet,
    Skipped,
    Speech,
    Table,
    one_line,
)
from loaders.errors import BrokenPicture, EmptyDocument, LimitExceeded
from loaders.limits import DEFAULT_LIMITS, Limits
from loaders.media import MediaStore, Picture
from loaders.references import SENTENCE_END, References, label_of
from loaders.source import SourceFile, open_source
from loaders.speech.transcriber import Transcriber

SECTION_SEPARATOR = " › "
MAX_HEADING_CHARS = 300
"""A section's name stands on each of its chunks; the rest of a longer one is lost."""
SECONDS_BETWEEN_PIECES = 1.0
SHEET_LEVEL = 0
"""A sheet is above all headings on it."""
PLACES = ("source", "modality", "page", "section", "bbox")
"""The keys of the metadata that say where a piece stands."""
PICTURE_KEYS = ("image_url", "image_key", "width", "height")
MAX_TOLD = 3
"""Parts that were left out which the error for an empty document names."""
MIN_PRINTED_CHARS = 12
MIN_SENT_SIDE = 20
"""Pixels. What is smaller is a spacer or a tracking pixel, whoever sent it."""
NEARBY_CHARS = 300
SPEAKS_OF_PICTURE = re.compile(
    r"\b(?:image|photo(?:graph)?|picture|view|map|diagram|chart|graph|drawing|above|below)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Stage:
    """How far a source is read: n_done of n, which is 0 where their number is not known.

    what: "page"; "figure", of those to be described; "caption", of those that are told in a
    machine's words; "look", of pictures that are compared; "piece", where there are no pages.
    """

    what: str
    n_done: int
    n: int


OnProgress = Callable[[Stage], None]


class LoaderOptions(TypedDict, total=False):
    """The keyword arguments of every loader; see DocumentLoader."""

    media: MediaStore | None
    describer: FigureDescriber | None
    limits: Limits
    figure_root: Path | None
    on_progress: OnProgress | None
    passwords: Sequence[str]
    transcriber: Transcriber | None


@dataclass(slots=True)
class _Piece:
    """One Document in the making."""

    metadata: dict[str, Any]
    text: str = ""
    figure: Figure | None = None
    picture: Picture | None = None
    more: list[str] = field(default_factory=list)
    """The texts of the further parts of a figure with many words."""


class DocumentLoader(BaseLoader):
    """Reads one source into Documents: one for each chunk, table and figure.

    After `lazy_load` has ended, `title` and `n_pages` say what was read, and `skipped`
    what was left out and why.
    """

    transcribes = False
    """Whether what was read depends on the speech model, be it for an attached file."""
    is_commented = False
    """Whether it depends on the limit `read_comments`."""

    def __init__(
        self,
        source: str | Path,
        *,
        media: MediaStore | None = None,
        describer: FigureDescriber | None = None,
        limits: Limits = DEFAULT_LIMITS,
        figure_root: Path | None = None,
        on_progress: OnProgress | None = None,
        passwords: Sequence[str] = (),
        transcriber: Transcriber | None = None,
    ) -> None:
        """media: where figures go, `.limner/media` by default.

        describer: reads figures; by default with OCR, and BLIP where its weights are here.
        figure_root: the folder that relative pictures may come from, the file's by default.
        passwords: tried on a document that needs one; PDF takes them, other formats do not yet.
        transcriber: writes down speech; by default with the package's weights.
        """
        self.source = source
        self.media = media or MediaStore()
        self.describer = describer or FigureDescriber.from_installed(self.media)
        self.limits = limits
        self.figure_root = figure_root
        self.on_progress = on_progress
        self.passwords = tuple(passwords)
        self.transcriber = transcriber or Transcriber()
        self.title = ""
        self.n_pages: int | None = None
        self._page_labels: Mapping[int, str] = {}
        self._page_told, self._told_at = 0, 0.0
        self.skipped: list[Skipped] = []

    @abstractmethod
    def _elements(self, file: SourceFile) -> Iterator[Element]:
        """What the file holds, in reading order. Raises a LoaderError if it cannot be read."""

    def lazy_load(self) -> Iterator[Document]:
        """Yield the Documents in reading order. Raises a LoaderError."""
        with open_source(self.source, self.limits, figure_root=self.figure_root) as file:
            yield from self.load_file(file)

    def load_file(self, file: SourceFile) -> Iterator[Document]:
        """Yield the Documents of a source that is open already. Raises a LoaderError."""
        attached = AttachedFiles(file.uri, self.limits, self._read_attached)
        elements = attached.read_in(self._elements(file))
        yield from self._documents(file.uri, file.name, elements)

    def read_elements(self, file: SourceFile) -> Iterator[Element]:
        """What an open source holds before it becomes Documents. Raises a LoaderError."""
        return self._elements(file)

    def _read_attached(self, file: SourceFile) -> Iterator[Element]:
        """What a file inside this one holds, by the loader of its format."""
        from loaders.formats import loader_for  # it imports every loader's base, this module

        loader = loader_for(
            file,
            media=self.media,
            describer=self.describer,
            limits=self.limits,
            passwords=self.passwords,
            transcriber=self.transcriber,
        )
        self.transcribes |= loader.transcribes
        self.is_commented |= loader.is_commented
        return loader.read_elements(file)

    def _documents(self, uri: str, name: str, elements: Iterator[Element]) -> Iterator[Document]:
        self.title, self.n_pages, self._page_labels, self.skipped = name, None, {}, []
        self._page_told, self._told_at = 0, time.monotonic()
        pieces = self._pieces(name, elements)
        if not pieces:
            raise EmptyDocument(
                f"{name} holds no text and no figure that limner can read.{_told(self.skipped)}"
            )
        references = References()
        for piece in pieces:
            if piece.metadata["modality"] == "text":
                references.add(piece.text)
        _refer_to_tables(pieces, references)
        _show_what_is_seen(pieces)
        self._describe(pieces, references)
        ids = _Ids()
        for piece in pieces:
            metadata = {"source": uri, "title": self.title} | piece.metadata
            if label := self._page_labels.get(metadata.get("page", 0)):
                metadata["page_label"] = label
            metadata["chunk_id"] = ids.make(metadata, piece.text)
            yield Document(page_content=piece.text, metadata=metadata)
            for n, text in enumerate(piece.more, start=2):
                # Known by the figure and their number: a figure's text may change, not its id.
                part = {"part": n, "chunk_id": f"{metadata['chunk_id']}.{n}"}
                yield Document(page_content=text, metadata=metadata | part)

    def _pieces(self, name: str, elements: Iterator[Element]) -> list[_Piece]:
        pieces: list[_Piece] = []
        path: list[tuple[int, str]] = []
        held: list[Paragraph] = []
        n_chars = 0
        bare: Heading | None = None  # a heading under which nothing has come yet

        def flush() -> None:
            pieces.extend(_text_pieces(held, path))
            held.clear()

        def keep_bare(next_level: int) -> None:
            """A heading with nothing below it is all that its slide or section says."""
            if bare and next_level <= bare.level:
                pieces.append(_Piece(_metadata("text", path, bare.page, None), one_line(bare.text)))

        for element in elements:
            self._tell_page(element, len(pieces))
            n_before = len(pieces)
            match element:
                case Info(title=title, n_pages=n_pages, page_labels=labels):
                    self.title = one_line(title or "") or self.title
                    self.n_pages = n_pages or self.n_pages
                    self._page_labels = labels
                case Heading(text=text, level=level) if one_line(text) or element.is_resumed:
                    flush()
                    keep_bare(level)
                    bare = None if element.is_resumed else element
                    path[:] = [(n, t) for n, t in path if n < level]
                    if name := one_line(text)[:MAX_HEADING_CHARS]:
                        path.append((level, name))
                case Paragraph(text=text) if text.strip():
                    if held and held[-1].page != element.page:
                        flush()
                    held.append(element)
                    n_chars += len(text)
                case Table():
                    flush()
                    pieces.extend(self._table_pieces(element, path))
                    n_chars += sum(len(cell) for row in element.rows for cell in row)
                case Figure():
                    flush()
                    pieces.extend(self._figure_pieces(element, path, pieces))
                case Speech(text=text) if one_line(text):
                    flush()
                    pieces.append(_speech_piece(element, path))
                    n_chars += len(text)
                case Sheet(name=sheet):
                    flush()
                    keep_bare(0)
                    _set_sheet(pieces, path)
                    bare, path[:] = None, [(SHEET_LEVEL, one_line(sheet))]
                case Skipped():
                    self.skipped.append(element)
            is_figure = isinstance(element, Figure) and len(pieces) > n_before
            if is_figure or isinstance(element, Paragraph | Table | Speech):
                bare = None
            if n_chars > self.limits.max_text_chars:
                raise LimitExceeded(
                    f"{name} holds more text than the limit of "
                    f"{self.limits.max_text_chars:,} characters."
                )
        flush()
        keep_bare(0)
        _set_sheet(pieces, path)
        return pieces

    def _tell_page(self, element: Element, n_pieces: int) -> None:
        """The pages before that of the element are read; without pages, so many pieces are."""
        page = getattr(element, "page", None)
        if time.monotonic() - self._told_at > SECONDS_BETWEEN_PIECES:
            self._tell(Stage("piece", n_pieces, 0))
        if page and self.n_pages and page > self._page_told:
            self._page_told = page
            self._tell(Stage("page", page - 1, self.n_pages))

    def _tell(self, stage: Stage) -> None:
        self._told_at = time.monotonic()
        if self.on_progress:
            self.on_progress(stage)

    def _figure_pieces(
        self, figure: Figure, path: list[tuple[int, str]], before: list[_Piece]
    ) -> list[_Piece]:
        where = f"A figure{f' on page {figure.page}' if figure.page else ''}"
        stored = [p for p in before if p.picture]
        try:
            self._check_number(stored)
            image = figure.image() if callable(figure.image) else figure.image
            least = MIN_SENT_SIDE if figure.is_sent else self.limits.min_figure_side
            if min(self.media.size(image)) < least:
                return list(_text_pieces(_words_of(figure, with_alt=False), path))
            picture = self.media.put(image)
        except (BrokenPicture, LimitExceeded) as error:
            self.skipped.append(Skipped(where, str(error)))
            return list(_text_pieces(_words_of(figure, with_alt=True), path))
        if any(
            p.picture and p.picture.key == picture.key and _same_words(p, figure, path)
            for p in stored
        ):
            return []
        metadata = _metadata("figure", path, figure.page, figure.bbox) | self._shown(picture)
        if figure.start is not None and figure.end is not None:
            metadata |= {"start": round(figure.start, 2), "end": round(figure.end, 2)}
        if figure.cells:
            metadata["cells"] = figure.cells
        if label := label_of(figure.caption):
            metadata["label"] = label
        # The picture is on disk now; holding its pixels too would unbound the memory.
        words = replace(figure, image=b"")
        return [_Piece(metadata, figure=words, picture=picture)]

    def _table_pieces(self, table: Table, path: list[tuple[int, str]]) -> Iterator[_Piece]:
        metadata = _metadata("table", path, table.page, table.bbox)
        above = [one_line(line) for line in (table.caption, table.unit) if line]
        if table.cells:
            metadata["cells"] = table.cells
        if table.caption:
            metadata["caption"] = one_line(table.caption)
        if label := label_of(table.caption):
            metadata["label"] = label
        if table.image is not None and self.limits.max_figures:
            try:
                image = table.image() if callable(table.image) else table.image
                picture = self.media.put(image)
            except (BrokenPicture, LimitExceeded) as error:
                where = f"The picture of a table{f' on page {table.page}' if table.page else ''}"
                self.skipped.append(Skipped(where, str(error)))
            else:
                metadata |= self._shown(picture)
        for chunk in split_table(table.rows):
            yield _Piece(dict(metadata), _under(path, "\n".join([*above, chunk])))

    def _shown(self, picture: Picture) -> dict[str, Any]:
        return {
            "image_url": self.media.url(picture.key),
            "image_key": picture.key,
            "width": picture.width,
            "height": picture.height,
        }

    def _check_number(self, stored: list[_Piece]) -> None:
        if len(stored) >= self.limits.max_figures:
            raise LimitExceeded(f"The limit is {self.limits.max_figures:,} figures a document.")

    def _describe(self, pieces: list[_Piece], references: References) -> None:
        """Fill in text, caption and descriptions of the figures, in one batch."""
        figures = [p for p in pieces if p.picture]
        if not figures:
            return
        keys = list(dict.fromkeys(p.picture.key for p in figures if p.picture))
        told = {p.picture.key for p in figures if p.picture and _is_told(p.figure)}
        said = {
            index: references.to(piece.figure.caption) or _nearby(pieces, index)
            for index, piece in enumerate(pieces)
            if piece.picture and piece.figure
        }
        readings = self.describer.describe(
            keys,
            lambda n_done, n: self._tell(Stage("figure", n_done, n)),
            without_ocr=told,
            contexts=self._contexts(pieces, said),
        )
        for index, piece in enumerate(pieces):
            if not piece.picture or not piece.figure:
                continue
            words = FigureWords(
                document=piece.figure.caption,
                alt=piece.figure.alt,
                text=piece.figure.text,
                chart_data=piece.figure.data,
                **{"ocr": piece.figure.ocr} | readings.get(piece.picture.key, {}),
            )
            section = piece.metadata.get("section")
            piece.text, *piece.more = fuse(
                words,
                title=self.title,
                section=section,
                references=said[index],
                spoken=piece.figure.spoken,
            )
            piece.metadata["caption"] = best_caption(words, section=section or self.title)
            piece.metadata["descriptions"] = words.present()
            if rejected := words.rejected():
                piece.metadata["rejected"] = rejected

    def _contexts(
        self, pieces: list[_Piece], said: Mapping[int, Sequence[str]]
    ) -> dict[str, FigureContext]:
        """What the document says around each picture, where it stands first.

        said: by the place of each figure among the pieces, the sentences about it.
        """
        found: dict[str, FigureContext] = {}
        for index, sentences in said.items():
            piece = pieces[index]
            if not piece.picture or not piece.figure or piece.picture.key in found:
                continue
            found[piece.picture.key] = FigureContext(
                title=self.title,
                section=piece.metadata.get("section", ""),
                caption=piece.figure.caption or "",
                alt=piece.figure.alt or "",
                text=" ".join([*sentences, piece.figure.spoken or ""]),
            )
        return found


def _refer_to_tables(pieces: list[_Piece], references: References) -> None:
    """Tell with the first piece of each table what the text says of it."""
    shown: set[tuple[str, int | None]] = set()
    for piece in pieces:
        caption, page = piece.metadata.get("caption"), piece.metadata.get("page")
        if piece.metadata["modality"] != "table" or not caption or (caption, page) in shown:
            continue
        shown.add((caption, page))
        said = [f"{REFERENCE_LABEL}{sentence}" for sentence in references.to(caption)]
        piece.text = "\n".join([piece.text, *said])


def _show_what_is_seen(pieces: list[_Piece]) -> None:
    """Give what is said in a film the picture of the scene that is shown most meanwhile."""
    scenes = [p for p in pieces if p.picture and "start" in p.metadata]
    for piece in pieces:
        if not scenes or piece.metadata["modality"] != "video" or "start" not in piece.metadata:
            continue
        shown = max(scenes, key=lambda scene: _seconds_together(scene.metadata, piece.metadata))
        if _seconds_together(shown.metadata, piece.metadata) > 0:
            piece.metadata |= {key: shown.metadata[key] for key in PICTURE_KEYS}


def _seconds_together(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    return float(min(a["end"], b["end"]) - max(a["start"], b["start"]))


def _nearby(pieces: list[_Piece], index: int) -> list[str]:
    """What the text beside a figure without words says: of pictures, or else first."""
    here = pieces[index]
    if here.figure and (here.figure.caption or here.figure.alt):
        return []
    place = "section" if here.metadata.get("page") is None else "page"
    for other in (index - 1, index + 1):
        if not 0 <= other < len(pieces):
            continue
        piece = pieces[other].metadata
        if piece["modality"] == "text" and piece.get(place) == here.metadata.get(place):
            heading = piece.get("section", "").rsplit(SECTION_SEPARATOR, 1)[-1]
            text = pieces[other].text.removeprefix(f"{heading}\n")
            return _telling(SENTENCE_END.split(text))
    return []


def _telling(sentences: list[str]) -> list[str]:
    """Whole sentences of at most about NEARBY_CHARS, those that speak of a picture first."""
    found: list[str] = []
    for sentence in sorted(sentences, key=lambda s: not SPEAKS_OF_PICTURE.search(s)):
        if found and sum(map(len, found)) + len(sentence) > NEARBY_CHARS:
            break
        found.append(sentence.strip())
    return [" ".join(found)] if found else []


class _Ids:
    """Stable content hashes, told apart where the same content stands twice."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def make(self, metadata: dict[str, Any], text: str) -> str:
        # A figure is its picture: a better description later must not change its id. What is said
        # in a film, and the data of a chart, are their words, whatever picture they show.
        content = metadata["image_key"] if metadata["modality"] == "figure" else text
        place = [metadata.get(k) for k in PLACES]
        digest = hashlib.sha256(repr((place, content)).encode()).hexdigest()[:24]
        self._seen[digest] += 1
        n = self._seen[digest]
        return digest if n == 1 else f"{digest}-{n}"


def placed_anew(documents: Sequence[Document], uri: str, title: str) -> Iterator[Document]:
    """The Documents of a file as they would be read where it lies now, in order.

    uri, title: those of that place.
    """
    ids = _Ids()
    chunk_id = ""
    for document in documents:
        metadata = document.metadata | {"source": uri, "title": title}
        if "part" in metadata:
            metadata["chunk_id"] = f"{chunk_id}.{metadata['part']}"
        else:
            chunk_id = metadata["chunk_id"] = ids.make(metadata, document.page_content)
        yield Document(page_content=document.page_content, metadata=metadata)


def _metadata(
    modality: str, path: list[tuple[int, str]], page: int | None, bbox: BBox | None
) -> dict[str, Any]:
    found = {
        "modality": modality,
        "page": page,
        "section": SECTION_SEPARATOR.join(text for _, text in path) or None,
        "bbox": [round(v, 4) for v in bbox] if bbox else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _text_pieces(paragraphs: list[Paragraph], path: list[tuple[int, str]]) -> Iterator[_Piece]:
    if not paragraphs:
        return
    whole = {n for n, paragraph in enumerate(paragraphs) if paragraph.is_whole}
    for chunk in split_text([p.text for p in paragraphs], whole):
        bbox = _around([paragraphs[k].bbox for k in chunk.paragraphs])
        metadata = _metadata("text", path, paragraphs[0].page, bbox)
        yield _Piece(metadata, _under(path, chunk.text))


def _around(boxes: list[BBox | None]) -> BBox | None:
    """The box around all of them; None if one is not known."""
    known = [box for box in boxes if box]
    if not known or len(known) < len(boxes):
        return None
    x0, y0, x1, y1 = zip(*known, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _set_sheet(pieces: list[_Piece], path: list[tuple[int, str]]) -> None:
    """Say of the pieces read last, those below the path's sheet, that they stand on it."""
    if not path or path[0][0] != SHEET_LEVEL:
        return
    for piece in reversed(pieces):
        if "sheet" in piece.metadata:
            break
        piece.metadata["sheet"] = path[0][1]


def _speech_piece(speech: Speech, path: list[tuple[int, str]]) -> _Piece:
    metadata = _metadata(speech.modality, path, None, None)
    metadata |= {"start": round(speech.start, 2), "end": round(speech.end, 2)}
    if speech.language:
        metadata["language"] = speech.language
    return _Piece(metadata, _under(path, one_line(speech.text)))


def _is_told(figure: Figure | None) -> bool:
    """Whether all text in the figure is known without OCR: lettering may be drawn too."""
    if figure is None:
        return False
    is_printed = figure.is_drawn and len(figure.text or "") >= MIN_PRINTED_CHARS
    return is_printed or figure.ocr is not None or figure.data is not None


def _words_of(figure: Figure, *, with_alt: bool) -> list[Paragraph]:
    """What a document says of a figure that is left out: it must not be lost with it."""
    texts = [figure.caption, figure.alt if with_alt else None, figure.text, figure.ocr]
    return [Paragraph(text, figure.page) for text in texts if text and text.strip()]


def _under(path: list[tuple[int, str]], text: str) -> str:
    """The text below the name of its section, which says what the text is about."""
    return f"{path[-1][1]}\n{text}" if path else text


def _same_words(piece: _Piece, figure: Figure, path: list[tuple[int, str]]) -> bool:
    """Whether a figure is told as the piece is; a chart with data belongs to its section too."""
    if piece.figure is None:
        return False
    here = _metadata("figure", path, figure.page, None)
    is_here = all(piece.metadata.get(key) == here.get(key) for key in ("page", "section"))
    told, other = ((f.caption, f.alt, f.data) for f in (piece.figure, figure))
    return told == other and (is_here or figure.data is None)


def _told(skipped: list[Skipped]) -> str:
    """What was left out, where that was all."""
    return "".join(f" {s.what}: {s.reason.rstrip('.')}." for s in skipped[:MAX_TOLD])
