"""PDF: files that need a password are read with it, and say what to do without it."""

from pathlib import Path

import pytest

from loaders.errors import PasswordNeeded
from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import CORPUS, read, with_corpus


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    page = Page().text(72, 700, "The treasurer keeps the second key to the strong room.")
    return write_pdf(tmp_path / "keys.pdf", [page], password="open sesame")


def test_a_locked_file_is_read_with_its_password(locked: Path, tmp_path: Path) -> None:
    assert "second key" in read(locked, tmp_path, passwords=["open sesame"]).text


def test_each_password_is_tried(locked: Path, tmp_path: Path) -> None:
    found = read(locked, tmp_path, passwords=["swordfish", "open sesame", "mellon"])
    assert "second key" in found.text


def test_a_file_that_is_not_locked_does_not_mind_a_password(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "plain.pdf", [Page().text(72, 700, "Nothing is secret here.")])
    assert "Nothing is secret" in read(path, tmp_path, passwords=["swordfish"]).text


def test_without_a_password_the_ways_to_give_one_are_named(locked: Path, tmp_path: Path) -> None:
    with pytest.raises(PasswordNeeded, match=r"keys\.pdf needs a password") as raised:
        read(locked, tmp_path)
    assert "--password" in str(raised.value)
    assert "LIMNER_PASSWORD" in str(raised.value)


@pytest.mark.parametrize(
    ("passwords", "told"),
    [
        (["swordfish"], "The password given is not that of keys.pdf"),
        (["swordfish", "mellon"], "None of the 2 passwords given opens keys.pdf"),
    ],
)
def test_wrong_passwords_are_said_to_be_wrong_and_not_shown(
    passwords: list[str], told: str, locked: Path, tmp_path: Path
) -> None:
    with pytest.raises(PasswordNeeded, match=told) as raised:
        read(locked, tmp_path, passwords=passwords)
    assert not any(password in str(raised.value) for password in passwords)


@with_corpus
def test_a_real_locked_file_is_read_with_its_password(tmp_path: Path) -> None:
    path = CORPUS / "docs" / "libreoffice-writer-password.pdf"
    found = read(path, tmp_path, passwords=["openpassword"])
    assert "vero eos et accusam" in found.text
    assert "dolore magna aliquyam erat" in found.text
