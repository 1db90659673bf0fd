"""Web formats and notes of the corpus: every stated phrase and figure is found, none crashes."""

from pathlib import Path
from typing import Any

import pytest

from loaders.errors import LoaderError
from tests.loaders.reading import CORPUS, expected, read, with_corpus

FORMATS = {"html", "md", "epub", "eml", "ipynb"}
STATED = {
    name: facts for name, facts in expected("docs").items() if Path(name).suffix[1:] in FORMATS
}


def n_figures(facts: dict[str, Any]) -> int | None:
    """How many pictures a reader shows; None where the file only links to them."""
    if "image_files" in facts:
        return facts["image_files"] or facts["svg_files"]
    if "image_parts" in facts:
        return len(facts["image_parts"])
    if "output_mimes" in facts:
        return sum(n for kind, n in facts["output_mimes"].items() if kind.startswith("image/"))
    if "images_in_markdown" in facts:
        return facts["images_in_markdown"]
    return None if facts.get("remote") else facts.get("img")


def one_line(text: str) -> str:
    return " ".join(text.split())


@with_corpus
@pytest.mark.parametrize("name", STATED)
def test_every_stated_phrase_and_figure_is_found(name: str, tmp_path: Path) -> None:
    facts = STATED[name]
    found = read(CORPUS / "docs" / name, tmp_path)
    text = one_line(found.text)
    missing = [phrase for phrase in facts.get("must_contain", []) if one_line(phrase) not in text]
    assert not missing
    captions = [one_line(c).replace(" .", ".") for c in facts.get("figcaption", [])]
    assert not [caption for caption in captions if caption not in text.replace(" .", ".")]
    if facts.get("title"):
        assert found.title == facts["title"]
    if facts.get("subject"):
        assert found.title == facts["subject"]
    stated = n_figures(facts)
    if stated is not None:
        assert len(found.figures) >= stated


@with_corpus
@pytest.mark.parametrize("name", ["quadratic.xml", "fake-email-malformed-encoding.eml"])
def test_hostile_files_end_as_stated(name: str, tmp_path: Path) -> None:
    path = CORPUS / "hostile" / name
    if name.endswith(".xml"):
        with pytest.raises(LoaderError, match=r"quadratic\.xml.*entities"):
            read(path, tmp_path)
    else:
        assert "Roses are red" in read(path, tmp_path).text
