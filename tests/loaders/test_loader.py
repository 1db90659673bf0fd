"""From elements to Documents: what all formats share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from loaders.captioning.describer import FigureDescriber
from loaders.elements import (
    Element,
    Figure,
    Heading,
    Info,
    Paragraph,
    Sheet,
    Skipped,
    Speech,
    Table,
)
from loaders.errors import EmptyDocument, LimitExceeded, SourceMissing
from loaders.limits import DEFAULT_LIMITS, Limits
from loaders.loader import DocumentLoader
from loaders.media import MediaStore
from loaders.source import SourceFile


class Given(DocumentLoader):
    """Yields the elements it was given."""

    elements: tuple[Element, ...] = ()

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        yield from self.elements


@pytest.fixture
def given(tmp_path: Path):
    path = tmp_path / "report.txt"
    path.write_text("anything")
    media = MediaStore(tmp_path / "media")

    def make(*elements: Element, limits: Limits = DEFAULT_LIMITS) -> Given:
        loader = Given(path, media=media, describer=FigureDescriber(media), limits=limits)
        loader.elements = elements
        return loader

    return make


def red(side: int = 60) -> Image.Image:
    return Image.new("RGB", (side, side), "red")


def test_text_knows_its_page_and_heading_path(given) -> None:
    loader = given(
        Info(title="Annual report", n_pages=2),
        Heading("Results", 1, page=1),
        Heading("Oil", 2, page=1),
        Paragraph("Oil fell.", page=1),
        Heading("Gold", 2, page=2),
        Paragraph("Gold rose.", page=2),
    )
    oil, gold = loader.load()
    assert oil.page_content == "Oil\nOil fell."
    assert oil.metadata["section"] == "Results › Oil"
    assert oil.metadata["title"] == "Annual report"
    assert (gold.metadata["section"], gold.metadata["page"]) == ("Results › Gold", 2)
    assert gold.metadata["source"].startswith("file:///")
    assert "bbox" not in gold.metadata
    assert loader.n_pages == 2


def test_a_chunk_never_spans_two_pages(given) -> None:
    documents = given(Paragraph("One.", page=1), Paragraph("Two.", page=2)).load()
    assert [d.metadata["page"] for d in documents] == [1, 2]


def test_a_heading_with_nothing_below_it_is_kept(given) -> None:
    documents = given(
        Heading("Only a title", 1, page=1), Heading("Next", 1, page=2), Paragraph("Text.", page=2)
    ).load()
    assert [d.page_content for d in documents] == ["Only a title", "Next\nText."]


def test_a_long_text_is_cut_at_the_ends_of_sentences(given) -> None:
    text = " ".join(f"This is sentence number {n} of the text." for n in range(100))
    documents = given(Paragraph(text)).load()
    assert len(documents) > 3
    assert all(d.page_content.endswith(".") and len(d.page_content) <= 900 for d in documents)
    assert " ".join(d.page_content for d in documents) == text


def test_a_long_table_repeats_its_header(given) -> None:
    rows = (("City", "Units"), *((f"City number {n}", str(n)) for n in range(200)))
    documents = given(Table(rows, caption="Table 1. Units")).load()
    assert len(documents) > 2
    assert all("| City | Units |" in d.page_content for d in documents)
    assert all(d.metadata["caption"] == "Table 1. Units" for d in documents)
    assert sum(d.page_content.count("City number") for d in documents) == 200


def test_a_cell_cannot_break_the_table(given) -> None:
    (document,) = given(Table((("a", "b"), ("x | y", "1\n2")))).load()
    assert "| x \\| y | 1 2 |" in document.page_content


def test_a_figure_is_a_document_of_its_own_with_picture_and_provenance(given) -> None:
    loader = given(
        Heading("Oil", 1, page=3),
        Paragraph("As Figure 2 shows, oil fell in 2020.", page=3),
        Figure(
            red(), caption="Figure 2. Oil prices", alt="Line chart", page=3, bbox=(0, 0, 0.5, 0.5)
        ),
    )
    _, figure = loader.load()
    metadata = figure.metadata
    assert metadata["modality"] == "figure"
    assert metadata["caption"] == "Figure 2. Oil prices"
    assert metadata["descriptions"] == {"document": "Figure 2. Oil prices", "alt": "Line chart"}
    assert (metadata["width"], metadata["height"], metadata["page"]) == (60, 60, 3)
    assert metadata["bbox"] == [0, 0, 0.5, 0.5]
    assert metadata["image_url"] == loader.media.url(metadata["image_key"])
    assert loader.media.path(metadata["image_key"]).exists()
    assert "As Figure 2 shows, oil fell in 2020." in figure.page_content


def test_a_figure_without_words_is_found_by_the_text_beside_it(given) -> None:
    _, figure = given(
        Paragraph("The crater lakes of Quebec.", page=1), Figure(red(), page=1)
    ).load()
    assert "The crater lakes of Quebec." in figure.page_content


def test_icons_and_repeats_are_not_figures(given) -> None:
    documents = given(Figure(red(20)), Figure(red()), Figure(red())).load()
    assert len(documents) == 1


def test_a_broken_picture_is_reported_and_the_rest_is_read(given) -> None:
    broken = Figure(b"not a picture", caption="Figure 1. Oil", page=4)
    loader = given(Paragraph("Text."), broken)
    assert [d.page_content for d in loader.load()] == ["Text.", "Figure 1. Oil"]
    (skipped,) = loader.skipped
    assert skipped.what == "A figure on page 4"
    assert "cannot be decoded" in skipped.reason


def test_what_a_format_leaves_out_is_reported(given) -> None:
    loader = given(Paragraph("Text."), Skipped("A picture", "it is on the web"))
    loader.load()
    assert loader.skipped == [Skipped("A picture", "it is on the web")]


def test_ids_are_stable_and_unique(given) -> None:
    elements = (Paragraph("Same.", page=1), Figure(red(), page=1), Paragraph("Same.", page=1))
    first = [d.metadata["chunk_id"] for d in given(*elements).load()]
    again = [d.metadata["chunk_id"] for d in given(*elements).load()]
    assert first == again
    assert len(set(first)) == 3


def test_a_document_with_nothing_in_it_is_an_error(given) -> None:
    with pytest.raises(EmptyDocument, match=r"report\.txt holds no text"):
        given(Info(n_pages=3), Paragraph("  ")).load()


def test_more_text_than_the_limit_is_an_error(given) -> None:
    with pytest.raises(LimitExceeded, match="10 characters"):
        given(Paragraph("x" * 20), limits=Limits(max_text_chars=10)).load()


def test_figures_over_the_limit_are_reported(given) -> None:
    loader = given(Figure(red(60)), Figure(red(61)), limits=Limits(max_figures=1))
    assert len(loader.load()) == 1
    assert "limit is 1 figures" in loader.skipped[0].reason


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    media = MediaStore(tmp_path / "media")
    loader = Given(tmp_path / "no.pdf", media=media, describer=FigureDescriber(media))
    with pytest.raises(SourceMissing, match=r"no\.pdf is not there"):
        loader.load()


def test_a_sheet_is_told_of_all_that_stands_on_it(given) -> None:
    found = given(
        Sheet("Sales"),
        Table((("Year", "Sum"), ("2005", "40"))),
        Heading("Notes", 1),
        Paragraph("In thousands."),
        Sheet("Costs"),
        Paragraph("None."),
    ).load()
    assert [(d.metadata["sheet"], d.metadata["section"]) for d in found] == [
        ("Sales", "Sales"),
        ("Sales", "Sales › Notes"),
        ("Costs", "Costs"),
    ]


def test_speech_is_a_piece_with_its_time(given) -> None:
    (spoken,) = given(Speech("Ask not what\nyour country", 3.5014, 9.25)).load()
    assert spoken.page_content == "Ask not what your country"
    assert (spoken.metadata["modality"], spoken.metadata["start"]) == ("audio", 3.5)
    assert spoken.metadata["end"] == 9.25


def test_what_is_said_in_a_film_has_the_picture_of_the_scene_shown_meanwhile(given) -> None:
    blue = Image.new("RGB", (60, 60), "blue")
    found = given(
        Figure(red(), start=0.0, end=10.0),
        Figure(blue, start=10.0, end=60.0),
        Speech("Work begins in May.", 8.0, 30.0, "video"),
        Speech("Credits.", 70.0, 80.0, "video"),
    ).load()
    _, second, said, credits_ = found
    assert said.metadata["image_key"] == second.metadata["image_key"]
    assert said.metadata["modality"] == "video"
    assert "image_key" not in credits_.metadata


def test_a_passage_of_a_film_is_known_by_its_words_and_not_by_its_scene(given) -> None:
    def ids(*texts: str) -> list[str]:
        spoken = [Speech(text, 10.0 * n, 10.0 * n + 9, "video") for n, text in enumerate(texts)]
        found = given(Figure(red(), start=0.0, end=60.0), *spoken).load()
        return [d.metadata["chunk_id"] for d in found if d.metadata["modality"] == "video"]

    assert ids("One.", "Two.")[1] == ids("Zero.", "One.", "Two.")[2]
