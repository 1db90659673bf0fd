"""`limner verify` on a library that limner read itself, broken in one place at a time."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from assistant import uploads
from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.verification import verify
from loaders import MediaStore
from loaders.disused import DisusedPictures
from retrievers import LibraryDamaged
from retrievers.faults import Findings
from tests.assistant.warm_command import limner, limner_json

STRAY = f"{'0' * 64}.png"


@pytest.fixture
def folder(real_library: Path, tmp_path: Path) -> Path:
    shutil.copytree(real_library.parent, tmp_path / "copy")
    return tmp_path / "copy" / "library"


def settings(folder: Path) -> Settings:
    return Settings(library=folder, llm="embedded", cache_folder=folder.parent / "cache")


def verified(folder: Path, *, mends: bool = False) -> Findings:
    return verify(settings(folder), mends=mends, on_progress=lambda _, __, ___: None)


def key_of(folder: Path) -> str:
    (key,) = MediaStore(folder / "media").keys()
    return key


def sources(folder: Path) -> list[str]:
    with Assistant.open(settings(folder)) as assistant:
        return [document.source for document in assistant.documents()]


def add_page_reading(folder: Path) -> None:
    MediaStore(folder / "media").page_readings("file:///gone.pdf").put("a" * 64, "text")


def half_stored(folder: Path) -> None:
    path = uploads.store(folder, "gone.txt", b"go")
    path.rename(path.with_name(".0123456789abcdef"))


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def add_thumbnail(folder: Path) -> None:
    media = MediaStore(folder / "media")
    media.thumbnail_path(STRAY).write_bytes(b"RIFF")


BREAKS: dict[str, Callable[[Path], Any]] = {
    "thumbnail missing": lambda f: MediaStore(f / "media").thumbnail_path(key_of(f)).unlink(),
    "thumbnail damaged": lambda f: (
        MediaStore(f / "media").thumbnail_path(key_of(f)).write_bytes(b"RIFF")
    ),
    "left over picture": lambda f: (f / "media" / STRAY).write_bytes(b"x"),
    "left over thumbnail": add_thumbnail,
    "left over page reading": add_page_reading,
    "left over upload": half_stored,
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_derived_or_left_over_is_named_and_mended(name: str, folder: Path) -> None:
    before = {path for path in folder.rglob("*") if path.parent.name != "lexical"}
    BREAKS[name](folder)
    (fault,) = verified(folder).faults
    assert name.startswith(fault.what)
    after = verified(folder, mends=True)
    assert (after.faults, after.n_repaired) == ([], 1)
    assert verified(folder).faults == []
    left = {path for path in folder.rglob("*") if path.is_file() and "lexical" not in path.parts}
    assert {path.name for path in left - before} <= {"media.lock"}


@pytest.mark.parametrize("damage", [Path.unlink, flip_a_byte, lambda path: path.write_bytes(b"")])
def test_a_picture_that_is_lost_comes_back_from_its_source(
    damage: Callable[[Path], Any], folder: Path
) -> None:
    path = MediaStore(folder / "media").path(key_of(folder))
    whole = path.read_bytes()
    damage(path)
    (fault,) = verified(folder).faults
    assert (fault.what, fault.where) == ("picture", path.name)
    assert "shown by 1 document: " in fault.detail
    assert "lighthouse.md" in fault.detail
    after = verified(folder, mends=True)
    assert [f.what for f in after.faults] == ["picture"]
    assert [note.what for note in after.notes] == ["to be read"]
    (source,) = sources(folder)
    with Assistant.open(settings(folder)) as assistant:
        report = assistant.add([source])
        assert (report.updated, report.failed) == (1, [])
    assert path.read_bytes() == whole
    assert verified(folder).faults == []


def test_what_a_run_is_about_to_use_is_not_left_over(folder: Path) -> None:
    (folder / "media" / STRAY).write_bytes(b"x")
    with DisusedPictures(MediaStore(folder / "media")).kept():
        found = verified(folder, mends=True)
        assert found.faults == []
        assert "another process" in found.notes[-1].detail
    assert (folder / "media" / STRAY).exists()
    assert [fault.what for fault in verified(folder).faults] == ["left over"]


def test_what_a_killed_run_has_left_is_for_the_next_one(folder: Path) -> None:
    media = MediaStore(folder / "media")
    DisusedPictures(media).add(STRAY)
    media.path(STRAY).write_bytes(b"x")
    (folder / "media" / f".{os.getpid()}-0123456789abcdef").write_bytes(b"half")
    found = verified(folder)
    assert found.faults == []
    assert any("2 files of a run that was ended" in note.detail for note in found.notes)
    with Assistant.open(settings(folder)) as assistant:
        assistant.add([])
    assert not media.path(STRAY).exists()
    assert not list((folder / "media").glob(".*"))


def test_the_command_tells_what_is_wrong_and_what_to_do(folder: Path) -> None:
    assert limner_json("verify", "--library", folder)["ok"] is True
    MediaStore(folder / "media").thumbnail_path(key_of(folder)).unlink()
    broken = limner("verify", "--library", folder)
    assert broken.returncode == 1
    assert "thumbnail" in broken.stdout
    assert "limner verify --repair" in broken.stdout
    told = json.loads(limner("verify", "--library", folder, "--json").stdout)
    assert set(told["faults"][0]) == {"what", "where", "detail", "repair"}
    mended = limner("verify", "--repair", "--library", folder)
    assert mended.returncode == 0
    assert "1 fault mended" in mended.stdout


def test_a_file_made_to_do_harm_is_refused_and_what_it_holds_is_saved(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON chunks BEGIN SELECT 1; END")
    with pytest.raises(LibraryDamaged, match="1 of its documents can still be read"):
        verified(folder)
    after = verified(folder, mends=True)
    assert (after.faults, after.notes[0].what) == ([], "saved")
    assert len(list(folder.glob("library.damaged-*.sqlite"))) == 1
    assert len(sources(folder)) == 1


def test_repairing_twice_is_repairing_once(folder: Path) -> None:
    for name in BREAKS.values():
        name(folder) if name is not BREAKS["thumbnail damaged"] else None
    assert verified(folder, mends=True).n_repaired == 5
    assert verified(folder, mends=True).n_repaired == 0


def test_an_upload_that_is_no_document_is_kept_for_the_next_sync(folder: Path) -> None:
    path = uploads.store(folder, "letter.txt", b"The only copy of a letter.")
    found = verified(folder, mends=True)
    assert found.faults == []
    assert [(note.what, note.where) for note in found.notes] == [("to be read", str(path))]
    (folder / "media" / STRAY).write_bytes(b"x")
    assert verified(folder, mends=True).n_repaired == 1
    assert path.read_bytes() == b"The only copy of a letter."


def test_an_upload_whose_removal_was_cut_short_comes_back_while_it_is_a_document(
    folder: Path,
) -> None:
    with Assistant.open(settings(folder)) as assistant:
        assistant.add_uploads([("letter.txt", b"Dear all.")])
    (path,) = uploads.all_below(folder)
    gone = uploads.store(folder, "gone.txt", b"Its document is removed already.")
    for cut_short in (path, gone):
        cut_short.rename(cut_short.with_name(f".{cut_short.name}.removed"))
    found = verified(folder)
    assert (found.faults, [note.what for note in found.notes]) == ([], ["removal", "removal"])
    verified(folder, mends=True)
    assert list(uploads.files(folder)) == [path]
    path.rename(path.with_name(f".{path.name}.removed"))
    with Assistant.open(settings(folder)) as assistant:
        assistant.sync()
        assert path.as_uri() in [document.source for document in assistant.documents()]
    assert path.read_bytes() == b"Dear all."
