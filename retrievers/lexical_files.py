"""The files of the lexical index: tantivy's, in a folder beside the library.

Each commit carries the state of the library that it was made from, so that neither is ever had
without the other. Leaves out when to catch up, and what a query means: `retrievers.lexical`.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import struct
import tempfile
import threading
import time
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrievers.vectors import Ids

if TYPE_CHECKING:
    import tantivy

Terms = Sequence[Sequence[str]]
"""What to look for: each one word, or several that stand together."""

WRITER_BYTES = 50_000_000
SECONDS_BETWEEN_TRIES = 0.02
IDS_AT_ONCE = 10_000
TOKENIZER = "limner-1"
"""Part of tantivy's schema: an index of other words is made anew when this changes."""
STATE_ID = 0
"""Of the document that carries the state; chunks begin with 1."""
_FOOTER = struct.Struct("<II")
_MAGIC = 1337  # tantivy's, at the end of all files of a segment


@dataclass(frozen=True, slots=True)
class Segment:
    """Documents that lie together in files which are written once.

    What is taken out of it is only marked so. n_documents: with those.
    """

    number: int
    n_documents: int
    n_taken_out: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One state of the index. generation: of the library, 0 of an empty index."""

    searcher: tantivy.Searcher
    generation: int
    last_id: int

    def best(self, query: tantivy.Query, n: int) -> Ids:
        """The ids of at most n chunks, best first; of equally good ones the older first."""
        hits = self.searcher.search(query, min(n, self.searcher.num_docs), count=False).hits
        ids = self._ids([place for _, place in hits])
        scores = np.array([score for score, _ in hits])
        ordered: Ids = ids[np.lexsort((ids, -scores))]
        return ordered

    def ids(self) -> Ids:
        """The ids of all chunks, in order."""
        import tantivy

        n = self.searcher.num_docs
        hits = self.searcher.search(tantivy.Query.all_query(), n, count=False).hits
        ids = np.unique(self._ids([place for _, place in hits]))
        chunks: Ids = ids[ids != STATE_ID]
        return chunks

    def n_by_segment(self, ids: Ids) -> Counter[int]:
        """How many documents with these ids lie in the segments, by their numbers."""
        found = Counter[int]()
        for start in range(0, len(ids), IDS_AT_ONCE):
            query = with_ids(ids[start : start + IDS_AT_ONCE])
            hits = self.searcher.search(query, IDS_AT_ONCE, count=False).hits
            found.update(place.segment_ord for _, place in hits)
        return found

    def ids_in(self, segment: Segment) -> Ids:
        """The ids of the chunks in a segment, with those that were taken out of it."""
        import tantivy

        ids = self._ids([tantivy.DocAddress(segment.number, n) for n in range(segment.n_documents)])
        chunks: Ids = ids[ids != STATE_ID]
        return chunks

    def _ids(self, places: list[tantivy.DocAddress]) -> Ids:
        return np.array(self.searcher.fast_field_values("id", places), dtype=np.int64)


class LexicalFiles:
    """An open index. Safe for threads; one process writes at a time."""

    def __init__(self, folder: Path) -> None:
        """Open it, or make an empty one. Raises OSError or ValueError if it is of no use."""
        import tantivy

        folder.mkdir(exist_ok=True)
        _check_sums(folder)
        self._folder = folder
        self._index = tantivy.Index(_schema(), str(folder))
        self._index.register_tokenizer(TOKENIZER, analyzer())
        self._index.config_reader("manual")
        self.seen = self.look()

    def look(self) -> Seen:
        """See the newest state of the files."""
        import tantivy

        self._index.reload()
        searcher = self._index.searcher()
        state = tantivy.Query.term_query(_schema(), "id", STATE_ID)
        places = [place for _, place in searcher.search(state, 1, count=False).hits]
        if places:
            (generation,) = searcher.fast_field_values("generation", places)
            (last_id,) = searcher.fast_field_values("last_id", places)
            self.seen = Seen(searcher, int(generation or 0), int(last_id or 0))
        else:
            self.seen = Seen(searcher, 0, 0)
        return self.seen

    def segments(self) -> list[Segment]:
        """Those of the newest state; while writing, else others may follow."""
        meta = json.loads((self._folder / "meta.json").read_text("utf-8"))
        return [
            Segment(number, entry["max_doc"], (entry["deletes"] or {}).get("num_deleted_docs", 0))
            for number, entry in enumerate(meta["segments"])
        ]

    @contextmanager
    def writing(self, wait_s: float) -> Iterator[Writing | None]:
        """Be the one process that writes; None while another is. What is not committed is lost."""
        writer = self._writer(wait_s)
        if writer is None:
            yield None
            return
        # A process that was killed may have left a file that this one is to write.
        writer.garbage_collect_files()
        try:
            yield Writing(self, writer)
        finally:
            # Lets the others write: an error that is being handled would keep the writer alive.
            writer.wait_merging_threads()

    def _writer(self, wait_s: float) -> tantivy.IndexWriter | None:
        end = time.monotonic() + wait_s
        while True:
            try:
                return self._index.writer(WRITER_BYTES, num_threads=1)
            except ValueError as error:
                if "LockBusy" not in str(error):
                    raise
                if time.monotonic() >= end:
                    return None
                time.sleep(SECONDS_BETWEEN_TRIES)


class Writing:
    """Changes of the index, all or none of which become its next state."""

    def __init__(self, files: LexicalFiles, writer: tantivy.IndexWriter) -> None:
        self._files = files
        self._writer = writer

    def take_out(self, ids: Ids) -> None:
        """Take out the chunks with these ids."""
        for start in range(0, len(ids), IDS_AT_ONCE):
            query = with_ids(ids[start : start + IDS_AT_ONCE])
            self._writer.delete_documents_by_query(query)

    def take_out_all(self) -> None:
        """Take everything out."""
        self._writer.delete_all_documents()

    def add(self, rows: Iterable[tuple[int, str, str]]) -> int:
        """Add chunks: id, text and title. Gives the last id, 0 if there are none."""
        import tantivy

        number = 0
        for number, text, title in rows:
            document = tantivy.Document()
            document.add_unsigned("id", number)
            document.add_text("words", composed(text))
            document.add_text("words", composed(title))
            self._writer.add_document(document)
        return number

    def commit(self, generation: int, last_id: int) -> None:
        """Make the changes the index's next state, and delete the files of the one before."""
        import tantivy

        self.take_out(np.array([STATE_ID]))
        state = tantivy.Document()
        for name, value in (("id", STATE_ID), ("generation", generation), ("last_id", last_id)):
            state.add_unsigned(name, value)
        self._writer.add_document(state)
        self._writer.commit()
        self._files.look()
        self._writer.garbage_collect_files()


# Queries


def any_of(terms: Terms) -> tantivy.Query:
    """Whatever has one of the terms; better what has more, and rarer ones."""
    from tantivy import Occur, Query

    found = [
        Query.phrase_query(_schema(), "words", list(words))
        if len(words) > 1
        else Query.term_query(_schema(), "words", words[0])
        for words in terms
    ]
    return Query.boolean_query([(Occur.Should, query) for query in found])


def within(query: tantivy.Query, chosen: tantivy.Query) -> tantivy.Query:
    """Of what the query finds only what is chosen, which does not change its order."""
    from tantivy import Occur, Query

    return Query.boolean_query(
        [(Occur.Must, query), (Occur.Must, Query.const_score_query(chosen, 0.0))]
    )


def with_ids(ids: Ids) -> tantivy.Query:
    """The documents with these ids."""
    from tantivy import Query

    return Query.term_set_query(_schema(), "id", ids.tolist())


def from_to(first: int, last: int) -> tantivy.Query:
    """The documents whose ids lie between the two, both included."""
    from tantivy import FieldType, Query

    return Query.range_query(_schema(), "id", FieldType.Unsigned, first, last)


def composed(text: str) -> str:
    """The text with each letter and its accents as one character, as the tokenizer needs it."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@cache
def analyzer() -> tantivy.TextAnalyzer:
    """Text → words as they are indexed: lower case, without diacritics, stems of English."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase())
    return builder.filter(Filter.ascii_fold()).filter(Filter.stemmer("english")).build()


@cache
def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_unsigned_field("generation", fast=True)
    builder.add_unsigned_field("last_id", fast=True)
    # Text and title in one field, as two values: a phrase does not reach from one to the other.
    builder.add_text_field("words", tokenizer_name=TOKENIZER, index_option="position")
    return builder.build()


# A folder that is damaged, or may only be read


def made_anew(folder: Path) -> LexicalFiles:
    """An empty index in place of files that are of no use.

    Raises OSError while another process writes there: what is in use is left alone.
    """
    with _writing_alone(folder):
        try:
            return LexicalFiles(folder)  # another process has just made it anew
        except (OSError, ValueError):
            _put_aside(folder)
    return LexicalFiles(folder)


@contextmanager
def _writing_alone(folder: Path) -> Iterator[None]:
    """Hold tantivy's lock of the one process that writes. Raises OSError while another does."""
    # Windows has other locks, but moves no folder of which a file is open.
    if os.name == "nt" or not folder.is_dir():
        yield
        return
    import fcntl

    with (folder / ".tantivy-writer.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _put_aside(folder: Path) -> None:
    """Make room for a new index where the files are of no use."""
    aside = folder.with_name(f".old-{os.getpid()}-{threading.get_ident()}-{folder.name}")
    folder.rename(aside)
    if aside.is_dir() and not aside.is_symlink():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.unlink()


def can_be_written(folder: Path) -> bool:
    """Whether an index there can be opened: tantivy makes lock files even to read."""
    return os.access(folder if folder.is_dir() else folder.parent, os.W_OK | os.X_OK)


def private_view(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder of one's own with the same content; what is written there does not reach the other.

    A segment's files never change, so links to them will do.
    """
    view = tempfile.TemporaryDirectory(prefix="limner-lexical-", ignore_cleanup_errors=True)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.suffix == ".json":
            shutil.copyfile(path, Path(view.name) / path.name)
        elif path.suffix != ".lock":
            (Path(view.name) / path.name).symlink_to(path)
    return view


def _check_sums(folder: Path) -> None:
    """Raise ValueError if a file of the newest state is not as tantivy wrote it.

    It would not notice. Another process may make the next state meanwhile, and delete files of
    this one: so a file counts as damaged only while the state that has it is the newest.
    """
    whole: set[str] = set()
    try:
        seen = (folder / "meta.json").read_bytes()
        while name := _first_damaged(folder, seen, whole):
            before, seen = seen, (folder / "meta.json").read_bytes()
            if seen == before:
                raise ValueError(f"the file {name} is damaged")
    except FileNotFoundError:
        return
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("meta.json is damaged") from error


def _first_damaged(folder: Path, meta: bytes, whole: set[str]) -> str | None:
    """A file of this state that is not whole, or gone. whole: those that are; more are put in."""
    deletes = {
        entry["segment_id"].replace("-", ""): str((entry["deletes"] or {}).get("opstamp"))
        for entry in json.loads(meta)["segments"]
    }
    for path in sorted(folder.iterdir()):
        segment, _, kind = path.name.partition(".")
        # Of the files of what is taken out of a segment, one is of this state.
        is_other = kind.endswith("del") and kind != f"{deletes.get(segment)}.del"
        if segment in deletes and not is_other and path.name not in whole:
            try:
                is_whole = _is_whole(path)
            except FileNotFoundError:
                is_whole = False
            if not is_whole:
                return path.name
            whole.add(path.name)
    return None


def _is_whole(path: Path) -> bool:
    if path.stat().st_size < _FOOTER.size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        n_bytes, magic = _FOOTER.unpack(content[-_FOOTER.size :])
        end = len(content) - _FOOTER.size - n_bytes
        if magic != _MAGIC or end < 0:
            return False
        try:
            checksum = json.loads(content[end : -_FOOTER.size])["crc"]
        except (KeyError, TypeError, ValueError):
            return False
        with memoryview(content) as whole, whole[:end] as body:
            return bool(checksum == zlib.crc32(body))
