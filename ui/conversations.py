"""The conversations of the sidebar: open, begin, rename, delete and download them.

The one that is open stands in the page's address, so that a reload shows it again. Leaves out
how a turn is shown, and keeping them: that is `assistant.conversations`.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import streamlit as st

from assistant import Filter
from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.conversation_export import Format, file_name, write_export
from assistant.conversations import Listed, StoredTurn
from assistant.errors import EXPLAINED, UnknownConversation
from ui.plain_text import plain

ADDRESS = "conversation"
"""The name of the id in the page's address."""
OPEN = "open_conversation"
"""The id in the session: what the turns on the page are of; "" where they are not stored."""
N_LISTED = 20
TALL_LIST = 5
LIST_HEIGHT_PX = 220


def turns_to_open(assistant: Assistant) -> tuple[StoredTurn, ...] | None:
    """The turns of the conversation in the address, if the page does not show it yet."""
    state = st.session_state
    wanted = st.query_params.get(ADDRESS, "")
    if wanted == state.get(OPEN, ""):
        return None
    state[OPEN] = wanted
    if not wanted:
        return ()
    try:
        state[OPEN] = assistant.conversations.find(wanted)
        return assistant.conversations.read(state[OPEN]).turns
    except EXPLAINED as error:
        state[OPEN] = ""
        st.query_params.pop(ADDRESS, None)
        st.error(plain(str(error)))
        return ()


def keep(answer: Answer, where: Filter, assistant: Assistant) -> None:
    """Store the answer with the open conversation, or with a new one, which is open then."""
    if not assistant.settings.keep_conversations:
        return
    try:
        if conversation := st.session_state.get(OPEN, ""):
            with suppress(UnknownConversation):  # deleted elsewhere: what comes now is a new one
                assistant.conversations.append(conversation, answer, where)
                return
        _open(assistant.conversations.begin(answer, where))
    except EXPLAINED as error:
        st.warning(plain(str(error)))


def show_conversations(assistant: Assistant) -> None:
    """List the conversations, the last changed first, with what can be done to the open one."""
    try:
        found = assistant.conversations.all()
    except EXPLAINED as error:
        st.error(plain(str(error)))
        return
    if not found:
        return
    st.header("Conversations")
    st.button("New conversation", icon=":material/add:", on_click=_close)
    with st.container(
        height=LIST_HEIGHT_PX if len(found) > TALL_LIST else "content", border=False, gap="xxsmall"
    ):
        for listed in found[:N_LISTED]:
            _show_listed(listed, assistant)
    if len(found) > N_LISTED:
        st.caption(f"… and {len(found) - N_LISTED} more: `limner conversations` lists all.")


def _show_listed(listed: Listed, assistant: Assistant) -> None:
    is_open = listed.id == st.session_state.get(OPEN, "")
    title, menu = st.columns([0.84, 0.16], vertical_alignment="center")
    with title:
        st.button(
            plain(listed.title),
            key=f"open {listed.id}",
            type="secondary" if is_open else "tertiary",
            width="stretch",
            on_click=_go_to,
            args=(listed.id,),
        )
    with menu, st.popover("", icon=":material/more_vert:", type="tertiary"):
        _show_menu(listed, assistant)


def _show_menu(listed: Listed, assistant: Assistant) -> None:
    key = f"title {listed.id}"
    with st.form(f"rename {listed.id}", border=False):
        st.text_input("Title", listed.title, key=key, max_chars=80)
        st.form_submit_button(
            "Rename",
            on_click=_explained,
            args=(lambda: _rename(listed.id, st.session_state[key], assistant),),
        )
    forms: dict[Format, str] = {"html": "Download as HTML", "markdown": "Download as Markdown"}
    for form, label in forms.items():
        st.download_button(
            label,
            _export(listed.id, form, assistant),
            file_name(listed.title, form) + (".zip" if form == "markdown" else ""),
            key=f"{form} {listed.id}",
            icon=":material/download:",
            on_click="ignore",
        )
    is_sure = st.checkbox("Delete for good", key=f"sure {listed.id}")
    st.button(
        "Delete",
        key=f"delete {listed.id}",
        icon=":material/delete:",
        disabled=not is_sure,
        on_click=_explained,
        args=(lambda: _delete(listed.id, assistant),),
    )


def _export(conversation: str, form: Format, assistant: Assistant) -> Callable[[], bytes]:
    """What a download is made by, once it is asked for: a page, or Markdown and its pictures."""

    def make() -> bytes:
        found = assistant.conversations.read(conversation)
        with tempfile.TemporaryDirectory(prefix="limner-") as folder:
            path = Path(folder, file_name(found.title, form))
            write_export(found, form, path, assistant.media)
            return path.read_bytes() if form == "html" else _zipped(Path(folder))

    return make


def _zipped(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return content.getvalue()


def _rename(conversation: str, title: str, assistant: Assistant) -> None:
    if title.strip():
        assistant.conversations.rename(conversation, title)


def _delete(conversation: str, assistant: Assistant) -> None:
    assistant.conversations.delete(conversation)
    if conversation == st.session_state.get(OPEN, ""):
        _close()


def _explained(act: Callable[[], None]) -> None:
    """Do it; an error is shown when the page is drawn."""
    try:
        act()
    except EXPLAINED as error:
        st.toast(plain(str(error)), icon=":material/error:")


def _go_to(conversation: str) -> None:
    st.query_params[ADDRESS] = conversation


def _open(conversation: str) -> None:
    """Note that the turns on the page are of this conversation."""
    st.session_state[OPEN] = conversation
    st.query_params[ADDRESS] = conversation


def _close() -> None:
    """Begin anew, with nothing on the page."""
    st.query_params.pop(ADDRESS, None)
    st.session_state[OPEN] = ""
    st.session_state.turns = []
