"""Search by words: tantivy's BM25 over what the database holds, kept in step with it.

The index is only a copy that makes searching fast: whenever it is missing, damaged or does not
belong to the database, it is made anew. Leaves out its files: `retrievers.lexical_files`; and
languages written without spaces: a run of Chinese or Japanese is one word, so there the vectors
must do.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sqlite3
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from retrievers import database
from retrievers.database import Database
from retrievers.lexical_files import (
    SECONDS_BETWEEN_TRIES,
    LexicalFiles,
    Seen,
    Terms,
    Writing,
    analyzer,
    any_of,
    can_be_written,
    composed,
    from_to,
    made_anew,
    private_view,
    with_ids,
    within,
)
from retrievers.vectors import (
    ROWS_AT_ONCE,
    Ids,
    among_ranges,
    ids_of,
    knows,
    last_given,
    removed_ranges,
)

MAX_TERMS = 64
"""A pasted page is a query too; its first words must do."""
MAX_IDS_IN_QUERY = 1_000
"""Of a filter; asking for more hits and choosing among them is faster beyond."""
DEEPER = 8
FOLLOW_AFTER_S = 0.5
"""In a long run of changes, between two times that the index is brought up to them."""
BEHIND_S = 1.0
"""After a change, how long others leave the index to the process that made it."""
WAIT_S = 10.0
"""How long the process that made a change waits for another that writes the index."""
SMALL_SEGMENT = 4_096
"""Documents that are written anew in a fifth of a second."""
MAX_TAKEN_OUT = 0.25
"""Of a larger segment: so each chunk is written anew a few times at most."""

WORD = re.compile(r"[^\W_]+(?:(?:-|(?<=\d)[.,:/](?=\d))[^\W_]+)*")
STOPWORDS = frozenset(
    """a about after all also am an and any are as at be because been before being between both
    but by can could d did do does doing done for from had has have having he her here him his how
    i if in into is it its just ll m may me might more most my no nor not of off on one only or
    other our out over own re s same shall she should so some such t than that the their them then
    there these they this those through to too under until up us ve very was we were what when
    where which while who whom whose why will with would you your""".split()  # noqa: SIM905 - a list of 120 strings would be 120 lines
)

logger = logging.getLogger(__name__)


def terms(query: str) -> Terms:
    """What a query asks for, as the index holds it.

    Words that say nothing are left out unless there are no others. What is written as one,
    such as 1,250.5 or GPT-4, is searched as one.
    """
    text = composed(query)
    # Marks belong to the word that they stand in; to a regular expression they are no letters.
    letters = "".join("a" if unicodedata.category(c)[0] == "M" else c for c in text)
    words = dict.fromkeys(text[match.start() : match.end()] for match in WORD.finditer(letters))
    telling = [word for word in words if word.lower() not in STOPWORDS] or words
    found = dict.fromkeys(tuple(analyzer().analyze(word)) for word in telling)
    return [term for term in found if term][:MAX_TERMS]


class LexicalIndex:
    """Chunks by their words and their titles'. Safe for threads and processes."""

    def __init__(self, folder: Path, library: Database) -> None:
        self._folder = folder
        self._library = library
        self._files: LexicalFiles | None = None
        self._view: tempfile.TemporaryDirectory[str] | None = None
        self._opening = threading.Lock()
        self._following = threading.Lock()
        self._changed = self._taken_in = object()
        """Stand for the last change that this process has made, and for the last in the index."""
        self._followed_at = -math.inf

    def best(
        self, connection: sqlite3.Connection, query: str, n: int, among: Ids | None = None
    ) -> list[int]:
        """The ids of at most n chunks that share words with the query, best BM25 first.

        among: search only these, which grow.
        """
        wanted = terms(query)
        if not wanted or (among is not None and not len(among)):
            return []
        try:
            return self._best(connection, wanted, n, among)
        except (OSError, ValueError) as error:
            # Its folder was put aside by another process, or damaged since it was opened.
            logger.info("The lexical index is opened again: %s", error)
            self._files = None
        try:
            return self._best(connection, wanted, n, among)
        except (OSError, ValueError) as error:
            logger.warning("The lexical index cannot be used: %s", error)
            return []

    def follow_soon(self) -> None:
        """Bring the index up to what was just written: now, or with the next search or change.

        Each time takes a tenth of a second, most of it for the disk. A failure is logged.
        """
        self._changed = object()
        if time.monotonic() - self._followed_at >= FOLLOW_AFTER_S:
            self.flush()

    def flush(self) -> None:
        """Bring the index up to what this process has written. A failure is logged.

        Waits for another process that writes the index.
        """
        end = time.monotonic() + WAIT_S
        while self._is_behind and not self._follow() and time.monotonic() < end:
            time.sleep(SECONDS_BETWEEN_TRIES)

    @property
    def _is_behind(self) -> bool:
        return self._taken_in is not self._changed

    def _follow(self, patience_s: float = -1) -> bool:
        """Do that unless another process is writing; gives whether it is of no use to wait.

        patience_s: for another thread that does it; no end when -1.
        """
        if not self._following.acquire(timeout=patience_s):
            return False
        changed, is_done = self._changed, False  # before the state is seen that is taken in
        try:
            with self._library.reading() as connection:
                is_done = self._catch_up(self._opened(), connection, wait_s=0)
        except (OSError, ValueError) as error:
            logger.warning("The lexical index could not be written: %s", error)
            self._files = None
            return True
        finally:
            if is_done:
                self._taken_in = changed
            self._followed_at = time.monotonic()
            self._following.release()
        return is_done

    def rebuild(self, connection: sqlite3.Connection) -> None:
        """Make the index anew. Raises OSError or ValueError if it cannot be written."""
        with self._following:
            self._catch_up(self._opened(), connection, WAIT_S, anew=True)

    def check(self, connection: sqlite3.Connection) -> str | None:
        """How the chunks that can be found differ from those that there are.

        None where they do not, and where the index is not yet of the state that is seen.
        """
        seen = self._in_step(connection)
        if seen is None or seen.generation != database.generation(connection):
            return None
        held = seen.ids()
        rows = connection.execute("SELECT id FROM chunks ORDER BY id")
        n = n_held = 0
        while len(block := ids_of(rows.fetchmany(ROWS_AT_ONCE))):
            n += len(block)
            n_held += len(_both(block, held))
        if n_held < n:
            return f"it lacks {n - n_held} chunks that the library has"
        surplus = len(held) - n_held
        return f"it holds {surplus} chunks that the library does not have" if surplus else None

    def close(self) -> None:
        """Delete the private copy that stands in for a folder which cannot be written."""
        self._files = None
        if self._view is not None:
            self._view.cleanup()
            self._view = None

    def _best(
        self, connection: sqlite3.Connection, wanted: Terms, n: int, among: Ids | None
    ) -> list[int]:
        seen = self._in_step(connection)
        if seen is None:
            return []
        query, depth = any_of(wanted), n
        if among is not None and len(among) <= MAX_IDS_IN_QUERY:
            query, among = within(query, with_ids(among)), None
        elif among is not None:
            query = within(query, from_to(int(among[0]), int(among[-1])))
            depth = 2 * n * int(among[-1] - among[0] + 1) // len(among)
        while True:
            ids = seen.best(query, depth)
            found = ids if among is None else _both(ids, among)
            if seen.generation != database.generation(connection):
                found = _there(connection, found)
            if len(found) >= n or len(ids) < depth:
                return [int(number) for number in found[:n]]
            depth *= DEEPER

    # Keeping in step

    def _in_step(self, connection: sqlite3.Connection) -> Seen | None:
        """The index in the state that the connection sees, or about; None if there is none.

        Waits for no other process. One that is behind is caught up here only when whoever made
        the change has not done it.
        """
        newest = database.generation(connection)
        if not newest:
            return None
        if self._is_behind:
            self._follow(patience_s=BEHIND_S)
        files = self._opened()
        if files.seen.generation == newest:
            return files.seen
        seen = files.look()
        is_behind = seen.generation < newest and _is_overdue(connection, seen.generation)
        if (is_behind or not self._is_ours(connection, seen)) and self._following.acquire(
            blocking=False
        ):
            try:
                self._catch_up(files, connection, wait_s=0)
            except (OSError, ValueError) as error:
                logger.warning("The lexical index could not be written: %s", error)
            finally:
                self._following.release()
            seen = files.look()
        return seen if self._is_ours(connection, seen) else None

    def _is_ours(self, connection: sqlite3.Connection, seen: Seen) -> bool:
        """Whether the index is of a state of this library, of a later one perhaps."""
        if not seen.generation:
            return False
        if knows(connection, seen.generation):
            return seen.last_id <= last_given(connection, "chunks")
        with self._library.reading() as later:
            return knows(later, seen.generation) and seen.last_id <= last_given(later, "chunks")

    def _opened(self) -> LexicalFiles:
        """The files, made anew if they are of no use. Raises OSError or ValueError."""
        with self._opening:
            if self._files is None:
                folder = self._own_folder()
                try:
                    self._files = LexicalFiles(folder)
                except (OSError, ValueError) as error:
                    logger.info("The lexical index is made anew: %s", error)
                    self._files = made_anew(folder)
            return self._files

    def _own_folder(self) -> Path:
        """The library's, or a private copy of it where that cannot be written."""
        if can_be_written(self._folder):
            return self._folder
        logger.info("%s cannot be written; a copy of it is used", self._folder)
        if self._view is None:
            self._view = private_view(self._folder)
        return Path(self._view.name)

    def _catch_up(
        self,
        files: LexicalFiles,
        connection: sqlite3.Connection,
        wait_s: float,
        *,
        anew: bool = False,
    ) -> bool:
        """Whether it is: False while another process writes the index."""
        newest = database.generation(connection)
        if files.seen.generation == newest and not anew:
            return True
        with files.writing(wait_s) as writing:
            if writing is None:
                return False
            seen = files.look()
            if anew or not self._is_ours(connection, seen):
                writing.take_out_all()
                last_id = writing.add(_passages(connection, "chunks.id > 0"))
            elif seen.generation < newest:
                _follow_removals(files, writing, connection)
                new = _passages(connection, "chunks.id > ?", seen.last_id)
                last_id = max(writing.add(new), seen.last_id)
            else:
                return True
            writing.commit(newest, last_id)
        files.look()
        return True


def _follow_removals(files: LexicalFiles, writing: Writing, connection: sqlite3.Connection) -> None:
    """Take out what the library has lost since, and leave none of its words in the files.

    A segment keeps the words of what is taken out of it until it is merged with others, so its
    other documents are put in anew, unless it is large and few are lost: a segment with nothing
    left is deleted.
    """
    gone = _removed(connection, files.seen)
    if not len(gone):
        return
    lost = files.seen.n_by_segment(gone)
    again = [gone[:0]]
    for segment in files.segments():
        n_lost = lost[segment.number]
        share = (segment.n_taken_out + n_lost) / segment.n_documents
        if n_lost and (segment.n_documents <= SMALL_SEGMENT or share >= MAX_TAKEN_OUT):
            again.append(files.seen.ids_in(segment))
    writing.take_out(gone)
    moved = np.setdiff1d(np.concatenate(again), gone)
    writing.take_out(moved)
    for start in range(0, len(moved), ROWS_AT_ONCE):
        writing.add(_passages(connection, *_in(moved[start : start + ROWS_AT_ONCE])))


def _removed(connection: sqlite3.Connection, seen: Seen) -> Ids:
    """The ids that the library has lost since, of those that the index had got."""
    ranges = removed_ranges(connection, "vectors", seen.generation, seen.last_id)
    if (ranges[:, 1] - ranges[:, 0] + 1).sum() > seen.searcher.num_docs:
        return among_ranges(seen.ids(), ranges)  # nothing that limner wrote says so
    own = [np.arange(first, last + 1, dtype=np.int64) for first, last in ranges]
    return np.unique(np.concatenate([np.empty(0, dtype=np.int64), *own]))


def _passages(
    connection: sqlite3.Connection, where: str, *values: int | str
) -> Iterable[tuple[int, str, str]]:
    return connection.execute(
        "SELECT chunks.id, chunks.text, documents.title FROM chunks "  # noqa: S608 - constants
        f"JOIN documents ON documents.id = chunks.document_id WHERE {where} ORDER BY chunks.id",
        values,
    )


def _there(connection: sqlite3.Connection, ids: Ids) -> Ids:
    """Those of the ids that the connection sees, in their order."""
    where, chosen = _in(ids)
    rows = connection.execute(f"SELECT id FROM chunks WHERE {where} ORDER BY id", (chosen,))  # noqa: S608 - a constant
    return _both(ids, ids_of(rows))


def _in(ids: Ids) -> tuple[str, str]:
    return "chunks.id IN (SELECT value FROM json_each(?))", json.dumps(ids.tolist())


def _both(ids: Ids, among: Ids) -> Ids:
    """Those of the ids that are among the others, which grow."""
    if not len(among):
        return among
    places = np.minimum(np.searchsorted(among, ids), len(among) - 1)
    both: Ids = ids[among[places] == ids]
    return both


def _is_overdue(connection: sqlite3.Connection, generation: int) -> bool:
    """Whether the first change after the generation is older than whoever made it should take."""
    (first,) = connection.execute(
        "SELECT min(generation) FROM generations WHERE generation > ?", (generation,)
    ).fetchone()
    return first is not None and time.time_ns() - first > BEHIND_S * 1e9
