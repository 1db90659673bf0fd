"""An answer that a person can stop: made in a thread, while the page looks for clicks.

Streamlit ends a run of the page only where the page draws something. So the page draws while it
waits, and however it ends, the model stops. Leaves out what is drawn of the answer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field

import streamlit as st

from assistant.answer import Answer
from assistant.answering import stopped_answer
from assistant.events import AnswerFinished, Event, SourcesFound, TextAdded
from assistant.llm import LanguageModel

TICK_S = 0.2
PATIENCE_S = 2.0
"""After so long a silence the page says what is waited for, and looks again what that is."""


@dataclass(slots=True)
class SoFar:
    """What has come of an answer."""

    events: list[Event] = field(default_factory=list)
    model: str = ""
    is_stopped: bool = False

    def stop(self) -> None:
        self.is_stopped = True

    def answer(self, question: str) -> Answer | None:
        """What was checked before the stop; None where nothing was."""
        return stopped_answer(question, self.events, self.model)


def stoppable(
    make: Callable[[threading.Event], Generator[Event]], model: LanguageModel, so_far: SoFar
) -> Generator[Event]:
    """The events, with a button that stops them. make: begins them, and heeds the event."""
    # Here and now: what is drawn with the first event stands within what replaces the page's parts.
    note, button = st.empty(), st.empty()
    button.button("Stop", key="stop", icon=":material/stop_circle:", on_click=so_far.stop)
    so_far.events, so_far.model = [], model.name
    return _noted(make, model, so_far, note, button)


def _noted(
    make: Callable[[threading.Event], Generator[Event]],
    model: LanguageModel,
    so_far: SoFar,
    note: st.delta_generator.DeltaGenerator,
    button: st.delta_generator.DeltaGenerator,
) -> Generator[Event]:
    stop, is_loading = threading.Event(), threading.Event()

    def draw(waited: float) -> None:
        doing = "Loading the model" if is_loading.is_set() else "Waiting for the model"
        _tell(note, doing, waited if is_asked else 0.0)

    is_asked = False
    look = threading.Thread(target=_look, args=(model, is_loading, stop), daemon=True)
    look.start()
    waiting = _drawn_while_waiting(make, stop, draw)
    with closing(waiting) as events:
        for event in events:
            so_far.events.append(event)
            match event:
                case SourcesFound():
                    is_asked = True
                case TextAdded():
                    note.empty()
                case AnswerFinished():
                    button.empty()
                    note.empty()
            yield event


def _drawn_while_waiting(
    make: Callable[[threading.Event], Generator[Event]],
    stop: threading.Event,
    draw: Callable[[float], None],
) -> Generator[Event]:
    made: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()

    def work() -> None:
        try:
            for event in make(stop):
                made.put(event)
        except Exception as error:  # noqa: BLE001 - it is raised again on the page
            made.put(error)
        finally:
            made.put(None)

    threading.Thread(target=work, name="limner-answer", daemon=True).start()
    heard_at = time.monotonic()
    try:
        while True:
            try:
                event = made.get(timeout=TICK_S)
            except queue.Empty:
                draw(time.monotonic() - heard_at)
                continue
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            heard_at = time.monotonic()
            yield event
    finally:
        stop.set()


def _look(model: LanguageModel, is_loading: threading.Event, stop: threading.Event) -> None:
    """Keep up with whether the model is loading, until it is loaded or the answer ends.

    In a thread: its server may take seconds to say so, and the page waits for clicks.
    """
    while not stop.wait(PATIENCE_S):
        if model.is_loaded():
            is_loading.clear()
            return
        is_loading.set()


def _tell(note: st.delta_generator.DeltaGenerator, doing: str, waited: float) -> None:
    """Draw, also where there is nothing to tell: only so does a click come through."""
    if waited < PATIENCE_S:
        note.empty()
    else:
        note.caption(f"{doing} … {waited:.0f} s")
