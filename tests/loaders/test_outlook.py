"""Outlook messages: text, pictures in it, and attached files and messages."""

import struct
from pathlib import Path

import pytest

from loaders.errors import BrokenDocument
from tests.loaders.damaged import damaged
from tests.loaders.msg_files import Tree, attachment, binary, text, write_msg
from tests.loaders.reading import picture, read, words
from tests.loaders.test_web_damage import outcome

SENT = (958_607_244 + 11_644_473_600) * 10_000_000  # 17 May 2000, 23:47:24 UTC


def headers(n_bytes: int) -> Tree:
    sent = struct.pack("<HHIQ", 0x40, 0x39, 6, SENT)
    return {"__properties_version1.0": bytes(n_bytes) + sent}


MESSAGE: Tree = {
    **headers(32),
    **text("0037", "Quay works"),
    **text("0C1A", "Ann Lee"),
    **text("5D01", "ann@example.org"),
    **text("0E04", "Bo"),
}
INNER: Tree = {**headers(24), **text("0037", "Inner"), **text("1000", "Deep words.")}


def test_a_message_says_who_wrote_what_to_whom(tmp_path: Path) -> None:
    path = write_msg(tmp_path / "a.msg", {**MESSAGE, **text("1000", "They begin\r\n\r\nin May.")})
    found = read(path, tmp_path)
    assert (found.title, found.loader) == ("Quay works", "OutlookLoader")
    assert found.documents[0].page_content.splitlines() == [
        "Quay works",
        "From: Ann Lee <ann@example.org>",
        "To: Bo",
        "Date: Wed, 17 May 2000 23:47 UTC",
        "They begin",
        "in May.",
    ]


def test_html_comes_before_text_with_its_pictures(tmp_path: Path) -> None:
    page = b"<p>They begin in <b>June</b>.</p><img src='cid:plan@1' alt='Two cranes'>"
    drawn = {**text("3707", "plan.png"), **text("3712", "plan@1"), **binary("3701", picture())}
    tree = {**MESSAGE, **text("1000", "Plain."), **binary("1013", page), **attachment(0, drawn)}
    found = read(write_msg(tmp_path / "a.msg", tree), tmp_path)
    assert "June" in found.text
    assert "Plain." not in found.text
    assert [words(f) for f in found.figures] == [{"alt": "Two cranes"}]


def test_attached_files_and_messages_are_read(tmp_path: Path) -> None:
    table = b"a,b\n1,2\n".ljust(4096, b"\n")
    rows = {**text("3707", "rows.csv"), **binary("3701", table)}
    inner = {**text("3001", "Inner"), "__substg1.0_3701000D": INNER}
    tree = {**MESSAGE, **text("1000", "See below."), **attachment(0, rows), **attachment(1, inner)}
    found = read(write_msg(tmp_path / "a.msg", tree), tmp_path)
    assert [t.metadata["section"] for t in found.tables] == ["Attachment: rows.csv"]
    assert "Deep words." in found.text
    assert found.documents[-1].metadata["section"] == "Attachment: Inner › Inner"


def test_messages_inside_each_other_end_at_the_limit(tmp_path: Path) -> None:
    tree = INNER
    for _ in range(5):
        tree = {**INNER, **attachment(0, {"__substg1.0_3701000D": tree})}
    found = read(write_msg(tmp_path / "a.msg", {**tree, **headers(32)}), tmp_path)
    assert "messages inside each other" in found.skipped[-1].reason


def test_a_damaged_message_is_read_or_refused(tmp_path: Path) -> None:
    path = write_msg(tmp_path / "a.msg", {**MESSAGE, **text("1000", "Words.")})
    content = path.read_bytes()
    for kind in ("cut", "flip"):
        for copy in damaged(content, kind, 40):
            path.write_bytes(copy)
            outcome(path, tmp_path)


def test_a_file_that_is_only_named_a_message_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.msg").write_bytes(b"Words.")
    with pytest.raises(BrokenDocument, match="is not one"):
        read(tmp_path / "a.msg", tmp_path)
