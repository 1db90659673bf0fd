"""The chat page. Streamlit runs this file from its top for each visitor and each click.

Leaves out starting the server: that is `ui.launch`.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import streamlit as st

from assistant import Filter, conversation
from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.conversations import told, told_within
from assistant.errors import ASKED_WRONGLY, EXPLAINED
from assistant.events import Event
from assistant.settings import Settings, read_settings
from ui.answers import show_answer, stream_answer
from ui.conversations import keep, show_conversations, turns_to_open
from ui.documents import chosen, show_library
from ui.models import choose_model
from ui.plain_text import plain
from ui.stopping import SoFar, stoppable

ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#2f6f5e"/>
<path d="M11 6h4v16h7v4H11z" fill="#fff"/><circle cx="22" cy="11" r="4" fill="#f2c14e"/></svg>"""
WELCOME = "Ask your documents; the answer shows the figures and pages that prove it."
EMPTY = "The library is empty. Add documents on the left, or run `limner add FOLDER` in a terminal."
STOPPED = "You stopped the answer here."
STOPPED_BEFORE = "You stopped the answer before its first sentence was checked."
N_EXAMPLES = 2
MAX_EXAMPLE_CHARS = 140


@dataclass(slots=True)
class ShownTurn:
    """A question and, once there is one, its answer or what went wrong."""

    question: str
    where: Filter
    within: str
    so_far: SoFar = field(default_factory=SoFar)
    answer: Answer | None = None
    error: str | None = None
    note: str = ""


def main() -> None:
    """Show the whole page."""
    st.set_page_config("limner", ICON, layout="centered", initial_sidebar_state="expanded")
    st.title("limner")
    try:
        settings = read_settings()
        assistant = _open(str(settings.library.resolve()), settings)
        _show_page(assistant)
    except EXPLAINED as error:
        st.error(plain(str(error)))


@st.cache_resource(show_spinner="Opening the library")
def _open(library: str, _settings: Settings) -> Assistant:  # noqa: ARG001 - library is the cache's key
    return Assistant.open(_settings, create=True)


def _show_page(assistant: Assistant) -> None:
    stored = turns_to_open(assistant)
    if stored is not None:
        st.session_state.turns = [
            ShownTurn(t.question, Filter(), t.within, answer=t.answer) for t in stored
        ]
    turns: list[ShownTurn] = st.session_state.setdefault("turns", [])
    typed = st.chat_input("Ask your documents", disabled=not assistant.library.n_documents)
    asked = typed or st.session_state.pop("example", None)
    if asked:
        # Before anything that a click elsewhere might interrupt: no question gets lost.
        where = chosen()
        turns.append(ShownTurn(asked, where, told(where)))
        st.session_state.report = None
    with st.sidebar:
        conversations = st.container()
        if not turns:  # at once: examples may load a model first
            with conversations:
                show_conversations(assistant)
        show_library(assistant)
        assistant = choose_model(assistant)
    if not turns:
        _welcome(assistant)
        return
    for n, turn in enumerate(turns):
        _show_turn(turn, turns[:n], assistant)
    with conversations:  # last: with the answer that was just made
        show_conversations(assistant)


def _show_turn(turn: ShownTurn, before: Sequence[ShownTurn], assistant: Assistant) -> None:
    with st.chat_message("user", avatar=":material/person:"):
        st.text(turn.question)
    with st.chat_message("assistant", avatar=":material/menu_book:"):
        if turn.within:
            st.caption(plain(told_within(turn.within)))
        if turn.answer:
            show_answer(turn.answer, assistant)
            if turn.note:
                st.caption(turn.note)
        elif turn.error:
            st.error(plain(turn.error))
        elif turn.so_far.is_stopped:
            _show_stopped(turn, assistant)
        else:
            _answer(turn, before, assistant)


def _answer(turn: ShownTurn, before: Sequence[ShownTurn], assistant: Assistant) -> None:
    history = [conversation.Turn.of(asked.answer) for asked in before if asked.answer]

    def make(stop: threading.Event) -> Generator[Event]:
        return assistant.stream(turn.question, where=turn.where, history=history, stop=stop)

    try:
        events = stoppable(make, assistant.model, turn.so_far)
        with closing(events):
            turn.answer = stream_answer(events, assistant)
        keep(turn.answer, turn.where, assistant)
    except EXPLAINED as error:
        turn.error = str(error)
        st.error(plain(turn.error))


def _show_stopped(turn: ShownTurn, assistant: Assistant) -> None:
    """Show and store what was checked of it; from then on that is its answer."""
    turn.answer = turn.so_far.answer(turn.question)
    if turn.answer:
        turn.note = STOPPED
        keep(turn.answer, turn.where, assistant)
        show_answer(turn.answer, assistant)
    st.caption(turn.note or STOPPED_BEFORE)


def _welcome(assistant: Assistant) -> None:
    if not assistant.library.n_documents:
        st.info(EMPTY)
        return
    st.markdown(WELCOME)
    for question in _examples(assistant):
        if st.button(plain(question), icon=":material/image:"):
            st.session_state.example = question
            st.rerun()


def _examples(assistant: Assistant) -> list[str]:
    """Questions that this very library answers, each with a figure."""
    figures = Filter(modality="figure").within(chosen())
    try:
        hits = assistant.search("chart that shows results", 4 * N_EXAMPLES, where=figures)
    except ASKED_WRONGLY:  # a new one, that is empty yet
        return []
    captions = dict.fromkeys(str(hit.document.metadata["caption"]) for hit in hits)
    short = [caption for caption in captions if len(caption) <= MAX_EXAMPLE_CHARS]
    return [f"Show me the figure: {caption}" for caption in short[:N_EXAMPLES]]


main()
