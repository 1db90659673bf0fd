"""The sidebar: what is in the library, adding to it and taking out of it.

Leaves out reading documents and keeping them: that is the assistant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import streamlit as st

from assistant.assistant import Assistant
from assistant.report import Progress, Report
from ui.plain_text import plain

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from assistant import LibraryDocument

N_LISTED = 100
"""More documents than this would make the page slow, and nobody reads such a list."""
TALL_LIST = 6
LIST_HEIGHT_PX = 380


def show_library(assistant: Assistant) -> str | None:
    """Show the library; return the source of the one document to ask within, if any."""
    st.header("Library")
    _take_uploads(assistant)
    documents = assistant.documents()
    if not documents:
        return None
    within = _choose_document(documents)
    st.caption(
        f"{_counted(len(documents), 'document')} in {plain(str(assistant.settings.library))}"
    )
    tall = len(documents) > TALL_LIST
    with st.container(height=LIST_HEIGHT_PX if tall else "content", border=tall):
        for document in documents[:N_LISTED]:
            _show_document(document, assistant)
        if len(documents) > N_LISTED:
            st.caption(f"… and {len(documents) - N_LISTED} more: `limner list` shows all.")
    return within


def _choose_document(documents: Sequence[LibraryDocument]) -> str | None:
    titles = {document.source: document.title for document in documents}
    chosen: str | None = st.selectbox(
        "Ask within",
        list(titles),
        index=None,
        format_func=lambda source: titles[source],
        placeholder="all documents",
        key="within",
    )
    return chosen


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
    facts = [_counted(document.n_pages, "page")] if document.n_pages else []
    facts += [_counted(document.n_figures, "figure")] if document.n_figures else []
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


def _take_uploads(assistant: Assistant) -> None:
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
        _read(files, [], assistant)
    if report := state.get("report"):
        _show_report(report)
    if locked := state.get("locked"):
        _ask_for_password(locked, assistant)


def _read(files: Sequence[UploadedFile], passwords: Sequence[str], assistant: Assistant) -> None:
    """Read uploads and show the page anew; those that wait for a password are kept at hand."""
    state = st.session_state
    state.report = _add(files, passwords, assistant)
    state.locked = list(files) if state.report.locked else []
    state.n_uploads += 1
    st.rerun()


def _ask_for_password(files: Sequence[UploadedFile], assistant: Assistant) -> None:
    with st.form("password", clear_on_submit=True):
        password = st.text_input("Password", type="password", autocomplete="off")
        if st.form_submit_button("Open") and password:
            _read(files, [password], assistant)


def _add(files: Sequence[UploadedFile], passwords: Sequence[str], assistant: Assistant) -> Report:
    bar = st.progress(0.0, "Saving")
    named = [(file.name, file.getbuffer()) for file in files]
    report = assistant.add_uploads(named, passwords=passwords, on_progress=_shown_in(bar.progress))
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
            f"Read {_counted(n_read, 'document')} with {_counted(report.figures, 'figure')}."
        )
    if report.unchanged:
        st.info(f"{_counted(report.unchanged, 'document')} already in the library.")
    for source, reason in report.failed:
        st.error(f"**Not read: {plain(_file_name(source))}**  \n{plain(reason)}")
    if report.skipped:
        with st.expander(f"Left out ({len(report.skipped)})"):
            for source, reason in report.skipped:
                st.text(f"{_file_name(source)}: {reason}")


def _counted(n: int, noun: str) -> str:
    return f"{n:,}\u00a0{noun}" if n == 1 else f"{n:,}\u00a0{noun}s"


def _file_name(source: str) -> str:
    parts = urlsplit(source)
    return Path(unquote(parts.path)).name or parts.netloc
