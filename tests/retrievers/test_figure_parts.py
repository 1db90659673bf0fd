"""A figure whose words lie in several parts is one figure."""

from langchain_core.documents import Document

from retrievers import Filter, Library
from tests.retrievers.conftest import Put
from tests.retrievers.words import figure, image_key, piece

LOGS = "Screenshot of the gauges."


def part(n: int, text: str) -> Document:
    """The part n of one figure."""
    further = {"part": n, "chunk_id": f"f00d.{n}"} if n > 1 else {"chunk_id": "f00d"}
    document = figure(LOGS, "a", page=2)
    return Document(page_content=f"{LOGS} {text}", metadata=document.metadata | further)


PARTS = [part(1, "Atlanta rose"), part(2, "Boston fell"), part(3, "Chicago rose and fell")]
OTHER = figure("A photograph of Denver.", "b", page=3)


def test_a_figure_in_parts_is_counted_once(library: Library, put: Put) -> None:
    change = put("floods.pdf", *PARTS, OTHER)
    (document,) = library.documents()
    assert (change.n_figures, change.n_chunks) == (2, 4)
    assert (document.n_figures, document.n_chunks) == (2, 4)
    assert library.remove(document.source).n_figures == 2


def test_a_figure_is_found_once_by_the_part_that_fits_best(library: Library, put: Put) -> None:
    put("floods.pdf", *PARTS, OTHER, piece("Gauges stand in the river."))
    for word, expected in (("Atlanta", 0), ("Boston", 1), ("Chicago", 2)):
        hits = library.search(f"gauges {word}")
        keys = [hit.document.metadata.get("image_key") for hit in hits]
        assert keys.count(image_key("a")) == 1
        lines = dict.fromkeys([PARTS[0].page_content, PARTS[expected].page_content])
        assert hits[0].document.page_content.splitlines() == list(lines)


def test_parts_of_one_figure_leave_room_for_others(library: Library, put: Put) -> None:
    put("floods.pdf", *PARTS, OTHER)
    hits = library.search("screenshot photograph", 2, where=Filter(modality="figure"))
    assert {hit.document.metadata["image_key"] for hit in hits} == {image_key("a"), image_key("b")}


def test_a_copy_of_a_picture_is_told_once(library: Library, put: Put) -> None:
    put("floods.pdf", *PARTS)
    found = library.similar_pictures(image_key("a"))
    assert [hit.document.metadata["chunk_id"] for hit in found] == ["f00d"]
