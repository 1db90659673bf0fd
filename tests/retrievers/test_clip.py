"""Pictures and words in CLIP's space: kept, found, deleted and made anew.

With random weights nothing is near for a reason, but a picture is nearest to itself, and what is
nearest to a text is known from the vectors.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrievers import ClipEmbeddings, Library, ModelMissing
from tests.retrievers.test_pictures import chart, scene
from tests.retrievers.tiny_clip import save_tiny_clip
from tests.retrievers.words import WordCounts, figure, image_key, piece

PICTURES = {"a": chart(1), "b": scene(2), "c": scene(3), "d": scene(4)}
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
        return PICTURES.get(key[0])

    def open_library(clip: ClipEmbeddings | None) -> Library:
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


def nearest(clip: ClipEmbeddings, text: str = QUERY) -> list[str]:
    """The keys by the cosine of their picture to a text, computed by hand."""
    scores = clip.embed_text(text) @ clip.embed_pictures(list(PICTURES.values())).T
    return [image_key(list(PICTURES)[place]) for place in np.argsort(-scores[0])]


@pytest.mark.parametrize("letter", PICTURES)
def test_a_picture_is_nearest_to_itself(opened: Open, clip: ClipEmbeddings, letter: str) -> None:
    library = opened(clip)
    fill(library)
    found = library.pictures.near_picture(PICTURES[letter], 4)
    assert found[0] == image_key(letter)
    assert sorted(found) == sorted(map(image_key, PICTURES))


def test_words_find_pictures_by_what_these_show(opened: Open, clip: ClipEmbeddings) -> None:
    library = opened(clip)
    fill(library)
    assert library.pictures.near_text(QUERY, 4) == nearest(clip)
    hits = library.search(QUERY, k=4, modality="figure")
    # None of the captions has a word of the query: by meaning all are alike.
    assert hits[0].document.metadata["image_key"] == nearest(clip)[0]
    assert library.search(QUERY, modality="text")[0].document.page_content == "nets and boats"


def test_pictures_are_found_within_a_source(opened: Open, clip: ClipEmbeddings) -> None:
    library = opened(clip)
    fill(library)
    found = library.pictures.near_text(QUERY, 4, "cd")
    assert found == [key for key in nearest(clip) if key[0] in "cd"]


def test_without_clip_pictures_are_found_by_their_words(opened: Open) -> None:
    library = opened(None)
    fill(library)
    assert library.pictures.near_text(QUERY, 4) == []
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
    assert library.pictures.near_text(QUERY, 4) == nearest(clip)


def test_a_picture_that_is_removed_is_not_found(opened: Open, clip: ClipEmbeddings) -> None:
    library = opened(clip)
    fill(library)
    other = opened(clip)
    assert len(other.pictures.near_text(QUERY, 4)) == 4
    library.remove("file:///ab")
    for one in (library, other, opened(clip)):
        assert set(one.pictures.near_text(QUERY, 4)) == {image_key("c"), image_key("d")}


def test_the_index_is_made_anew_where_its_file_is_gone_or_damaged(
    opened: Open, clip: ClipEmbeddings
) -> None:
    fill(opened(clip))
    file = opened(clip).folder / "pictures.faiss"
    assert file.stat().st_size
    file.write_bytes(b"no index")
    assert opened(clip).pictures.near_text(QUERY, 4) == nearest(clip)
    file.unlink()
    assert opened(clip).pictures.near_text(QUERY, 4) == nearest(clip)


@pytest.mark.parametrize("dimension", [24, 16], ids=["same dimension", "other dimension"])
def test_another_model_begins_anew(
    opened: Open, clip: ClipEmbeddings, tmp_path: Path, dimension: int
) -> None:
    library = opened(clip)
    fill(library)
    assert library.pictures.near_text(QUERY, 1)
    folder = save_tiny_clip(tmp_path / "another", seed=1, dimension=dimension)
    another = ClipEmbeddings(folder)
    changed = opened(another)
    # Vectors of two models do not compare.
    assert changed.pictures.near_text(QUERY, 4) == []
    changed.pictures.learn()
    assert changed.pictures.near_text(QUERY, 4) == nearest(another)
    assert library.pictures.near_text(QUERY, 4) == []


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
