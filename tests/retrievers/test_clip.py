"""Pictures and words in CLIP's space: kept, found, deleted and made anew.

With random weights nothing is near for a reason, but a picture is nearest to itself, and what is
nearest to a text is known from the vectors.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import faiss
import numpy as np
import pytest
from PIL import Image

from retrievers import ClipEmbeddings, Filter, Library, ModelMissing
from retrievers.pictures import PictureEmbeddings
from retrievers.vectors import Vectors
from tests.retrievers.test_pictures import chart, scene
from tests.retrievers.tiny_clip import save_tiny_clip
from tests.retrievers.words import WordCounts, figure, image_key, piece

PICTURES = {"a": chart(1), "b": scene(2), "c": scene(3), "d": scene(4)}
OTHER = scene(1).resize((64, 48))
"""Shown where a test sets what CLIP makes of a picture; large ones take long to compare."""
ASKED = scene(9)
QUERY = "a harbour"

Open = Callable[..., Library]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipEmbeddings:
    return ClipEmbeddings(save_tiny_clip(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def opened(folder: Path) -> Iterator[Open]:
    """Open the library; what is opened is closed at the end."""
    libraries: list[Library] = []

    def get(key: str) -> Image.Image | None:
        return PICTURES.get(key[0], OTHER)

    def open_library(clip: PictureEmbeddings | None) -> Library:
        library = Library.open(
            folder, WordCounts(), open_picture=get, picture_embeddings=clip, create=True
        )
        libraries.append(library)
        return library

    yield open_library
    for library in libraries:
        library.close()


def fill(library: Library) -> None:
    library.put("file:///words", [piece("nets and boats")], fingerprint="1", title="words")
    for letters in ("ab", "cd"):
        figures = [figure(f"Picture {letter}", letter) for letter in letters]
        library.put(f"file:///{letters}", figures, fingerprint="1", title=letters)
    library.pictures.learn()


def nearest(clip: ClipEmbeddings) -> list[str]:
    """The keys by the cosine of their picture to the one that is asked about, by hand."""
    scores = clip.embed_pictures([ASKED]) @ clip.embed_pictures(list(PICTURES.values())).T
    return [image_key(list(PICTURES)[place]) for place in np.argsort(-scores[0])]


@pytest.mark.parametrize("letter", PICTURES)
def test_a_picture_is_nearest_to_itself(opened: Open, clip: ClipEmbeddings, letter: str) -> None:
    library = opened(clip)
    fill(library)
    found = library.pictures.near_picture(PICTURES[letter], 4)
    assert found[0] == image_key(letter)
    assert sorted(found) == sorted(map(image_key, PICTURES))


class Knowing:
    """Has of each picture the cosine to any text that a test sets, in the order of its vectors."""

    name = "knowing"

    def __init__(self, *cosines: float) -> None:
        self._left = list(cosines)

    def embed_text(self, text: str) -> Vectors:
        return np.array([[1.0, 0.0]], np.float32)

    def embed_pictures(self, images: Sequence[Image.Image]) -> Vectors:
        cosines, self._left = self._left[: len(images)], self._left[len(images) :]
        return np.array([[c, np.sqrt(1 - c * c)] for c in cosines], np.float32)


def shown(library: Library, n: int, source: str | None = None) -> list[str]:
    """The letters of those of n pictures that a text finds by what they show."""
    library.put("file:///words", [piece("a harbour at night")], fingerprint="1", title="words")
    letters = "0123456789abcdef"[:n]
    figures = [figure(f"Picture {letter}", letter) for letter in letters]
    library.put("file:///shown", figures[: n // 2], fingerprint="1", title="shown")
    library.put("file:///more", figures[n // 2 :], fingerprint="1", title="more")
    library.pictures.learn()
    return [key[0] for key in library.pictures.told_by(QUERY, Filter(source=source))]


UNRELATED = (0.19, 0.21, 0.20, 0.21, 0.19, 0.20, 0.22)


def test_words_find_the_pictures_that_stand_out(opened: Open) -> None:
    library = opened(Knowing(*UNRELATED, 0.29, 0.31))
    assert shown(library, 9) == ["8", "7"]
    # The words of the query are nowhere with the figures: what these show finds them.
    hits = library.search(QUERY, k=3, where=Filter(modality="figure"))
    assert hits[0].document.metadata["image_key"] == image_key("8")
    assert (
        library.search("boats", where=Filter(modality="text"))[0].document.metadata["modality"]
        == "text"
    )


@pytest.mark.parametrize(
    "cosines",
    [UNRELATED, (0.25,) * 9, (0.31,), (0.20, 0.24), (0.1, 0.2, 0.3, 0.15, 0.25, 0.35)],
    ids=["unrelated", "ignorant", "alone", "two", "spread"],
)
def test_pictures_of_which_none_stands_out_add_nothing_to_a_text(
    opened: Open, cosines: tuple[float, ...]
) -> None:
    library = opened(Knowing(*cosines))
    assert shown(library, len(cosines)) == []
    assert library.search(QUERY, k=1)[0].document.page_content == "a harbour at night"


def test_pictures_stand_out_of_the_whole_library_within_a_source(opened: Open) -> None:
    library = opened(Knowing(*UNRELATED, 0.29, 0.31))
    assert shown(library, 9, "more") == ["8", "7"]
    assert library.pictures.told_by(QUERY, Filter(source="shown")) == []


def test_a_text_is_told_ten_pictures_at_most(opened: Open) -> None:
    library = opened(Knowing(*(0.2,) * 14, *(0.3 + n / 100 for n in range(12))))
    figures = [figure(f"Picture {n}", chr(0x61 + n)) for n in range(26)]
    library.put("file:///shown", figures, fingerprint="1", title="shown")
    library.pictures.learn()
    assert [key[0] for key in library.pictures.told_by(QUERY)] == list("zyxwvutsrq")


class Failing(Knowing):
    """Out of memory as soon as it is asked for a picture, or for a text."""

    def __init__(self, fails: str) -> None:
        super().__init__(*UNRELATED, 0.29, 0.31)
        self._fails = fails
        self.n_asked = 0

    def embed_text(self, text: str) -> Vectors:
        return self._answered("text", super().embed_text(text))

    def embed_pictures(self, images: Sequence[Image.Image]) -> Vectors:
        return self._answered("pictures", super().embed_pictures(images))

    def _answered(self, asked: str, vectors: Vectors) -> Vectors:
        if asked == self._fails:
            self.n_asked += 1
            raise RuntimeError("CUDA out of memory")
        return vectors


@pytest.mark.parametrize("fails", ["pictures", "text"])
def test_a_failure_of_clip_costs_only_what_clip_adds(
    opened: Open, fails: str, caplog: pytest.LogCaptureFixture
) -> None:
    clip = Failing(fails)
    library = opened(clip)
    assert shown(library, 9) == []
    library.pictures.learn()
    assert library.search("picture 2")[0].document.page_content == "Picture 2"
    assert caplog.text.count("CUDA out of memory") == 1
    assert clip.n_asked == 1


def test_pictures_are_found_within_a_source(opened: Open, clip: ClipEmbeddings) -> None:
    library = opened(clip)
    fill(library)
    found = library.pictures.near_picture(ASKED, 4, Filter(source="cd"))
    assert found == [key for key in nearest(clip) if key[0] in "cd"]


def test_without_clip_pictures_are_found_by_their_words(opened: Open) -> None:
    library = opened(None)
    fill(library)
    assert library.pictures.near_picture(ASKED, 4) == []
    assert library.search("picture c")[0].document.page_content == "Picture c"
    assert not (library.folder / "pictures.faiss").exists()


def test_a_library_made_without_clip_learns_when_it_is_there(
    opened: Open, clip: ClipEmbeddings
) -> None:
    fill(opened(None))
    library = opened(clip)
    told: list[tuple[int, int]] = []
    library.pictures.learn(lambda n_done, n: told.append((n_done, n)))
    assert told == [(0, 4)]
    assert library.pictures.near_picture(ASKED, 4) == nearest(clip)


def test_a_picture_that_is_removed_is_not_found(opened: Open, clip: ClipEmbeddings) -> None:
    library = opened(clip)
    fill(library)
    other = opened(clip)
    assert len(other.pictures.near_picture(ASKED, 4)) == 4
    library.remove("file:///ab")
    for one in (library, other, opened(clip)):
        assert set(one.pictures.near_picture(ASKED, 4)) == {image_key("c"), image_key("d")}


def test_the_index_is_made_anew_where_its_file_is_gone_or_damaged(
    opened: Open, clip: ClipEmbeddings
) -> None:
    fill(opened(clip))
    file = opened(clip).folder / "pictures.faiss"
    assert file.stat().st_size
    file.write_bytes(b"no index")
    assert opened(clip).pictures.near_picture(ASKED, 4) == nearest(clip)
    file.unlink()
    assert opened(clip).pictures.near_picture(ASKED, 4) == nearest(clip)


@pytest.mark.parametrize("dimension", [24, 16], ids=["same dimension", "other dimension"])
def test_another_model_begins_anew(
    opened: Open, clip: ClipEmbeddings, tmp_path: Path, dimension: int
) -> None:
    library = opened(clip)
    fill(library)
    assert library.pictures.near_picture(ASKED, 1)
    folder = save_tiny_clip(tmp_path / "another", seed=1, dimension=dimension)
    another = ClipEmbeddings(folder)
    changed = opened(another)
    # Vectors of two models do not compare.
    assert changed.pictures.near_picture(ASKED, 4) == []
    changed.pictures.learn()
    assert changed.pictures.near_picture(ASKED, 4) == nearest(another)
    assert library.pictures.near_picture(ASKED, 4) == []


def test_a_long_text_is_cut_to_what_the_model_reads(clip: ClipEmbeddings) -> None:
    assert clip.embed_text("harbour " * 500).shape == (1, 24)


def test_a_model_that_is_not_here_names_how_to_get_it(tmp_path: Path) -> None:
    absent = ClipEmbeddings("limner/none")
    assert not absent.is_available
    with pytest.raises(ModelMissing, match="limner models pull limner/none"):
        absent.locate()
    broken_off = save_tiny_clip(tmp_path / "model")
    (broken_off / "0_CLIPModel" / "model.safetensors").unlink()
    assert not ClipEmbeddings(broken_off).is_available


def test_damaged_weights_cost_only_what_clip_adds(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_tiny_clip(tmp_path / "model")
    (folder / "0_CLIPModel" / "model.safetensors").write_bytes(b"no weights")
    library = opened(ClipEmbeddings(folder))
    fill(library)
    assert "cannot be read" in caplog.text
    assert library.search("picture c")[0].document.page_content == "Picture c"


def test_text_search_does_not_load_torch_where_no_clip_is_present(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; "
        "from retrievers import ClipEmbeddings, Library; "
        "from tests.retrievers.words import WordCounts, piece; "
        "clip = ClipEmbeddings('limner/none'); "
        f"library = Library.open(Path({str(tmp_path)!r}), WordCounts(), create=True, "
        "picture_embeddings=clip if clip.is_available else None); "
        "library.put('file:///a', [piece('cod')], fingerprint='1', title='a'); "
        "assert library.search('cod'); "
        "assert not {'torch', 'cv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def n_in_file(library: Library) -> int:
    """Vectors in the index's file."""
    content = (library.folder / "pictures.faiss").read_bytes()
    return int(faiss.deserialize_index(np.frombuffer(content, np.uint8)).ntotal)


def test_the_file_of_the_index_forgets_pictures_with_their_documents(opened: Open) -> None:
    library = opened(Knowing(*UNRELATED, 0.29, 0.31))
    shown(library, 9)
    assert n_in_file(library) == 9
    library.remove("file:///shown")
    library.pictures.learn()
    assert n_in_file(library) == 5
    library.remove("file:///more")
    library.close()
    assert n_in_file(library) == 0
