"""Where uploads are kept."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import uploads
from assistant.uploads import discard, safe_name, store


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\Größe (2).docx", "Größe (2).docx"),
        (".bashrc", "bashrc"),
        ("a\0b<c>.md", "a_b_c_.md"),
        ("..", "file"),
        ("", "file"),
    ],
)
def test_name_is_made_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(max_size=400))
def test_every_name_is_one_visible_file_of_bearable_length(name: str) -> None:
    safe = safe_name(name)
    assert "/" not in safe
    assert "\\" not in safe
    assert not safe.startswith(".")
    assert 0 < len(safe.encode()) <= 255
    assert Path("folder", safe).name == safe


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    first = store(tmp_path, "slides.md", b"one")
    second = store(tmp_path, "slides.md", b"two")
    assert (first.read_bytes(), second.read_bytes()) == (b"one", b"two")
    assert store(tmp_path, "slides.md", b"one") == first


def test_only_uploads_are_discarded(tmp_path: Path) -> None:
    own = tmp_path / "own.md"
    own.write_text("mine")
    upload = store(tmp_path / "library", "slides.md", b"one")
    discard(tmp_path / "library", own.as_uri())
    assert own.exists()
    assert upload.exists()
    discard(tmp_path / "library", upload.as_uri())
    assert not upload.parent.exists()


def test_an_upload_whose_removal_was_cut_short_is_not_brought_back(tmp_path: Path) -> None:
    path = uploads.store(tmp_path, "a.txt", b"Oil fell.")

    def interrupted() -> None:
        with uploads.taken_away(tmp_path, path.as_uri()):
            assert uploads.all_below(tmp_path) == []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert uploads.all_below(tmp_path) == [path]
    path.rename(path.with_name(".a.txt.removed"))  # as a process that was killed leaves it
    with uploads.taken_away(tmp_path, path.as_uri()):
        pass
    assert not list((tmp_path / "uploads").iterdir())


def test_what_is_stored_survives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = set[int]()
    monkeypatch.setattr(os, "fsync", lambda number: synced.add(os.fstat(number).st_ino))
    path = store(tmp_path, "a.txt", b"Oil fell.")
    places = [path, *path.parents[:3]]
    assert {place.stat().st_ino for place in places} <= synced


def test_what_could_not_be_stored_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        store(tmp_path, "a.txt", b"Oil fell.")
    assert list(uploads.files(tmp_path)) == []
