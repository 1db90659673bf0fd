"""Pictures of the corpus are found by what they show: its lettering, and what BLIP sees in them.

PDF has its own test of lettering, `test_pdf_corpus`.
"""

from pathlib import Path

import pytest

from loaders import BlipCaptioner, FigureDescriber, MediaStore, load
from tests.loaders.reading import CORPUS, expected, with_corpus

LETTERED = {
    name: facts["ocr_must_contain"]
    for name, facts in expected("docs").items()
    if "ocr_must_contain" in facts and not name.endswith(".pdf")
}
SEEN = {
    name: facts["caption_should_mention"]
    for name, facts in expected("docs").items()
    if "caption_should_mention" in facts
}
MISREAD = 8
"""One letter in so many OCR may take for another: it reads "Extemal" for "External"."""

pytestmark = pytest.mark.real


def n_misread(phrase: str, text: str) -> int:
    """The letters to be changed, put in or left out until the phrase stands in the text."""
    before = [0] * (len(text) + 1)
    for n, letter in enumerate(phrase, 1):
        row = [n]
        for k, other in enumerate(text, 1):
            row.append(min(before[k - 1] + (letter != other), before[k] + 1, row[-1] + 1))
        before = row
    return min(before)


def described(name: str, folder: Path) -> list[str]:
    """What was made out in the pixels of each figure."""
    media = MediaStore(folder)
    found = load(
        CORPUS / "docs" / name, media=media, describer=FigureDescriber.from_installed(media)
    )
    figures = [d.metadata for d in found if d.metadata["modality"] == "figure"]
    return [
        " ".join(f["descriptions"].get(k, "") for k in ("text", "ocr", "blip")) for f in figures
    ]


@with_corpus
@pytest.mark.parametrize("name", LETTERED)
def test_lettering_in_a_picture_is_read(name: str, tmp_path: Path) -> None:
    texts = described(name, tmp_path)
    for phrase in LETTERED[name]:
        least = min(n_misread(phrase.casefold(), text.casefold()) for text in texts)
        assert least <= -(-len(phrase) // MISREAD), phrase


@with_corpus
@pytest.mark.skipif(not BlipCaptioner.is_available(), reason="BLIP's weights are not on this disk")
@pytest.mark.parametrize("name", SEEN)
def test_what_a_picture_shows_is_said(name: str, tmp_path: Path) -> None:
    texts = " ".join(described(name, tmp_path)).casefold()
    assert not [word for word in SEEN[name] if word not in texts]


def test_a_misread_letter_is_counted() -> None:
    assert n_misread("external", "an extemal control") == 2
    assert n_misread("hall", "the hall") == 0
