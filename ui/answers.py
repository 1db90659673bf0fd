"""Shows an answer: sentence by sentence while it is written, each figure after its sentence.

Whatever comes from a document or a model goes through `st.text` or `plain`, and pictures
come from the media store by their key: nothing in them can act. Leaves out asking.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import chain, groupby
from typing import Literal

import streamlit as st

from assistant.answer import GONE_PICTURE, UNDERSTOOD, UNSUPPORTED, Answer, Sentence, Source
from assistant.assistant import Assistant
from assistant.events import (
    AnswerFinished,
    Event,
    FigureShown,
    SentenceChecked,
    SourcesFound,
    TextAdded,
)
from ui.plain_text import plain

FIGURE_BOX = (640, 560)
"""Largest width and height of a figure in the answer; among the sources it is half of it."""
WRITING = " ▍"
DOUBTFUL = f":orange-badge[:material/help: {UNSUPPORTED.strip('[]')}]"
PIPE = r"\|"
TABLE_LINE = re.compile(r"\|.*\|")
CELL_END = re.compile(r"(?<!\\)\|")
RULE_CELL = re.compile(r"\s*:?-+:?\s*")


def stream_answer(events: Iterator[Event], assistant: Assistant) -> Answer:
    """Show the answer while it is made, then as it stands after all checks."""
    place = st.empty()
    with place.container():
        with st.spinner("Looking through your documents"):
            found = next(events)
        writing = _Writing(assistant)
        for event in chain([found], events):
            match event:
                case SourcesFound():
                    writing.add_text("")
                case TextAdded(text, lead):
                    writing.add_text(lead + text)
                case SentenceChecked(sentence):
                    writing.add_sentence(sentence)
                case FigureShown(figure):
                    writing.add_figure(figure)
                case AnswerFinished(answer):
                    finished = answer
    with place.container():
        show_answer(finished, assistant)
    return finished


def show_answer(answer: Answer, assistant: Assistant) -> None:
    """Show a finished answer and, folded away, what it rests on."""
    if answer.searched_as:
        st.caption(plain(f"{UNDERSTOOD} {answer.searched_as}"))
    if not answer.grounded:
        st.text(answer.text)
        _show_sources("Nearest passages", answer.nearest, assistant)
        return
    writing = _Writing(assistant)
    for sentence in answer.sentences:
        writing.add_sentence(sentence)
        for n in sentence.figures:
            writing.add_figure(answer.source(n))
    cited = tuple(source for source in answer.sources if source.cited)
    _show_sources(f"Sources ({len(cited)})", cited, assistant)


class _Writing:
    """An answer as it grows on the page: paragraphs of text, and figures between them."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._line = st.empty()
        self._checked = ""
        self._unchecked = ""

    def add_text(self, text: str) -> None:
        """Words of a sentence that is not complete yet."""
        self._unchecked += text
        self._line.text(f"{self._checked}{self._unchecked}".strip() + WRITING)

    def add_sentence(self, sentence: Sentence) -> None:
        """A checked sentence in place of its words, with what belongs right after it."""
        self._unchecked = ""
        marked = sentence.text if sentence.is_doubtful else sentence.marked
        self._checked = f"{self._checked}{sentence.lead}{marked}".strip()
        self._line.text(self._checked)
        if sentence.is_doubtful:
            st.markdown(DOUBTFUL)
            self._open_line()

    def add_figure(self, figure: Source) -> None:
        """A figure after the sentence that earned it."""
        show_figure(figure, self._assistant)
        self._open_line()

    def _open_line(self) -> None:
        self._line, self._checked = st.empty(), ""


def show_figure(source: Source, assistant: Assistant) -> None:
    """Show the figure with its caption and where it stands."""
    with st.container(gap="xsmall"):
        _show_picture(source, assistant, FIGURE_BOX)
        st.caption(f"{plain(source.caption)}  \n**{plain(source.place)}**")


def _show_picture(source: Source, assistant: Assistant, box: tuple[int, int]) -> None:
    """Show the picture within a box of pixels, never larger than it is."""
    metadata = source.document.metadata
    scale = min(1.0, box[0] / metadata["width"], box[1] / metadata["height"])
    try:
        picture = _picture(assistant, metadata["image_key"])
    except OSError:
        st.caption(GONE_PICTURE)
        return
    with st.container(width=max(1, round(metadata["width"] * scale))):
        st.image(picture, output_format=_format(metadata["image_key"]))


@st.cache_data(max_entries=100, show_spinner=False)
def _picture(_assistant: Assistant, key: str) -> bytes:
    """The picture upright and on white, with pixels enough for a sharp screen."""
    picture = _assistant.media.open(key)
    picture.thumbnail((2 * FIGURE_BOX[0], 2 * FIGURE_BOX[1]))
    content = io.BytesIO()
    picture.save(content, _format(key))
    return content.getvalue()


def _format(key: str) -> Literal["JPEG", "PNG"]:
    return "JPEG" if key.endswith(".jpg") else "PNG"


def _show_sources(title: str, sources: tuple[Source, ...], assistant: Assistant) -> None:
    if not sources:
        return
    with st.expander(title), st.container(gap="large"):
        for source in sources:
            with st.container(gap="small"):
                _show_source(source, assistant)


def _show_source(source: Source, assistant: Assistant) -> None:
    metadata = source.document.metadata
    section = f"{plain(metadata['section'])} · " if "section" in metadata else ""
    st.markdown(
        f"**\\[{source.n}\\] {plain(source.place)}**  \n"
        f":small[:gray[{section}similarity {source.score:.2f}]]"
    )
    if source.has_picture:
        _show_picture(source, assistant, (FIGURE_BOX[0] // 2, FIGURE_BOX[1] // 2))
    _show_text(source.document.page_content)


def _show_text(text: str) -> None:
    """Text as it stands, and tables in it as tables."""
    for is_table, lines in groupby(text.splitlines(), key=is_table_line):
        if is_table:
            st.markdown("\n".join(_escaped_row(line) for line in lines))
        elif block := "\n".join(lines).strip():
            st.text(block)


def is_table_line(line: str) -> bool:
    """Whether the line is a row of a Markdown table."""
    return bool(TABLE_LINE.fullmatch(line.strip()))


def _escaped_row(line: str) -> str:
    cells = CELL_END.split(line.strip()[1:-1])
    return f"|{'|'.join(c if RULE_CELL.fullmatch(c) else _escaped_cell(c) for c in cells)}|"


def _escaped_cell(cell: str) -> str:
    return f" {plain(cell.replace(PIPE, '|'))} "
