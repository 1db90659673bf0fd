"""Conversations kept with a library: begun, gone on with, listed, read, renamed, deleted.

They lie in a file of their own beside the library's. Leaves out how that is written
(`assistant.conversations_file`) and the JSON of an answer (`assistant.stored_answers`).
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from assistant.answer import Answer
from assistant.conversation import Turn
from assistant.conversations_file import ConversationsFile
from assistant.errors import UnknownConversation
from assistant.shown_text import one_line
from assistant.stored_answers import dump_answer, load_answer
from loaders import MediaStore
from retrievers import Filter

MAX_TITLE_CHARS = 80
MAX_NAMED = 3
"""Conversations in an error: more are for the list."""
SHORT_ID_CHARS = 8
"""Shown of an id, which may be given by any beginning that only it has."""


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A question with its answer. within: what of the library was asked, in words, or "".

    asked_at: an ISO 8601 time, in UTC.
    """

    question: str
    answer: Answer
    within: str
    asked_at: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation in a list. changed_at: an ISO 8601 time, in UTC."""

    id: str
    title: str
    changed_at: str
    n_turns: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the entry."""
        return {
            "id": self.id,
            "title": self.title,
            "changed_at": self.changed_at,
            "turns": self.n_turns,
        }


@dataclass(frozen=True, slots=True)
class Conversation:
    """All of a conversation, oldest turn first."""

    id: str
    title: str
    turns: tuple[StoredTurn, ...]

    @property
    def history(self) -> tuple[Turn, ...]:
        """What the next question is understood by."""
        return tuple(Turn.of(turn.answer) for turn in self.turns)


class Conversations:
    """The conversations of one library. Safe for threads and for other processes.

    Every method raises a ConversationsUnusable where the file cannot be used.
    """

    def __init__(self, folder: Path, media: MediaStore) -> None:
        """folder: of the library. media: where the pictures of the answers lie."""
        self._file = ConversationsFile(folder)
        self._media = media

    def begin(self, answer: Answer, where: Filter) -> str:
        """Store a first answer; gives the id of its new conversation."""
        conversation = uuid.uuid4().hex
        with self._file.writing() as connection:
            connection.execute(
                "INSERT INTO conversations VALUES (?, ?, ?)",
                (conversation, short_title(answer.question), _now()),
            )
            _append(connection, conversation, answer, where)
        return conversation

    def append(self, conversation: str, answer: Answer, where: Filter) -> None:
        """Store a further answer. Raises UnknownConversation, as where it was deleted meanwhile."""
        with self._file.writing() as connection:
            changed = connection.execute(
                "UPDATE conversations SET changed_at = ? WHERE id = ?", (_now(), conversation)
            )
            if not changed.rowcount:
                raise _unknown(conversation)
            _append(connection, conversation, answer, where)

    def all(self) -> list[Listed]:
        """Every conversation, the last changed first."""
        with self._file.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                "SELECT id, title, changed_at, "
                "(SELECT count(*) FROM turns WHERE turns.conversation = conversations.id) "
                "FROM conversations ORDER BY changed_at DESC, id"
            )
            return [Listed(*row) for row in rows]

    def read(self, conversation: str) -> Conversation:
        """One conversation. Raises UnknownConversation."""
        with self._file.reading() as connection:
            if connection is None:
                raise _unknown(conversation)
            found = connection.execute(
                "SELECT title FROM conversations WHERE id = ?", (conversation,)
            ).fetchone()
            if found is None:
                raise _unknown(conversation)
            rows = connection.execute(
                "SELECT question, answer, within, asked_at FROM turns WHERE conversation = ? "
                "ORDER BY id",
                (conversation,),
            ).fetchall()
        try:
            turns = [StoredTurn(q, load_answer(a, self._media), w, at) for q, a, w, at in rows]
        except ValueError as error:
            raise self._file.damaged(
                f"conversation {conversation[:SHORT_ID_CHARS]} holds {error}; the others are not "
                "affected"
            ) from error
        return Conversation(conversation, str(found[0]), tuple(turns))

    def rename(self, conversation: str, title: str) -> None:
        """Give it another title, shortened where it is long. Raises UnknownConversation."""
        self._change(
            "UPDATE conversations SET title = ? WHERE id = ?", short_title(title), conversation
        )

    def delete(self, conversation: str) -> None:
        """Delete it for good: its words are overwritten. Raises UnknownConversation."""
        self._change("DELETE FROM conversations WHERE id = ?", conversation)

    def find(self, beginning: str) -> str:
        """The id that begins so. Raises UnknownConversation where none or several do."""
        found = [one for one in self.all() if one.id.startswith(beginning.lower())]
        if len(found) != 1 or not beginning:
            raise _unknown(beginning, found)
        return found[0].id

    def _change(self, statement: str, *values: str) -> None:
        with self._file.writing() as connection:
            if not connection.execute(statement, values).rowcount:
                raise _unknown(values[-1])


def short_title(text: str) -> str:
    """The text on one line, as long as a title may be; never empty."""
    line = " ".join(one_line(text).split())
    if len(line) > MAX_TITLE_CHARS:
        line = line[: MAX_TITLE_CHARS - 2].rsplit(" ", 1)[0] + " …"
    return line or "Untitled"


def told_within(within: str) -> str:
    """What of the library was asked, as a note beside an answer."""
    return f"Asked within: {within}"


def told(where: Filter) -> str:
    """What the filter chooses, in words; "" where it chooses all."""
    if where.chooses_all:
        return ""
    named = {
        "document": where.source and _document_name(where.source),
        "collection": where.collection,
        "kind": where.modality,
        "since": where.since,
        "until": where.until,
    }
    parts = [f"{name} {value}" for name, value in named.items() if value]
    parts += [f"{key} {value}" for key, value in where.metadata.items()]
    if where.bounds is not None and (bounds := told(where.bounds)):
        parts.append(bounds)
    return ", ".join(parts)


def _document_name(source: str) -> str:
    """The file name in a URI; a glob as it was typed."""
    return unquote(source.rstrip("/").rpartition("/")[2]) if "://" in source else source


def _append(
    connection: sqlite3.Connection, conversation: str, answer: Answer, where: Filter
) -> None:
    question, within = (_encodable(text) for text in (answer.question, told(where)))
    connection.execute(
        "INSERT INTO turns (conversation, question, within, answer, asked_at) "
        "VALUES (?, ?, ?, ?, ?)",
        (conversation, question, within, dump_answer(answer), _now()),
    )


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _unknown(given: str, meant: Sequence[Listed] = ()) -> UnknownConversation:
    """meant: the conversations that it could be."""
    listing = "`limner conversations` lists them with their ids."
    if not given:
        return UnknownConversation(f"The id {given!r} is empty, and names none. {listing}")
    if not meant:
        return UnknownConversation(f"There is no conversation {given!r}. {listing}")
    n_chars = _n_telling_chars([one.id for one in meant])
    named = ", ".join(f"{one.id[:n_chars]} (“{one.title}”)" for one in meant[:MAX_NAMED])
    more = f" and {len(meant) - MAX_NAMED} more" if len(meant) > MAX_NAMED else ""
    return UnknownConversation(
        f"{len(meant)} conversations have ids that begin with {given!r}: {named}{more}. Give more "
        f"of the id. {listing}"
    )


def _n_telling_chars(ids: Sequence[str]) -> int:
    """So many characters at the beginning tell all of them apart."""
    n = SHORT_ID_CHARS
    while len({one[:n] for one in ids}) < len(ids):
        n += 1
    return n
