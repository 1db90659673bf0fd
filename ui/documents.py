"""The sidebar: what is in the library, adding to it and taking out of it.

Leaves out reading documents and keeping them: that is the assistant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import streamlit as st

from assistant import Filter
from assistant.assistant import Assistant
from assistant.counting import number_of
from assistant.errors import ASKED_WRONGLY
from assistant.report import Progress, Report
from ui.plain_text import plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from assistant import LibraryDocument

N_LISTED = 100
"""More documents than this would make the page slow, and nobody reads such a list."""
TALL_LIST = 6
LIST_HEIGHT_PX = 380


def chosen() -> Filter:
    """What is to be asked, by the choices of the sidebar."""
    state = st.session_state
    return Filter(source=state.get("within"), collection=state.get("collection"))


def show_library(assistant: Assistant) -> None:
    """Show the library, and let a collection or a document of it be chosen to ask within."""
    st.header("Library")
    collection = _choose_collection(assistant)
    _take_uploads([collection] if collection else [], assistant)
    try:
        documents = assistant.documents(collection)
    except ASKED_WRONGLY:
        st.caption(f"{plain(collection or '')} is new: documents that you add now are put into it.")
        return
    if not documents:
        return
    _choose_document(documents, "all of them" if collection else "all documents")
    place = collection or str(assistant.settings.library)
    st.caption(f"{number_of(len(documents), 'document')} in {plain(place)}")
    tall = len(documents) > TALL_LIST
    with st.container(height=LIST_HEIGHT_PX if tall else "content", border=tall):
        for document in documents[:N_LISTED]:
            _show_document(document, assistant)
        if len(documents) > N_LISTED:
            st.caption(f"… and {len(documents) - N_LISTED} more: `limner list` shows all.")


def _choose_collection(assistant: Assistant) -> str | None:
    name: str | None = st.selectbox(
        "Collection",
        list(assistant.library.collections()),
        index=None,
        placeholder="all documents",
        accept_new_options=True,
        key="collection",
        help="Questions are asked within it, and documents that you add are put into it. "
        "Type a name to begin a new one.",
    )
    try:
        Filter(collection=name).check()
    except ASKED_WRONGLY as error:
        st.error(plain(str(error)))
        return None
    return name


def _choose_document(documents: Sequence[LibraryDocument], all_of_them: str) -> None:
    titles = {document.source: document.title for document in documents}
    st.selectbox(
        "Ask within",
        list(titles),
        index=None,
        format_func=lambda source: titles[source],
        placeholder=all_of_them,
        key="within",
    )


def _show_document(document: LibraryDocument, assistant: Assistant) -> None:
    words, button = st.columns([0.86, 0.14], vertical_alignment="center", gap="small")
    with words:
        facts = " · ".join(_facts(document))
        st.markdown(f":small[{plain(document.title)}  \n:gray[{facts}]]")
    with button:
        st.button(
            "",
            icon=":material/delete:",
            type="tertiary",
            help=f"Remove {plain(document.title)}",
            key=f"delete {document.source}",
            on_click=lambda: st.session_state.update(removing=document.source),
        )
    if st.session_state.get("removing") == document.source:
        _confirm_removal(document.source, assistant)


def _facts(document: LibraryDocument) -> list[str]:
    facts = [number_of(document.n_pages, "page")] if document.n_pages else []
    facts += [number_of(document.n_figures, "figure")] if document.n_figures else []
    if document.collections:
        facts.append(f"in {plain(', '.join(document.collections))}")
    name = _file_name(document.source)
    return facts if name == document.title else [plain(name), *facts]


def _confirm_removal(source: str, assistant: Assistant) -> None:
    with st.container(border=True):
        st.caption("Delete its text and figures from the library? Your own file stays.")
        keep, remove = st.columns(2)
        if keep.button("Keep", width="stretch"):
            st.session_state.removing = None
            st.rerun()
        if remove.button("Remove", type="primary", width="stretch"):
            st.session_state.removing = None
            assistant.remove(source)
            st.rerun()


def _take_uploads(collections: Sequence[str], assistant: Assistant) -> None:
    state = st.session_state
    state.setdefault("n_uploads", 0)
    files = st.file_uploader(
        "Add documents",
        accept_multiple_files=True,
        # A new key empties the box once its files are in the library.
        key=f"uploads {state.n_uploads}",
        help="PDF, Word, PowerPoint, HTML, Markdown, plain text and pictures.",
    )
    if files:
        _read(files, [], collections, assistant)
    if report := state.get("report"):
        _show_report(report)
    if locked := state.get("locked"):
        _ask_for_password(locked, collections, assistant)


def _read(
    files: Sequence[UploadedFile],
    passwords: Sequence[str],
    collections: Sequence[str],
    assistant: Assistant,
) -> None:
    """Read uploads and show the page anew; those that wait for a password are kept at hand."""
    state = st.session_state
    state.report = _add(files, passwords, collections, assistant)
    state.locked = list(files) if state.report.locked else []
    state.n_uploads += 1
    st.rerun()


def _ask_for_password(
    files: Sequence[UploadedFile], collections: Sequence[str], assistant: Assistant
) -> None:
    with st.form("password", clear_on_submit=True):
        password = st.text_input("Password", type="password", autocomplete="off")
        if st.form_submit_button("Open") and password:
            _read(files, [password], collections, assistant)


def _add(
    files: Sequence[UploadedFile],
    passwords: Sequence[str],
    collections: Sequence[str],
    assistant: Assistant,
) -> Report:
    bar = st.progress(0.0, "Saving")
    named = [(file.name, file.getbuffer()) for file in files]
    report = assistant.add_uploads(
        named,
        passwords=passwords,
        on_progress=_shown_in(bar.progress),
        collections=collections,
    )
    bar.empty()
    return report


def _shown_in(show: Callable[[float, str], object]) -> Callable[[Progress], None]:
    def step(progress: Progress) -> None:
        stage = progress.stage
        text = f"Reading {plain(_file_name(progress.source))}"
        if stage:
            text += f": {stage.what} {stage.n_done}" + (f" of {stage.n}" if stage.n else "")
        show(progress.share, text)

    return step


def _show_report(report: Report) -> None:
    """What was read, and with its reason each thing that was not."""
    n_read = report.added + report.updated
    if n_read:
        st.success(
            f"Read {number_of(n_read, 'document')} with {number_of(report.figures, 'figure')}."
        )
    if report.unchanged:
        st.info(f"{number_of(report.unchanged, 'document')} already in the library.")
    for source, reason in report.failed:
        st.error(f"**Not read: {plain(_file_name(source))}**  \n{plain(reason)}")
    if report.skipped:
        with st.expander(f"Left out ({len(report.skipped)})"):
            for source, reason in report.skipped:
                st.text(f"{_file_name(source)}: {reason}")


def _file_name(source: str) -> str:
    parts = urlsplit(source)
    return Path(unquote(parts.path)).name or parts.netloc
