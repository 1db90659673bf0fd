"""Whole libraries out as Parquet with their pictures, and in again."""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from assistant.assistant import open_picture
from assistant.exchange import check_import, export_library, import_into
from loaders import MediaStore
from retrievers import (
    ExportRefused,
    ImportInvalid,
    Library,
    LibraryDamaged,
    LibraryVectorStore,
)
from retrievers.exchange import evidence_schema
from retrievers.imports import read_import
from retrievers.library import NewDocument
from tests.assistant.warm_command import limner, limner_json
from tests.retrievers.faiss_stores import save_store
from tests.retrievers.words import DIMENSION, WordCounts, figure, piece

OTHER_KEY = "a" * 64 + ".png"


def untold(what: str, n_done: int, n: int) -> None:
    """Progress that nobody watches."""


@dataclass
class Place:
    """A library with its pictures."""

    library: Library
    media: MediaStore

    def take(self, folder: Path) -> Any:
        """Import from a folder, as the command does it."""
        found = read_import(folder)
        check_import(found, untold)
        return import_into(self.library, self.media, found, untold)

    def state(self) -> Any:
        """All that an import must bring, or must leave alone."""
        documents = self.library.documents()
        evidence = {
            d.source: [
                (e.page_content, {k: v for k, v in e.metadata.items() if k != "image_url"})
                for e in self.library.evidence(d.source)
            ]
            for d in documents
        }
        prints = self.library.fingerprints()
        return documents, evidence, prints, sorted(self.media.keys())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[[str], Place]]:
    opened = []

    def make(name: str, embeddings: WordCounts | None = None) -> Place:
        folder = tmp_path / name
        media = MediaStore(folder / "media")
        library = Library.open(
            folder,
            embeddings or WordCounts(),
            create=True,
            open_picture=partial(open_picture, media),
        )
        opened.append(library)
        return Place(library, media)

    yield make
    for library in opened:
        library.close()


@pytest.fixture
def full(place: Callable[[str], Place]) -> Place:
    """A library that holds some of everything."""
    return filled(place("full"))


@pytest.fixture(scope="module")
def exported_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of such a library."""
    folder = tmp_path_factory.mktemp("exported")
    media = MediaStore(folder / "library" / "media")
    with Library.open(folder / "library", WordCounts(), create=True) as library:
        here = filled(Place(library, media))
        return export_library(here.library, here.media, folder / "out", untold).folder


def filled(here: Place) -> Place:
    """Two documents in a collection, with a picture, a text that LangChain gave, an empty one."""
    key = here.media.put(Image.linear_gradient("L").resize((300, 200))).key
    chart = figure("Gold price by year.", "a", page=2)
    chart.metadata |= {"image_key": key, "width": 300, "height": 200}
    gold = [piece("Gold rose while stocks fell.", page=1, section="A › B"), chart]
    here.library.put("file:///docs/gold.pdf", gold, fingerprint="g", title="Gold", n_pages=2)
    odd = "file:///docs/x'; DROP TABLE chunks; --.md"
    here.library.put(odd, [piece("Whales sing. 🐋", sheet="Fish")], fingerprint="w", title="'; --")
    here.library.put("file:///docs/empty.md", [], fingerprint="e", title="Empty")
    here.library.collect("metals", ["file:///docs/gold.pdf", odd])
    with LibraryVectorStore(here.library.folder, WordCounts()) as store:
        store.add_texts(["Given gold."], [{"source": "a.txt", "score": 1}], ids=["1"])
    return here


@pytest.fixture
def exported(full: Place, tmp_path: Path) -> Path:
    return export_library(full.library, full.media, tmp_path / "out", untold).folder


class TestRoundTrip:
    def test_everything_comes_back_and_is_found_the_same(
        self, full: Place, place: Callable[[str], Place], exported: Path
    ):
        embeddings = WordCounts()
        new = place("new", embeddings)
        imported = new.take(exported)
        report = imported.report
        assert (report.added, report.chunks, report.figures) == (4, 4, 1)
        assert (report.took_vectors, imported.n_pictures) == (True, 1)
        assert len(embeddings.embedded) == 3  # to see that the vectors are of this model
        assert new.state() == full.state()
        for query in ("gold", "whales", "price by year", "nothing"):
            assert [(h.document.page_content, h.score) for h in new.library.search(query)] == [
                (h.document.page_content, h.score) for h in full.library.search(query)
            ]
        with LibraryVectorStore(new.library.folder, WordCounts()) as store:
            assert store.get_by_ids(["1"])[0].metadata == {"source": "a.txt", "score": 1}

    def test_a_second_import_changes_nothing(self, place: Callable[[str], Place], exported: Path):
        new = place("new")
        new.take(exported)
        before = new.state()
        report = new.take(exported).report
        assert (report.added, report.updated, report.unchanged, report.kept) == (0, 0, 4, [])
        assert new.state() == before

    def test_what_the_library_has_newer_is_kept(self, full: Place, exported: Path):
        full.library.remove("file:///docs/gold.pdf")
        full.library.put("file:///docs/gold.pdf", [piece("Newer.")], fingerprint="n", title="Gold")
        with sqlite3.connect(full.library.folder / "library.sqlite") as connection:
            connection.execute("UPDATE documents SET added_at = '2999-01-01T00:00:00+00:00'")
        report = full.take(exported).report
        assert report.kept == ["file:///docs/gold.pdf"]
        assert full.library.evidence("file:///docs/gold.pdf")[0].page_content == "Newer."

    def test_what_the_library_has_older_is_replaced_with_its_pictures(
        self, place: Callable[[str], Place], exported: Path
    ):
        new = place("new")
        key = new.media.put(Image.new("RGB", (30, 30), "red")).key
        old = figure("Old.", "b")
        old.metadata["image_key"] = key
        new.library.put("file:///docs/gold.pdf", [old], fingerprint="o", title="Gold")
        with sqlite3.connect(new.library.folder / "library.sqlite") as connection:
            connection.execute("UPDATE documents SET added_at = '1999-01-01T00:00:00+00:00'")
        assert new.take(exported).report.updated == 1
        assert set(new.media.keys()) == new.library.image_keys()
        assert key not in new.library.image_keys()

    def test_a_time_in_the_future_replaces_nothing_and_is_not_kept(
        self, full: Place, place: Callable[[str], Place], exported: Path
    ):
        before = full.library.evidence("file:///docs/gold.pdf")
        rewrite(exported, set_to(fingerprint="x", added_at="2999-01-01T00:00:00Z"), "documents")
        assert len(full.take(exported).report.kept) == 4
        assert full.library.evidence("file:///docs/gold.pdf") == before
        new = place("new")
        new.take(exported)
        assert all(d.added_at < "2999" for d in new.library.documents())

    def test_what_was_read_from_a_file_that_is_there_is_kept_unless_that_is_older(
        self, place: Callable[[str], Place], tmp_path: Path
    ):
        file = tmp_path / "Gold price.md"
        file.write_text("Mine.")
        os.utime(file, (1e9, 1e9))
        here, there = place("here"), place("there")
        mine = NewDocument(file.as_uri(), [piece("Mine.")], "m", "Gold", added_at="2010-01-01")
        other = NewDocument(file.as_uri(), [piece("Other.")], "o", "Gold", added_at="2011-01-01")
        list(here.library.put_all([mine]))
        list(there.library.put_all([other]))
        folder = export_library(there.library, there.media, tmp_path / "out", untold).folder
        for dated_at in (None, "1999-01-01T00:00:00Z", "2999-01-01T00:00:00Z"):
            rewrite(folder, set_to(dated_at=dated_at), "documents")
            assert here.take(folder).report.kept == [file.as_uri()]
        rewrite(folder, set_to(dated_at="2010-06-01T00:00:00Z"), "documents")
        assert here.take(folder).report.updated == 1

    def test_another_model_makes_its_own_vectors(
        self, place: Callable[[str], Place], exported: Path
    ):
        class Other(WordCounts):
            name = "other"

        new = place("new", Other())
        assert not new.take(exported).report.took_vectors
        assert new.library.search("Whales sing. 🐋")[0].score == pytest.approx(1.0)

    def test_vectors_that_only_claim_to_be_of_the_model_are_made_anew(
        self, full: Place, place: Callable[[str], Place], tmp_path: Path
    ):
        class Backwards(WordCounts):
            def embed_query(self, text: str) -> list[float]:
                return super().embed_query(text[::-1])

        wrong = place("wrong", Backwards())
        wrong.library.put("file:///x.md", [piece("Gold rose.")], fingerprint="1", title="X")
        folder = export_library(wrong.library, wrong.media, tmp_path / "out2", untold).folder
        new = place("new")
        assert not new.take(folder).report.took_vectors
        assert new.library.search("Gold rose.")[0].score == pytest.approx(1.0)

    def test_the_tables_are_what_other_programs_read(self, exported: Path):
        table = pq.read_table(exported / "evidence.parquet")
        assert table.schema.equals(evidence_schema(DIMENSION))
        assert table.column("source")[0].as_py() == "file:///docs/gold.pdf"
        assert json.loads(table.column("metadata")[0].as_py())["section"] == "A › B"
        documents = pq.read_table(exported / "documents.parquet").to_pylist()
        assert [d["collections"] for d in documents] == [["metals"], ["metals"], [], []]
        manifest = json.loads((exported / "manifest.json").read_text())
        assert (manifest["n_documents"], manifest["n_chunks"], manifest["n_pictures"]) == (4, 4, 1)

    def test_an_empty_library_goes_out_and_in(self, place: Callable[[str], Place], tmp_path: Path):
        empty = place("empty")
        folder = export_library(empty.library, empty.media, tmp_path / "out", untold).folder
        assert place("new").take(folder).report.added == 0

    def test_many_chunks_go_out_in_row_groups(self, place: Callable[[str], Place], tmp_path: Path):
        here = place("many")
        pieces = [piece(f"Number {n}.", page=n) for n in range(2500)]
        here.library.put("file:///many.md", pieces, fingerprint="1", title="Many")
        folder = export_library(here.library, here.media, tmp_path / "out", untold).folder
        assert pq.ParquetFile(folder / "evidence.parquet").num_row_groups == 3
        new = place("new")
        assert new.take(folder).report.chunks == 2500
        assert new.state() == here.state()


class TestRefusals:
    def test_an_export_never_overwrites(self, full: Place, exported: Path, tmp_path: Path):
        before = sorted(p.name for p in tmp_path.iterdir())
        (tmp_path / "file").touch()
        for there in (exported, tmp_path / "file"):
            with pytest.raises(ExportRefused, match="is there already"):
                export_library(full.library, full.media, there, untold)
        assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*before, "file"])

    @pytest.mark.parametrize(
        "damage", ["UPDATE vectors SET vector = x'00'", "UPDATE chunks SET page = 'three'"]
    )
    def test_a_damaged_library_is_not_exported(self, full: Place, tmp_path: Path, damage: str):
        full.library.search("gold")  # its index needs nothing more at the end
        with sqlite3.connect(full.library.folder / "library.sqlite") as connection:
            connection.execute(damage)
        with pytest.raises(LibraryDamaged):
            export_library(full.library, full.media, tmp_path / "out", untold)
        assert [p for p in tmp_path.iterdir() if "out" in p.name] == []

    def test_an_export_that_cannot_be_written_leaves_nothing(self, full: Place, tmp_path: Path):
        (tmp_path / "file").touch()
        with pytest.raises(ExportRefused, match="cannot be written"):
            export_library(full.library, full.media, tmp_path / "file" / "out", untold)

        def fails(what: str, n_done: int, n: int) -> None:
            if what == "pictures":
                raise OSError(28, "No space left on device")

        with pytest.raises(ExportRefused, match="No space left"):
            export_library(full.library, full.media, tmp_path / "out", fails)
        assert [p for p in tmp_path.iterdir() if "out" in p.name] == []

    def test_a_missing_picture_is_told_and_the_rest_comes(
        self, full: Place, place: Callable[[str], Place], tmp_path: Path
    ):
        (key,) = full.media.keys()
        full.media.path(key).write_bytes(b"damaged")
        told = export_library(full.library, full.media, tmp_path / "out", untold)
        assert told.manifest.missing_pictures == [key]
        imported = place("new").take(told.folder)
        assert (imported.missing_pictures, imported.n_pictures) == ([key], 0)
        assert imported.report.added == 4


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None], name: str) -> None:
    """Change each row of a table, and have the manifest tell its new checksum."""
    path = folder / f"{name}.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    for row in rows:
        change(row)
    changed = pa.Table.from_pylist(rows, schema=table.schema)
    pq.write_table(changed, path, use_dictionary=False)
    sign(folder)


def sign(folder: Path, **changes: Any) -> None:
    """Have the manifest tell what the files are now."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest | changes))


def set_to(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update(values)


class TestHostileExports:
    @pytest.fixture
    def exported(self, exported_once: Path, tmp_path: Path) -> Path:
        """A copy that a test may change."""
        return Path(shutil.copytree(exported_once, tmp_path / "out"))

    @pytest.fixture
    def target(self, place: Callable[[str], Place]) -> Place:
        here = place("target")
        key = here.media.put(Image.new("RGB", (40, 40), "green")).key
        own = figure("Mine.", "b")
        own.metadata["image_key"] = key
        here.library.put("file:///mine.md", [own], fingerprint="1", title="Mine")
        return here

    def refusal(self, target: Place, folder: Path) -> str:
        before = target.state()
        with pytest.raises(ImportInvalid) as refused:
            target.take(folder)
        assert target.state() == before
        assert target.library.search("mine")[0].document.page_content == "Mine."
        return str(refused.value)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"image_key": "../../../../etc/passwd"}, "no name of a picture"),
            ({"image_key": "/etc/passwd"}, "no name of a picture"),
            ({"image_key": OTHER_KEY}, "is not there"),
            ({"vector": [float("nan")] * DIMENSION}, "the length nan"),
            ({"vector": [float("inf")] * DIMENSION}, "the length inf"),
            ({"vector": [1.0] * DIMENSION}, "instead of 1"),
            ({"metadata": "{"}, "no JSON"),
            ({"metadata": "[" * 100_000}, "no JSON"),
            ({"metadata": '{"x": NaN}'}, "no JSON"),
            ({"metadata": "[]"}, "no object"),
            ({"metadata": '{"source": "file:///etc"}'}, "has a column"),
            ({"metadata": '{"start": "abc"}'}, "'start'"),
            ({"metadata": '{"bbox": [1]}'}, "'bbox'"),
            ({"metadata": '{"descriptions": {"blip": 1}}'}, "'descriptions'"),
            ({"modality": "smell"}, "smell"),
            ({"chunk_id": ""}, "no id"),
            ({"page": -1}, "page -1"),
            ({"position": 5}, "not in its place"),
            ({"source": "'; DROP TABLE documents; --"}, "not in its place"),
            ({"text": "x" * 4_000_001}, "more than 4,000,000"),
        ],
    )
    def test_evidence_that_cannot_be_is_refused(
        self, target: Place, exported: Path, changes: dict[str, Any], words: str
    ):
        rewrite(exported, set_to(**changes), "evidence")
        assert words in self.refusal(target, exported)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"source": "file:///same"}, "twice"),
            ({"source": ""}, "empty"),
            ({"title": "x" * 20_000}, "too long"),
            ({"added_at": "yesterday"}, "no time"),
            ({"pages": -3}, "impossible"),
            ({"chunks": -3}, "impossible"),
            ({"chunks": 1 << 60}, "not in its place"),
            ({"collections": ["a"] * 20_000}, "too long"),
            ({"collections": ["a" * 101]}, "the limit is 100"),
            ({"collections": ["a\u202eb"]}, "cannot be printed"),
            ({"collections": [" "]}, "empty"),
        ],
    )
    def test_documents_that_cannot_be_are_refused(
        self, target: Place, exported: Path, changes: dict[str, Any], words: str
    ):
        rewrite(exported, set_to(**changes), "documents")
        if "source" in changes:
            rewrite(exported, set_to(chunks=0), "documents")
        assert words in self.refusal(target, exported)

    def test_a_table_that_was_changed_is_refused(self, target: Place, exported: Path):
        path = exported / "evidence.parquet"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        assert "SHA-256" in self.refusal(target, exported)

    @pytest.mark.parametrize("n_bytes", [0, 3, 100, -1])
    def test_a_table_cut_off_is_refused(self, target: Place, exported: Path, n_bytes: int):
        path = exported / "evidence.parquet"
        path.write_bytes(path.read_bytes()[:n_bytes])
        sign(exported)
        assert "cannot be read" in self.refusal(target, exported)

    def test_a_damaged_table_is_refused_wherever_the_damage_is(self, target: Place, exported: Path):
        path = exported / "evidence.parquet"
        whole = path.read_bytes()
        chance = np.random.default_rng(7)
        for place in chance.integers(4, len(whole), 60):
            content = bytearray(whole)
            content[place : place + 4] = chance.bytes(4)
            path.write_bytes(content)
            sign(exported)
            with suppress(ImportInvalid):  # some damage is where it does not matter
                check_import(read_import(exported), untold)

    @pytest.mark.parametrize("dimension", [0, 3, DIMENSION + 1, 65_537, -1])
    def test_a_wrong_dimension_is_refused(self, target: Place, exported: Path, dimension: int):
        sign(exported, dimension=dimension)
        assert str(exported) in self.refusal(target, exported)

    @pytest.mark.parametrize(
        "changes",
        [
            {"n_chunks": 3},
            {"n_documents": 9},
            {"n_pictures": 0},
            {"version": 99},
            {"model": None},
            {"more": 1},
            {"files": {"../evidence.parquet": ""}},
            {"missing_pictures": ["../x"], "n_pictures": 5},
        ],
    )
    def test_a_manifest_that_does_not_fit_is_refused(
        self, target: Place, exported: Path, changes: dict[str, Any]
    ):
        path = exported / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        self.refusal(target, exported)

    def test_a_long_text_that_all_rows_share_is_refused_before_it_is_unfolded(
        self, target: Place, exported: Path
    ):
        path = exported / "evidence.parquet"
        table = pq.read_table(path)
        row = table.to_pylist()[0] | {"text": "x" * 100_000_000}
        many = table.slice(0, 0).from_pylist([row] * 2, schema=table.schema)
        pq.write_table(many, path, compression="zstd")
        sign(exported)
        assert path.stat().st_size < 1_000_000
        assert "not plainly" in self.refusal(target, exported)

    def test_another_column_is_refused(self, target: Place, exported: Path):
        path = exported / "evidence.parquet"
        table = pq.read_table(path)
        odd = table.append_column("x); DROP TABLE chunks; --", table.column("text"))
        pq.write_table(odd, path)
        sign(exported)
        assert "columns" in self.refusal(target, exported)

    @pytest.mark.parametrize(
        ("how", "words"),
        [
            ("gone", "is not there"),
            ("changed", "its SHA-256 is not its name"),
            ("link", "no plain file"),
            ("no picture", "cannot be decoded"),
        ],
    )
    def test_a_picture_that_is_not_what_its_name_says_is_refused(
        self, target: Place, exported: Path, how: str, words: str
    ):
        (path,) = (exported / "media").iterdir()
        content = path.read_bytes()
        path.unlink()
        if how == "changed":
            path.write_bytes(content + b"x")
        elif how == "link":
            path.symlink_to(target.library.folder / "library.sqlite")
        elif how == "no picture":
            page = b"<script>alert(1)</script>"
            key = f"{hashlib.sha256(page).hexdigest()}.png"
            (exported / "media" / key).write_bytes(page)
            name = path.name
            rewrite(
                exported,
                lambda row: row.update(image_key=key) if row["image_key"] == name else None,
                "evidence",
            )
        assert words in self.refusal(target, exported)


class TestCommands:
    def test_a_library_goes_out_and_into_another(self, real_library: Path, tmp_path: Path):
        out = tmp_path / "out"
        told = limner_json("export-library", out, "--library", real_library)
        assert (told["documents"], told["pictures"], told["missing_pictures"]) == (1, 1, [])
        report = limner_json("import-library", out, "--library", tmp_path / "new")
        assert (report["kind"], report["vectors"], report["added"]) == ("limner", "taken over", 1)
        assert (report["chunks"], report["pictures"]) == (told["chunks"], 1)

    def test_a_store_of_langchain_is_told_by_what_it_holds(self, tmp_path: Path):
        store = save_store(tmp_path / "s", ["Gold rose."], WordCounts(), [{"source": "/a.txt"}])
        result = limner("import-library", store, "--library", tmp_path / "library")
        assert result.returncode == 0, result.stderr
        assert "1 added, 0 updated, 0 unchanged" in result.stdout
        assert "the texts were embedded" in result.stdout

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("import-library", "."), "neither an export"),
            (("export-library", "out"), "There is no library"),
        ],
    )
    def test_what_cannot_be_done_makes_no_library(
        self, tmp_path: Path, arguments: tuple[str, str], words: str
    ):
        result = limner(*arguments, "--library", tmp_path / "library", cwd=tmp_path)
        assert result.returncode == 1
        assert words in result.stderr
        assert "Traceback" not in result.stderr
        assert list(tmp_path.iterdir()) == []
