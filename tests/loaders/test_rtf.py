"""What a rich text file's tracked changes and pictures come to."""

from __future__ import annotations

from pathlib import Path

from tests.loaders.reading import Reading, picture, read


def reread(folder: Path, content: bytes) -> Reading:
    path = folder / "note.rtf"
    path.write_bytes(content)
    return read(path, folder)


def test_what_a_tracked_change_deleted_is_not_read(tmp_path: Path) -> None:
    found = reread(
        tmp_path,
        rb"{\rtf1 The mole is {\deleted\revauthdel1 \loch 300 metres{\b long}}{\revised\revauth1 "
        rb"412 metres.}\par Kept \deleted lost {\i all of it}\deleted0 words \{\\deleted\}.}",
    )
    assert found.text == "The mole is 412 metres.\nKept words {\\deleted}."


def test_a_picture_with_properties_is_read_with_its_description(tmp_path: Path) -> None:
    digits = picture().hex().encode()
    lines = b"\r\n".join(digits[n : n + 128] for n in range(0, len(digits), 128))
    found = reread(
        tmp_path,
        rb"{\rtf1 W.\par {\*\shppict{\pict{\*\picprop{\sp{\sn wzDescription}{\sv Red b\'fcoy}}"
        rb"{\sp{\sn wzName}{\sv }}}\picscalex62\pngblip{\*\blipuid 00ff12}"
        + b"\n" + lines + rb"}}{\nonshppict{\pict\wmetafile8 0100}}\par}",
    )  # fmt: skip
    assert [figure.page_content.split("\n")[0] for figure in found.figures] == ["Red büoy"]
    assert not found.skipped


def test_hidden_text_is_not_read(tmp_path: Path) -> None:
    found = reread(tmp_path, rb"{\rtf1 {\v\loch Secret}Shown, \v hidden\v0  and shown.}")
    assert found.text == "Shown,  and shown."
