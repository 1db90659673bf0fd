"""Figures with more words than the embedding model reads."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from PIL import Image

from assistant.answer import Source
from assistant.citations import CitationChecker
from assistant.quotes import find_quotes
from loaders.captioning.describer import FigureDescriber
from loaders.captioning.fusion import TEXT_LABEL, FigureWords, fuse
from loaders.captioning.parts import MAX_PARTS, MAX_TOKENS, Line, n_tokens, split
from loaders.elements import Figure, Paragraph
from loaders.media import MediaStore
from tests.assistant.words import WordEmbeddings
from tests.loaders.test_loader import Given

ROWS = "\n".join(f"Station {n} measured {n}.5 metres at {n}:30" for n in range(60))
CAPTION = "Figure 3. The gauges of the river."


def long_figure(text: str = ROWS) -> list[str]:
    return fuse(
        FigureWords(document=CAPTION, alt="A list on a screen", ocr=text),
        title="Floods",
        section="Flood control",
        references=["As Figure 3 shows, the river rose."],
    )


def test_the_first_part_holds_all_that_people_wrote() -> None:
    first, *_ = long_figure()
    assert first.splitlines()[:2] == [CAPTION, "A list on a screen"]
    assert "Section: Flood control" in first
    assert "The document says: As Figure 3 shows, the river rose." in first


def test_each_further_part_begins_with_the_caption_and_goes_on_with_the_text() -> None:
    parts = long_figure()
    assert len(parts) > 2
    assert all(part.splitlines()[0] == CAPTION for part in parts)
    assert all(part.splitlines()[1].startswith(TEXT_LABEL) for part in parts[1:])


SEEN = "A man is riding a brown horse."
BY_PROGRAM = f"{SEEN} Description automatically generated"


def further_parts(words: FigureWords) -> list[Source]:
    """Sources of all parts of a figure but the first, as a search may find them."""
    _, *more = fuse(words, title="Floods", section="Flood control")
    assert more
    metadata = {"title": "Floods", "modality": "figure", "image_key": "k", "section": "Rivers"}
    return [Source(n, 0.5, Document(text, metadata=metadata)) for n, text in enumerate(more, 1)]


@pytest.mark.parametrize(
    "words",
    [
        FigureWords(ocr=ROWS, blip=SEEN),
        FigureWords(ocr=ROWS, vision=f"{SEEN} It stands still."),
        FigureWords(ocr=ROWS, alt=BY_PROGRAM),
    ],
    ids=["blip", "vision", "alt"],
)
def test_a_machines_words_are_no_evidence_in_a_further_part_either(words: FigureWords) -> None:
    sources = further_parts(words)
    assert all("brown horse" in s.document.page_content for s in sources)
    assert not CitationChecker(sources, WordEmbeddings()).check(SEEN).supported
    asked = "Which brown horse is a man riding?"
    assert not any("horse" in q.text for q in find_quotes(asked, sources, WordEmbeddings()))


def test_what_a_person_wrote_is_evidence_in_each_part() -> None:
    sources = further_parts(FigureWords(document=SEEN, ocr=ROWS, blip="a poster"))
    assert CitationChecker(sources, WordEmbeddings()).check(SEEN).supported
    assert all("A machine sees" not in s.document.page_content for s in sources)


def test_where_nobody_says_anything_a_further_part_begins_with_its_section() -> None:
    sources = further_parts(FigureWords(ocr=ROWS))
    heads = {s.document.page_content.splitlines()[0] for s in sources}
    assert heads == {"Section: Flood control"}
    asked = "What is flood control?"
    assert not any("control" in q.text for q in find_quotes(asked, sources, WordEmbeddings()))
    assert fuse(FigureWords(ocr=ROWS), title="")[1].startswith(TEXT_LABEL)


def test_no_line_of_the_picture_is_lost_or_torn() -> None:
    together = "\n".join(long_figure())
    assert all(together.count(row) == 1 for row in ROWS.splitlines())


def test_a_part_is_no_longer_than_the_model_reads() -> None:
    assert all(n_tokens(part) <= MAX_TOKENS + 5 for part in long_figure())


def test_a_picture_of_endless_text_has_a_limited_number_of_parts() -> None:
    text = "\n".join(f"word{n} and other{n}" for n in range(20_000))
    assert len(long_figure(text)) <= MAX_PARTS


def test_what_the_document_says_elsewhere_needs_no_part_of_its_own() -> None:
    said = [f"As Figure 3 shows, station {n} was under water for several days." for n in range(30)]
    assert len(fuse(FigureWords(document=CAPTION), title="Floods", references=said)) == 1


@given(st.lists(st.tuples(st.text(max_size=900), st.booleans(), st.booleans()), max_size=6))
def test_any_lines_can_be_split(found: Sequence[tuple[str, bool, bool]]) -> None:
    lines = [Line("Label: ", text, lettering, other) for text, lettering, other in found]
    parts = split(lines, "A head")
    assert 1 <= len(parts) <= MAX_PARTS


@pytest.mark.timeout(10)
def test_a_text_of_numbers_without_end_is_cut_in_time_that_grows_with_its_length() -> None:
    numbers = Line(TEXT_LABEL, "1 " * 200_000, is_lettering=True)
    assert len(split([Line("", CAPTION), numbers], CAPTION)) == 1  # numbers alone need no part


def read_figure(folder: Path, text: str) -> list[Document]:
    """The Documents of a figure with this text in it, after a paragraph."""
    path = folder / "floods.txt"
    path.write_text("anything")
    media = MediaStore(folder / "media")
    loader = Given(path, media=media, describer=FigureDescriber(media))
    picture = Image.new("RGB", (80, 60), "navy")
    loader.elements = (
        Paragraph("As Figure 3 shows, the river rose.", page=2),
        Figure(picture, caption=CAPTION, alt="Picture 4", page=2, ocr=text),
    )
    return loader.load()[1:]


def test_the_parts_of_a_figure_show_one_picture_and_have_ids_that_do_not_change(
    tmp_path: Path,
) -> None:
    first, *more = read_figure(tmp_path, ROWS)
    (short,) = read_figure(tmp_path, "Station 1")
    assert first.metadata["chunk_id"] == short.metadata["chunk_id"]
    assert "part" not in first.metadata
    for n, document in enumerate(more, start=2):
        part = {"part": n, "chunk_id": f"{first.metadata['chunk_id']}.{n}"}
        assert document.metadata == first.metadata | part


def test_a_figure_says_why_a_description_of_it_was_left_out(tmp_path: Path) -> None:
    (figure,) = read_figure(tmp_path, "★")
    assert figure.metadata["descriptions"] == {"document": CAPTION}
    assert figure.metadata["rejected"] == {"alt": "generic", "ocr": "no language"}
