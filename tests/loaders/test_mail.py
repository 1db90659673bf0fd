"""E-mail and saved web pages: text, pictures in it by their ids, and the files attached."""

from email.message import EmailMessage
from pathlib import Path

from tests.loaders.reading import picture, read, words


def message(subject: str = "Quay works", text: str = "They begin in May.") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ann Lee <ann@example.org>"
    mail["To"] = "Bo <bo@example.org>"
    mail["Date"] = "Wed, 17 May 2000 19:47:24 -0400"
    mail["Subject"] = subject
    mail.set_content(text)
    return mail


def write(path: Path, mail: EmailMessage) -> Path:
    path.write_bytes(mail.as_bytes())
    return path


def test_a_message_says_who_wrote_what_to_whom(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.eml", message("Größe – quay")), tmp_path)
    assert found.title == "Größe – quay"
    (document,) = found.documents
    assert document.page_content.splitlines() == [
        "Größe – quay",
        "From: Ann Lee <ann@example.org>",
        "To: Bo <bo@example.org>",
        "Date: Wed, 17 May 2000 19:47:24 -0400",
        "They begin in May.",
    ]


def test_of_two_forms_html_is_read_with_its_pictures(tmp_path: Path) -> None:
    mail = message()
    mail.add_alternative("<p>They begin in <b>June</b>.</p><img src='cid:x@y' alt='Plan'>", "html")
    mail.get_payload()[1].add_related(picture(30, 30), "image", "png", cid="<x@y>")
    found = read(write(tmp_path / "a.eml", mail), tmp_path)
    assert "June" in found.text
    assert "in May" not in found.text
    assert [words(f) for f in found.figures] == [{"alt": "Plan"}]


def test_empty_html_gives_way_to_the_plain_text(tmp_path: Path) -> None:
    mail = message()
    mail.add_alternative("<img src='https://example.org/pixel.gif' width=1 height=1>", "html")
    assert "They begin in May." in read(write(tmp_path / "a.eml", mail), tmp_path).text


def test_attached_files_and_messages_are_read(tmp_path: Path) -> None:
    mail = message()
    mail.add_attachment(b"a,b\n1,2\n", "text", "csv", filename="rows.csv")
    mail.add_attachment(picture(), "image", "png", filename="../../plan.png")
    mail.add_attachment(message("Inner", "Deep words."))
    found = read(write(tmp_path / "a.eml", mail), tmp_path)
    assert [t.metadata["section"] for t in found.tables] == ["Attachment: rows.csv"]
    assert [f.metadata["section"] for f in found.figures] == ["Attachment: ../../plan.png"]
    assert "Deep words." in found.text
    assert not list(tmp_path.parent.glob("plan.png"))


def test_a_picture_that_is_attached_is_read_though_it_is_small(tmp_path: Path) -> None:
    mail = message()
    mail.add_attachment(picture(24, 24), "image", "png", filename="dot.png")
    assert len(read(write(tmp_path / "a.eml", mail), tmp_path).figures) == 1


def test_no_picture_comes_from_beside_the_message(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    mail = message()
    mail.add_alternative("<p>Look</p><img src='secret.png' alt='A b c'>", "html")
    found = read(write(tmp_path / "a.eml", mail), tmp_path)
    assert not found.figures
    assert "A b c" in found.text


def test_a_mailbox_is_read_message_by_message(tmp_path: Path) -> None:
    box = b"".join(
        b"From ann Wed May 17 19:47:24 2000\n" + message(name, f"Of {name}.").as_bytes() + b"\n"
        for name in ("One", "Two")
    )
    (tmp_path / "all.mbox").write_bytes(box)
    found = read(tmp_path / "all.mbox", tmp_path)
    assert [d.metadata["section"] for d in found.documents] == ["One", "Two"]


def test_a_message_is_known_without_its_suffix(tmp_path: Path) -> None:
    assert read(write(tmp_path / "m0017.txt", message()), tmp_path).loader == "MailLoader"


def test_an_encrypted_message_says_so(tmp_path: Path) -> None:
    content = message().as_bytes() + b""
    mail = EmailMessage()
    mail["Subject"] = "Secret"
    mail.set_content(content, "application", "pkcs7-mime")
    found = read(write(tmp_path / "a.eml", mail), tmp_path)
    assert found.skipped[0].what == "An encrypted part"


def test_a_saved_page_shows_its_pictures(tmp_path: Path) -> None:
    page = EmailMessage()
    page["Snapshot-Content-Location"] = "https://example.org/quay"
    page.set_content(
        "<html><head><title>Quay</title></head><body><main><h1>Quay</h1><p>Old and new.</p>"
        "<img src='/a.png' alt='Two cranes'></main></body></html>",
        "html",
    )
    page["Content-Location"] = "https://example.org/quay"
    page.add_related(
        picture(), "image", "png", headers=["Content-Location: https://example.org/a.png"]
    )
    found = read(write(tmp_path / "page.mhtml", page), tmp_path)
    assert (found.title, found.loader) == ("Quay", "MhtmlLoader")
    assert [words(f) for f in found.figures] == [{"alt": "Two cranes"}]
