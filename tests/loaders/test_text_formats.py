"""reStructuredText, XML, rich text and program text."""

from pathlib import Path

import pytest

from loaders.errors import BrokenDocument, EmptyDocument, LimitExceeded
from loaders.rst import _excess
from tests.loaders.reading import CORPUS, Reading, picture, read, with_corpus, words


def reread(folder: Path, text: str | bytes, name: str) -> Reading:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(folder / name, folder)


# reStructuredText


def test_rst_has_sections_tables_code_and_figures(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    found = reread(
        tmp_path,
        "Harbour\n=======\n\nOld *and* new.\n\nQuay\n----\n\n.. figure:: a.png\n   :alt: Two cranes"
        "\n\n   Figure 1: Cranes\n\n.. csv-table::\n   :header: a, b\n\n   1, 2\n\n::\n\n   x = 1\n"
        "   y = 2\n",
        "a.rst",
    )
    assert found.title == "Harbour"
    assert found.documents[0].page_content == "Harbour\nOld and new."
    assert words(found.figures[0]) == {"document": "Figure 1: Cranes", "alt": "Two cranes"}
    assert found.tables[0].metadata["section"] == "Harbour › Quay"
    assert "x = 1\ny = 2" in found.text


def test_bars_of_a_long_table_are_no_substitutions() -> None:
    rows = "| 1 | 2 |\n+---+---+\n" * 10_100
    assert not _excess(f".. |x| replace:: limner\n\nUses |X|.\n\n+---+---+\n{rows}")


@pytest.mark.parametrize("use", ["|l11|", "|L11|", "|  |l11|", "| a |l11| b |", "|\nl11|"])
def test_substitutions_that_grow_without_end_are_told(use: str) -> None:
    levels = "".join(f".. |l{n}| replace:: {f'|l{n - 1}| ' * 10}\n" for n in range(1, 12))
    assert "substitutions" in _excess(f"{levels}.. |l0| replace:: laugh\n\n{use}\n")


def test_rst_keeps_the_words_of_what_docutils_does_not_know(tmp_path: Path) -> None:
    found = reread(
        tmp_path,
        "See :class:`~quay.Crane` or :ref:`the plan <plan>`.\n\n.. versionadded:: 3.2\n"
        "   Tides.\n\n.. py:function:: f(x)\n   :module: m\n\n   Gives *x*.\n",
        "a.rst",
    )
    for said in ("See quay.Crane or the plan.", "3.2", "Tides.", "f(x)", "Gives x."):
        assert said in found.text


def test_rst_reads_no_other_file_and_passes_no_html(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    text = "".join(
        f".. {name}\n\n"
        for name in (
            "include:: secret.txt",
            "literalinclude:: secret.txt",
            "raw:: html\n\n   <b>RAW</b>",
            "csv-table:: t\n   :file: secret.txt",
        )
    )
    found = reread(tmp_path, f"Words.\n\n{text}", "a.rst")
    assert "SECRET" not in found.text
    assert "RAW" not in found.text


def test_rst_that_docutils_gives_up_on_is_read_as_plain_text(tmp_path: Path) -> None:
    deep = "".join(f"{'  ' * n}* x{n}\n\n" for n in range(1200))
    found = reread(tmp_path, deep, "a.rst")
    assert "x1199" in found.text


# XML


def test_xml_is_read_as_text_under_its_titles(tmp_path: Path) -> None:
    found = reread(
        tmp_path,
        "<?xml version='1.0'?><doc><title>Harbour</title><sec><title>Quay</title>"
        "<p>Old <b>and</b> new.</p></sec><rec id='3'><city>Ulm</city><n>2</n></rec></doc>",
        "a.xml",
    )
    assert found.title == "Harbour"
    assert found.documents[0].metadata["section"] == "Harbour › Quay"
    assert "Old and new." in found.text
    assert "city: Ulm" in found.text


def test_xml_reads_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("SECRET")
    uri = (tmp_path / "secret.txt").as_uri()
    found = reread(
        tmp_path,
        f"<!DOCTYPE a [<!ENTITY x SYSTEM '{uri}'>]><a><p>Words</p><p>&x;</p></a>",
        "a.xml",
    )
    assert "SECRET" not in found.text
    assert found.skipped[0].what == "Text in 1 places"


def test_xml_keeps_the_characters_that_html_names(tmp_path: Path) -> None:
    text = "<!DOCTYPE a SYSTEM 'a.dtd'><a><p>Caf&eacute; &mdash; quay</p></a>"
    assert "Café — quay" in reread(tmp_path, text, "a.xml").text


@with_corpus
def test_entities_that_unpack_to_too_much_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="entities"):
        read(CORPUS / "hostile" / "quadratic.xml", tmp_path)


def test_a_billion_laughs_are_not_laughed(tmp_path: Path) -> None:
    entities = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
    text = f"<!DOCTYPE a [<!ENTITY l0 'ha'>{entities}]><a>&l9;</a>"
    with pytest.raises((LimitExceeded, EmptyDocument)):
        reread(tmp_path, text, "a.xml")


def test_damaged_xml_is_read_to_its_fault(tmp_path: Path) -> None:
    found = reread(tmp_path, "<a><p>One</p><p>Two</p><p", "a.xml")
    assert "One" in found.text
    assert "damaged" in found.skipped[0].reason


def test_the_attributes_of_a_record_stand_with_its_values(tmp_path: Path) -> None:
    found = reread(tmp_path, "<r><b id='1'><title>Fens</title><p>12</p></b><z>x</z></r>", "a.xml")
    assert found.documents[0].page_content == "Fens\nid=1\n12\nx"


# Rich text


def test_rtf_has_its_words_and_pictures_in_order(tmp_path: Path) -> None:
    drawn = picture().hex()
    found = reread(
        tmp_path,
        rb"{\rtf1\ansi{\info{\title The Quay}}Gr\'fc\'dfe \u8364? first.\par "
        rb"{\*\shppict{\pict\pngblip\picw80 " + drawn.encode() + rb"}}"
        rb"{\nonshppict{\pict\wmetafile8 0100}}Then last.}",
        "a.rtf",
    )
    assert found.title == "The Quay"
    assert [d.metadata["modality"] for d in found.documents] == ["text", "figure", "text"]
    assert found.texts == ["Grüße € first.", "Then last."]
    assert not found.skipped


def test_rtf_with_a_picture_cut_off_keeps_its_words(tmp_path: Path) -> None:
    found = reread(tmp_path, rb"{\rtf1 Words.\par{\pict\pngblip 89504e4", "a.rtf")
    assert found.texts == ["Words."]
    assert found.skipped


def test_rtf_without_words_is_refused(tmp_path: Path) -> None:
    with pytest.raises((EmptyDocument, BrokenDocument)):
        reread(tmp_path, rb"{\rtf1 }", "a.rtf")


# Program text

FUNCTION = (
    "# Counts {0}.\n@cached\ndef count_{0}(x):\n" + "    x = f(x)\n\n" * 40 + "    return x\n\n\n"
)


def test_a_function_stays_whole_with_its_comment_and_decorator(tmp_path: Path) -> None:
    code = "".join(FUNCTION.format(name) for name in ("ships", "cranes", "tides"))
    found = reread(tmp_path, code, "a.py")
    chunks = [t for t in found.texts if "@cached" in t]
    assert len(chunks) == 3
    for name, chunk in zip(("ships", "cranes", "tides"), chunks, strict=True):
        assert chunk.splitlines()[1] == f"# Counts {name}."
        assert chunk.endswith("return x")


def test_a_chunk_of_code_knows_its_lines(tmp_path: Path) -> None:
    code = "".join(FUNCTION.format(name) for name in ("ships", "cranes"))
    found = reread(tmp_path, code, "a.py")
    second = found.documents[1]
    first_line = int(second.metadata["section"].removeprefix("Lines ").split("–")[0])
    assert code.splitlines()[first_line - 1] == "# Counts cranes."


@pytest.mark.parametrize("suffix", ["js", "go", "rs", "java", "cpp"])
def test_blocks_in_braces_stay_whole(tmp_path: Path, suffix: str) -> None:
    block = "// Of {0}.\nfunction {0}() {{\n" + "    call(1, 2, 3);\n" * 40 + "}}\n\n"
    found = reread(tmp_path, block.format("one") + block.format("two"), f"a.{suffix}")
    assert [t.splitlines()[1] for t in found.texts] == ["// Of one.", "// Of two."]
    assert all(t.endswith("}") for t in found.texts)


def test_a_class_that_is_too_long_is_cut_between_its_methods(tmp_path: Path) -> None:
    method = "    def m{0}(self):\n" + "        self.x += 1\n" * 30 + "\n"
    code = "class Crane:\n" + "".join(method.format(n) for n in range(8))
    found = reread(tmp_path, code, "a.py")
    assert found.texts[0].splitlines()[1:3] == ["class Crane:", "    def m0(self):"]
    for text in found.texts[1:]:
        assert text.splitlines()[1].startswith("    def m")


def test_listings_in_markdown_stay_whole(tmp_path: Path) -> None:
    code = "\n".join(f"line_{n} = compute_something({n})" for n in range(50))
    found = reread(tmp_path, f"# Listing\n\nBefore.\n\n```python\n{code}\n```\n\nAfter.", "a.md")
    assert any(code in t for t in found.texts)
