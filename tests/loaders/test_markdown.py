"""Markdown: structure, pictures by relative address, and the HTML in it."""

import base64
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loaders.reading import CORPUS, Reading, expected, picture, read, with_corpus, words


@pytest.fixture
def reread(tmp_path: Path) -> Callable[[str], Reading]:
    folder = tmp_path / "notes"
    (folder / "fig").mkdir(parents=True)
    (folder / "fig" / "quay.png").write_bytes(picture())
    (folder / "fig" / "plan.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")

    def write_and_read(text: str) -> Reading:
        path = folder / "note.md"
        path.write_text(text, encoding="utf-8")
        return read(path, tmp_path)

    return write_and_read


def test_text_lists_and_code_stand_below_their_headings(reread) -> None:
    found = reread(
        "# Harbour\n\nOld and\nnew.\n\nShips\n-----\n- cod\n- herring\n\n1. load\n2. sail\n\n"
        "```python\nif a:\n    b()\n```\n"
    )
    assert [d.metadata["section"] for d in found.documents] == ["Harbour", "Harbour › Ships"]
    assert found.texts == [
        "Harbour\nOld and new.",
        "Ships\n- cod\n- herring\n1. load\n2. sail\nif a:\n    b()",
    ]


def test_a_table_is_read_as_rows(reread) -> None:
    (table,) = reread("| Port | Ships |\n|---|--:|\n| Oslo | `5` |\n").tables
    assert "| Oslo | 5 |" in table.page_content


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ('---\ntitle: "Harbour: a report"\ntags: [a]\n---\n# Other\n', "Harbour: a report"),
        ("+++\ntitle = 'Harbour'\n+++\ntext", "Harbour"),
        ("---\ndate: 2024\n---\n# Harbour *2024*\n", "Harbour 2024"),
        ("Text.\n\n---\n\ntitle: no front matter\n", "note.md"),
    ],
)
def test_the_title_is_that_of_the_front_matter_or_the_first_heading(
    reread, text: str, title: str
) -> None:
    found = reread(text)
    assert found.title == title
    assert "title" not in found.text or title == "note.md"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("![A red quay](fig/quay.png)", {"alt": "A red quay"}),
        (
            '![A red quay](fig/quay.png "The new quay")',
            {"alt": "A red quay", "document": "The new quay"},
        ),
        ("![A red quay][q]\n\n[q]: ./fig/quay.png", {"alt": "A red quay"}),
        ("![](fig/quay.png){alt='A red quay' width=50%}", {"alt": "A red quay"}),
        ('![](fig/quay.png){alt="A red quay"}', {"alt": "A red quay"}),
        ("![](fig/quay.png)\n\n*The new quay*", {"document": "The new quay"}),
        ("![](fig/quay.png)\n*The new quay*", {"document": "The new quay"}),
        ("![](fig/quay.png)\n\nFigure 1. The new quay", {"document": "Figure 1. The new quay"}),
        ("[![A red quay](fig/quay.png)](https://example.org)", {"alt": "A red quay"}),
        ('<img src="fig/quay.png" alt="A red quay">', {"alt": "A red quay"}),
        (
            "<figure>\n<img src='fig/quay.png'>\n<figcaption>The new quay</figcaption>\n</figure>",
            {"document": "The new quay"},
        ),
        (
            f"![A red quay](data:image/png;base64,{base64.b64encode(picture()).decode()})",
            {"alt": "A red quay"},
        ),
    ],
)
def test_a_picture_comes_with_what_is_said_of_it(reread, text: str, said: dict[str, str]) -> None:
    found = reread(f"Before.\n\n{text}\n\nAfter.")
    assert [words(f) for f in found.figures] == [said]
    assert found.texts == ["Before.", "After."]


def test_text_after_a_picture_in_its_paragraph_is_not_its_caption(reread) -> None:
    found = reread("See ![quay](fig/quay.png) at dawn.")
    assert found.texts == ["See at dawn."]
    assert words(found.figures[0]) == {"alt": "quay"}


def test_a_drawing_is_shown_and_what_cannot_be_reached_keeps_its_words(reread) -> None:
    found = reread(
        "![Plan of the quay](fig/plan.svg)\n\n![On the web](https://example.org/a.png)\n\n"
        "![Outside](../secret.png)\n"
    )
    assert "Plan of the quay" in found.figures[0].page_content
    assert found.texts == ["Picture: On the web\nPicture: Outside"]
    reasons = [s.reason for s in found.skipped]
    assert reasons[0].startswith("pictures on the web are not fetched")
    assert "outside" in reasons[1]


def test_marks_of_pandoc_are_not_text(reread) -> None:
    found = reread(
        "## Ships {#ships .main}\n\n::::: objectives\n\n- count\n\n:::::\n\n::: tip\nLook.\n:::\n\n"
        "```\n::: kept\n```\n"
    )
    assert found.documents[0].metadata["section"] == "Ships"
    assert found.texts == ["Ships\n- count\nLook.\n::: kept"]


def test_a_script_in_the_text_is_not_read(reread) -> None:
    found = reread("Before.\n\n<script>\nalert(1)\n</script>\n\nAfter.")
    assert found.texts == ["Before.\nAfter."]


@with_corpus
@pytest.mark.parametrize(
    ("name", "n_figures", "n_skipped"),
    [("03-matplotlib.md", 6, 0), ("07-cond.md", 3, 0), ("azure_multimodal.md", 1, 0)],
)
def test_real_texts_are_read_whole(
    name: str, n_figures: int, n_skipped: int, tmp_path: Path
) -> None:
    found = read(CORPUS / "docs" / name, tmp_path)
    about = expected("docs")[name]
    assert (len(found.figures), len(found.skipped)) == (n_figures, n_skipped)
    assert n_figures + n_skipped == about["images_in_markdown"]
    for passage in about.get("must_contain", []):
        assert passage in found.text
    assert ":::" not in found.text
    assert "{alt=" not in found.text


@with_corpus
def test_the_alternative_text_of_a_real_picture_is_found(tmp_path: Path) -> None:
    found = read(CORPUS / "docs" / "07-cond.md", tmp_path)
    assert words(found.figures[0])["alt"].startswith("A flowchart diagram of the if-else construct")
    assert (
        "Heat map representing the data variable."
        in read(CORPUS / "docs" / "03-matplotlib.md", tmp_path).text
    )


def test_headings_in_a_note_end_with_it(reread) -> None:
    text = (
        "# Plots\n\nOne.\n\n::::: challenge\n\n## Try it\n\nTwo.\n\n::: solution\n\n### Done\n\n"
        "Three.\n\n:::\n\nFour.\n\n:::::\n\nFive.\n\n:::\n\n## Next\n\nSix.\n"
    )
    found = reread(text)
    assert [(d.metadata["section"], d.page_content.split("\n")[-1]) for d in found.documents] == [
        ("Plots", "One."),
        ("Plots › Try it", "Two."),
        ("Plots › Try it › Done", "Three."),
        ("Plots › Try it", "Four."),
        ("Plots", "Five."),
        ("Plots › Next", "Six."),
    ]


INTERVALS = " ".join(f"[{n}, {n + 1})" for n in range(60))


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (INTERVALS, INTERVALS),
        (f"`{'[' * 60}`", "[" * 60),
        (f"`` {'[`' * 60} ``", "[`" * 60),
        ("\\[" * 60, "[" * 60),
        ("[ " * 60 + "x" + " ]" * 60, "[ " * 60 + "x" + " ]" * 60),
    ],
)
def test_many_brackets_cost_a_paragraph_neither_words_nor_pictures(
    before: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "p.png").write_bytes(picture())
    path = tmp_path / "a.md"
    path.write_text(f"# A\n\n{before} [see](http://x.example) ![A wall](p.png)\n")
    found = read(path, tmp_path)
    assert found.texts == [f"A\n{said} see"]
    (figure,) = found.figures
    assert "A wall" in figure.page_content


def test_a_picture_in_many_brackets_is_one(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(picture())
    path = tmp_path / "a.md"
    path.write_text("[" * 60 + "![A wall](p.png)" + "]" * 60)
    assert len(read(path, tmp_path).figures) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        '<a title="`">' + "[" * 50_000 + "`",
        "[a](b`c) " + "[" * 50_000 + "`",
        "![" * 20_000 + "](x)" * 20_000,
    ],
)
def test_brackets_without_end_take_little_time(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(text)
    start = time.process_time()
    read(path, tmp_path)
    assert time.process_time() - start < 10


def test_a_quotation_before_all_headings_names_no_section_for_what_comes_after(reread) -> None:
    found = reread("> ## Abstract\n> Short.\n\nMain text.\n\n# One\n\nTwo.\n")
    sections = [d.metadata.get("section") for d in found.documents]
    assert sections == ["Abstract", None, "One"]


def test_a_note_without_an_end_is_none_and_cells_keep_their_words(reread) -> None:
    found = reread(
        "# A\n\n::: toc\n\n| mark | meaning |\n|---|---|\n| ::: note | opens |\n\n# B\n\nText.\n\n"
        "::: tip\n\nLook.\n"
    )
    assert [d.metadata["section"] for d in found.documents] == ["A", "B"]
    assert "| ::: note | opens |" in found.tables[0].page_content
    assert found.texts[-1] == "B\nText.\nLook."
