"""Pictures of a library that are found by how they look."""

import io
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from retrievers import Filter, Library, picture_likeness, picture_marks
from retrievers.picture_marks import Gray, Marks
from tests.retrievers.words import WordCounts, figure, image_key

SIZE = 640, 480


def chart(seed: int, heights: list[int] | None = None) -> Image.Image:
    """A bar chart with labels; what it shows depends on the seed, its template does not."""
    rng = random.Random(seed)
    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    pen.line([(60, 40), (60, 420), (600, 420)], fill="black", width=2)
    for number, height in enumerate(heights or [rng.randint(40, 360) for _ in range(8)]):
        left = 80 + number * 64
        pen.rectangle((left, 420 - height, left + 40, 420), fill=(40, 90, 160))
        pen.text((left, 430), f"{1990 + number}", fill="black", font_size=14)
        pen.text((left, 400 - height), str(height), fill="black", font_size=14)
    pen.text((220, 10), f"Landings of port {seed}", fill="black", font_size=22)
    return image


def scene(seed: int) -> Image.Image:
    """Ellipses and lines of any colour, as many pictures have no words."""
    rng = random.Random(seed)
    image = Image.new("RGB", SIZE, tuple(rng.choices(range(256), k=3)))
    pen = ImageDraw.Draw(image)
    for _ in range(40):
        x, y = rng.randint(0, 600), rng.randint(0, 440)
        box = (x, y, x + rng.randint(20, 160), y + rng.randint(20, 160))
        pen.ellipse(box, fill=tuple(rng.choices(range(256), k=3)))
    return image


def recompressed(image: Image.Image, share: float) -> Image.Image:
    buffer = io.BytesIO()
    small = image.resize((round(image.width * share), round(image.height * share)))
    small.save(buffer, "JPEG", quality=70)
    return Image.open(buffer)


class Shelf:
    """Pictures by key, and a library of documents that show them."""

    def __init__(self, folder: Path) -> None:
        self.pictures: dict[str, Image.Image] = {}
        self.opened: list[str] = []
        self.folder = folder
        self.library = self.open()

    def open(self) -> Library:
        return Library.open(self.folder, WordCounts(), open_picture=self.get, create=True)

    def get(self, key: str) -> Image.Image | None:
        self.opened.append(key)
        return self.pictures.get(key)

    def put(self, name: str, *shown: tuple[str, Image.Image | None]) -> None:
        """Put a document in that shows the pictures, by their letters."""
        for letter, image in shown:
            if image is not None:
                self.pictures[image_key(letter)] = image
        pieces = [figure(f"Picture {letter}", letter) for letter, _ in shown]
        self.library.put(f"file:///{name}", pieces, fingerprint=name, title=name)

    def letters(self, image: Image.Image) -> list[str]:
        """The letters of the copies of a picture, most alike first."""
        return [key[0] for key in self.library.pictures.copies(image)]


@pytest.fixture
def shelf(folder: Path) -> Iterator[Shelf]:
    made = Shelf(folder)
    made.put("charts", *((letter, chart(n)) for n, letter in enumerate("abcd")))
    made.put("scenes", *((letter, scene(n)) for n, letter in enumerate("123")))
    made.library.pictures.learn()
    yield made
    made.library.close()


@pytest.mark.parametrize("share", [0.35, 0.5, 1.0, 1.7])
@pytest.mark.parametrize("letter", ["a", "c", "1", "3"])
def test_a_copy_of_another_size_is_found_first(shelf: Shelf, letter: str, share: float) -> None:
    copy = recompressed(shelf.pictures[image_key(letter)], share)
    assert shelf.letters(copy)[0] == letter


@pytest.mark.parametrize("letter", ["b", "2"])
@pytest.mark.parametrize("box", [(0, 0, 440, 340), (150, 110, 640, 480), (100, 30, 560, 400)])
def test_a_crop_finds_the_whole_picture(
    shelf: Shelf, letter: str, box: tuple[int, int, int, int]
) -> None:
    crop = recompressed(shelf.pictures[image_key(letter)].crop(box), 0.7)
    assert shelf.letters(crop)[0] == letter


def test_a_whole_picture_finds_its_crop(shelf: Shelf) -> None:
    whole = scene(9)
    shelf.put("crop", ("f", recompressed(whole.crop((120, 60, 600, 440)), 0.8)))
    shelf.library.pictures.learn()
    assert shelf.letters(whole) == ["f"]


def test_a_picture_that_shows_another_as_a_part_finds_it(shelf: Shelf) -> None:
    slide = Image.new("RGB", (1200, 900), "white")
    slide.paste(shelf.pictures[image_key("2")].resize((560, 420)), (80, 300))
    ImageDraw.Draw(slide).text((100, 60), "What we saw on the way", fill="black", font_size=50)
    assert shelf.letters(slide) == ["2"]


def test_other_pictures_are_no_copies(shelf: Shelf) -> None:
    assert shelf.letters(scene(77)) == []
    assert "1" not in shelf.letters(chart(77))


def test_charts_of_one_template_are_ranked_and_keep_their_own_words(shelf: Shelf) -> None:
    heights = [100, 150, 200, 250, 300, 350, 200, 100]
    other = [*heights[:-1], 120]
    shelf.put("template", ("8", chart(5, heights)), ("9", chart(5, other)))
    shelf.library.pictures.learn()
    asked = recompressed(chart(5, other), 0.5)
    assert shelf.letters(asked)[:2] == ["9", "8"]
    texts = [hit.document.page_content for hit in shelf.library.search_image(asked, k=2)]
    assert texts == ["Picture 9", "Picture 8"]


@pytest.mark.parametrize(
    "blank",
    [
        Image.new("RGB", (300, 200), "white"),
        Image.new("RGB", (1, 1), "red"),
        Image.new("RGB", (3000, 1), "blue"),
    ],
    ids=["white", "one pixel", "line"],
)
def test_a_blank_has_no_copies(shelf: Shelf, blank: Image.Image) -> None:
    shelf.put("blanks", ("e", Image.new("RGB", (90, 90), "white")))
    shelf.library.pictures.learn()
    assert shelf.letters(blank) == []


def test_copies_over_documents_are_linked_both_ways(shelf: Shelf) -> None:
    shelf.put("copied", ("f", recompressed(shelf.pictures[image_key("1")], 0.5)))
    shelf.library.pictures.learn()
    for one, other in (("1", "f"), ("f", "1")):
        alike = shelf.library.similar_pictures(image_key(one))
        assert [hit.document.metadata["image_key"][0] for hit in alike] == [one, other]
        assert alike[0].similarity == 1.0
        assert alike[1].similarity is not None
        assert 0.9 < alike[1].similarity < 1.0


def test_what_is_known_of_a_picture_goes_with_its_last_document(shelf: Shelf) -> None:
    shelf.put("copied", ("f", recompressed(shelf.pictures[image_key("1")], 0.5)))
    shelf.library.pictures.learn()
    shelf.library.remove("file:///scenes")
    assert shelf.letters(shelf.pictures[image_key("1")]) == ["f"]
    assert shelf.library.pictures.links(image_key("f")) == {}
    with sqlite3.connect(shelf.folder / "library.sqlite") as connection:
        kept = {row[0][0] for row in connection.execute("SELECT image_key FROM pictures")}
    connection.close()
    assert kept == set("abcdf")


def test_only_new_pictures_are_looked_at(shelf: Shelf) -> None:
    shelf.put("new", ("e", scene(8)), ("5", scene(5)))
    told: list[tuple[int, int]] = []
    shelf.library.pictures.learn(lambda n_done, n: told.append((n_done, n)))
    assert told == [(0, 2), (1, 2)]
    shelf.opened.clear()
    shelf.library.pictures.learn()
    assert shelf.opened == []


def test_a_picture_takes_two_kilobytes(shelf: Shelf) -> None:
    with sqlite3.connect(shelf.folder / "library.sqlite") as connection:
        sizes = [row[0] for row in connection.execute("SELECT length(marks) FROM pictures")]
    connection.close()
    assert max(sizes) <= 2_048


def test_a_picture_is_found_within_a_source_and_a_modality(shelf: Shelf) -> None:
    shelf.put("copied", ("f", recompressed(shelf.pictures[image_key("1")], 0.5)))
    shelf.library.pictures.learn()
    search: Callable[..., list[object]] = shelf.library.search_image
    asked = shelf.pictures[image_key("1")]
    (hit,) = shelf.library.search_image(asked, k=1, where=Filter(source="copied"))
    assert hit.document.metadata["image_key"] == image_key("f")
    assert search(asked, where=Filter(modality="table")) == []


def test_words_for_a_picture_are_only_asked_for_where_it_has_no_copy(shelf: Shelf) -> None:
    asked: list[str] = []

    def describe() -> str:
        asked.append("asked")
        return "picture d"

    shelf.library.search_image(shelf.pictures[image_key("1")], describe=describe)
    assert asked == []
    (hit,) = shelf.library.search_image(scene(50), k=1, describe=describe)
    assert asked == ["asked"]
    assert hit.similarity is None
    assert hit.document.page_content == "Picture d"


def stripe(width: int, height: int) -> Image.Image:
    """From black to white along its longer side."""
    shades = Image.linear_gradient("L")
    return (shades if height > width else shades.rotate(90)).resize((width, height)).convert("RGB")


@pytest.mark.parametrize("size", [(48, 20_000), (20_000, 48), (1, 400), (400, 1), (7, 512)])
def test_a_long_thin_picture_is_compared_as_a_whole(shelf: Shelf, size: tuple[int, int]) -> None:
    shelf.put("stripes", ("e", stripe(*size)), ("5", scene(5)))
    shelf.library.pictures.learn()
    assert shelf.letters(stripe(*size)) == ["e"]
    assert shelf.letters(scene(5)) == ["5"]


def test_a_picture_that_cannot_be_compared_costs_only_itself(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def marks_of(shades: Gray, n: int) -> Marks | None:
        if shades.shape == (512, 256):
            raise ValueError("an error of OpenCV's")
        return picture_marks.marks_of(shades, n)

    monkeypatch.setattr(picture_likeness, "marks_of", marks_of)
    shelf.put("mixed", ("e", scene(8).resize((100, 200))), ("5", scene(5)))
    shelf.library.pictures.learn()
    assert "an error of OpenCV's" in caplog.text
    assert shelf.letters(scene(5)) == ["5"]
    shelf.opened.clear()
    shelf.library.pictures.learn()
    assert shelf.opened == []


def test_a_picture_that_could_not_be_opened_is_tried_again(shelf: Shelf) -> None:
    shelf.put("late", ("e", None))
    shelf.library.pictures.learn()
    shelf.pictures[image_key("e")] = scene(8)
    shelf.library.pictures.learn()
    assert shelf.letters(scene(8)) == ["e"]
