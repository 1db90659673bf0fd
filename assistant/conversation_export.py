"""A conversation, or one answer of it, as Markdown or HTML with its figures.

HTML is one file that holds its pictures, scaled down where they are large; Markdown has a folder
of them beside it. Leaves out the forms of one answer: `assistant.markdown`, `assistant.html`.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from html import escape
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from assistant.answer import Source
from assistant.conversations import Conversation, StoredTurn, told_within
from assistant.html import answer_html, html_page
from assistant.markdown import answer_markdown, as_markdown
from assistant.shown_text import one_line
from assistant.stored_answers import is_stored
from loaders import LoaderError, MediaStore
from retrievers import ExportRefused

Format = Literal["markdown", "html"]
SUFFIXES: dict[Format, str] = {"markdown": ".md", "html": ".html"}
MAX_SIDE = 1280
"""Pixels: a picture within HTML is no larger."""
MAX_NAME_CHARS = 60


def export_html(conversation: Conversation, media: MediaStore) -> str:
    """A page with all turns, its pictures within it."""

    @cache
    def within(key: str) -> str:
        return _data_url(media, key)

    def url(source: Source) -> str:
        return within(str(source.document.metadata.get("image_key", "")))

    title = conversation.title
    fragments = [f"<h1>{escape(one_line(title))}</h1>"]
    for n, turn in enumerate(conversation.turns, start=1):
        fragments += [f"<h2>{escape(one_line(turn.question))}</h2>"]
        if turn.within:
            fragments.append(f"<p><em>{escape(one_line(told_within(turn.within)))}</em></p>")
        fragments.append(answer_html(turn.answer, url, anchor=f"answer-{n}-source"))
    return html_page(title, fragments)


def export_markdown(conversation: Conversation, pictures: str, media: MediaStore) -> str:
    """All turns as Markdown. pictures: the relative URL of the folder with them."""

    def url(source: Source) -> str:
        key = str(source.document.metadata.get("image_key", ""))
        return f"{pictures}/{key}" if is_stored(key, media) else ""

    blocks = [f"# {as_markdown(conversation.title)}"]
    for turn in conversation.turns:
        blocks.append(f"## {as_markdown(turn.question)}")
        if turn.within:
            blocks.append(f"*{as_markdown(told_within(turn.within))}*")
        blocks.append(answer_markdown(turn.answer, url))
    return "\n\n".join(blocks) + "\n"


def file_name(title: str, form: Format) -> str:
    """A plain name for a file of this title."""
    plain = re.sub(r"[^\w-]+", "-", one_line(title)).strip("-")[:MAX_NAME_CHARS].strip("-")
    return f"{plain or 'conversation'}{SUFFIXES[form]}"


def write_export(
    conversation: Conversation, form: Format, path: Path, media: MediaStore
) -> list[Path]:
    """Write it to a new file, and of Markdown the pictures to a new folder beside it.

    Gives what was written. Raises ExportRefused.
    """
    folder = path.with_name(f"{path.stem}_files")
    for taken in [path, *([folder] if form == "markdown" else [])]:
        if taken.exists() or taken.is_symlink():
            raise ExportRefused(
                f"{taken} is there already. Name another file: an export never overwrites."
            )
    try:
        if form == "html":
            _write(path, export_html(conversation, media))
            return [path]
        return _write_markdown(conversation, path, folder, media)
    except OSError as error:
        raise ExportRefused(
            f"{path} cannot be written ({error}). Name a file on a disk with space that you may "
            "write to."
        ) from error


def _write_markdown(
    conversation: Conversation, path: Path, folder: Path, media: MediaStore
) -> list[Path]:
    """Write the pictures, then the text that shows them; neither without the other."""
    keys = [key for key in _keys(conversation.turns) if is_stored(key, media)]
    text = export_markdown(conversation, quote(folder.name, errors="replace"), media)
    if not keys:
        _write(path, text)
        return [path]
    folder.mkdir(parents=True)
    try:
        for key in keys:
            shutil.copyfile(media.path(key), folder / key)
        _write(path, text)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return [path, folder]


def _keys(turns: Sequence[StoredTurn]) -> list[str]:
    """The pictures that the answers show, each once."""
    shown = [figure for turn in turns for figure in turn.answer.figures if figure.has_picture]
    return list(dict.fromkeys(str(figure.document.metadata["image_key"]) for figure in shown))


def _write(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        unfinished.write_text(text, "utf-8", errors="replace")
        unfinished.rename(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _data_url(media: MediaStore, key: str) -> str:
    """The picture in a URL; "" where it is not there or cannot be read."""
    if not is_stored(key, media):
        return ""
    content = io.BytesIO()
    kind = "jpeg" if key.endswith(".jpg") else "png"
    try:
        media.open(key, max_side=MAX_SIDE).save(content, kind)
    except (LoaderError, OSError):
        return ""
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
