"""The assistant: a question in, a checked answer with its figures out."""

from pathlib import Path

import pytest
from PIL import Image

from assistant import AnswerFinished, SentenceChecked, SourcesFound, TextAdded
from assistant.answer import NOT_IN_LIBRARY
from assistant.errors import GenerationFailed
from loaders.errors import BrokenPicture
from retrievers import Filter, UnknownSource
from tests.assistant.harbour import CAPTION, COD, MACKEREL, QUESTION, SOURCE, open_harbour, says


def test_each_sentence_is_cited_to_the_source_that_bears_it_out(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(f"{COD} {MACKEREL}")) as assistant:
        answer = assistant.ask(QUESTION)
    assert answer.grounded
    assert [s.text for s in answer.sentences] == [COD, MACKEREL]
    for sentence in answer.sentences:
        (n,) = sentence.citations
        assert sentence.text in answer.source(n).document.page_content
        assert answer.source(n).cited
    assert sum(s.cited for s in answer.sources) == 1


def test_marks_that_the_model_writes_are_not_trusted(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(f"{COD[:-1]} [7][99].")) as assistant:
        answer = assistant.ask(QUESTION)
    (sentence,) = answer.sentences
    assert "99" not in answer.text
    assert COD in answer.source(sentence.citations[0]).document.page_content


def test_a_cited_figure_follows_its_sentence(tmp_path: Path) -> None:
    with open_harbour(
        tmp_path, says(f"{COD} ", "The chart is Cod landings by year in tonnes.")
    ) as a:
        answer = a.ask(QUESTION)
        (figure,) = answer.figures
        assert a.media.path(figure.document.metadata["image_key"]).exists()
    assert figure.document.metadata["caption"] == CAPTION
    assert [s.figures for s in answer.sentences] == [(), (figure.n,)]
    url = figure.document.metadata["image_url"]
    markdown = answer.to_markdown()
    assert markdown.index("Cod landings by year") < markdown.index(f"]({url})")


def test_a_picture_link_that_the_model_writes_is_only_text(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(f"{COD} ![chart](http://evil.example/x.png)")) as assistant:
        markdown = assistant.ask(QUESTION).to_markdown()
    assert "](http://evil" not in markdown


def test_claims_without_support_become_that_the_documents_do_not_say(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says("The harbour master is called Olsen.")) as assistant:
        answer = assistant.ask("Who is the harbour master?")
    assert (answer.text, answer.grounded, answer.figures) == (NOT_IN_LIBRARY, False, ())
    assert not any(source.cited for source in answer.sources)


def test_an_unsupported_sentence_among_others_is_marked(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(f"{COD} {MACKEREL} Whales sing.")) as assistant:
        answer = assistant.ask(QUESTION)
    assert [s.supported for s in answer.sentences] == [True, True, False]
    assert answer.sentences[2].citations == ()


def test_events_come_in_the_order_that_they_promise(tmp_path: Path) -> None:
    with open_harbour(
        tmp_path, says("The cod landings reached", f" 412 tonnes in 2021. {MACKEREL}")
    ) as a:
        first, *middle, last = a.stream(QUESTION)
    assert isinstance(first, SourcesFound)
    assert isinstance(last, AnswerFinished)
    written = ""
    for event in middle:
        if isinstance(event, TextAdded):
            written += event.text
        else:
            assert isinstance(event, SentenceChecked)
            assert written == event.sentence.text
            written = ""
    assert set(last.answer.timings_s) == {"retrieve", "first_token", "total"}


def test_an_empty_library_says_nothing_and_asks_no_model(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(GenerationFailed("must not be asked"))) as assistant:
        assistant.remove(SOURCE)
        answer = assistant.ask(QUESTION)
    assert (answer.text, answer.sources) == (NOT_IN_LIBRARY, ())


def test_a_model_that_fails_is_an_error_and_not_an_answer(tmp_path: Path) -> None:
    with (
        open_harbour(tmp_path, says("The cod", GenerationFailed("out of memory"))) as assistant,
        pytest.raises(GenerationFailed, match="out of memory"),
    ):
        assistant.ask(QUESTION)


def test_removing_a_document_removes_its_pictures_and_what_was_read_out_of_them(
    tmp_path: Path,
) -> None:
    with open_harbour(tmp_path) as assistant:
        keys = list(assistant.media.keys())
        assert keys
        readings = assistant.choose_describer().readings
        readings.remember("ocr:1", dict.fromkeys(keys, "landings"))
        beside = assistant.media.folder / "readings" / f"{keys[0]}.json"  # as it once was
        beside.parent.mkdir()
        beside.write_text('{"ocr:1": "landings"}')
        assistant.remove(SOURCE)
        assert not beside.exists()
        assert list(assistant.media.keys()) == []
        assert readings.known(keys, "ocr:1") == {}
        assert assistant.search("cod") == []


def test_a_document_is_known_by_path_uri_and_file_name(tmp_path: Path) -> None:
    with open_harbour(tmp_path) as assistant:
        for name in (SOURCE, "/reports/harbour.pdf", "harbour.pdf"):
            assert assistant.find_source(name) == SOURCE
        with pytest.raises(UnknownSource, match=r"gulls\.pdf is not in the library"):
            assistant.find_source("gulls.pdf")


def test_a_copy_of_a_picture_is_found_by_the_picture(tmp_path: Path) -> None:
    with open_harbour(tmp_path) as assistant:
        (figure,) = (h for h in assistant.search(CAPTION, where=Filter(modality="figure"), k=1))
        key = figure.document.metadata["image_key"]
        copy = tmp_path / "copy.png"
        copy.write_bytes(assistant.media.path(key).read_bytes())
        assert assistant.search_image(copy)[0].document.metadata["image_key"] == key
        assert assistant.media.path(key).exists()


def test_a_picture_that_was_only_searched_for_is_not_kept(tmp_path: Path) -> None:
    with open_harbour(tmp_path) as assistant:
        before = set(assistant.media.keys())
        Image.new("RGB", (99, 99), "teal").save(tmp_path / "other.png")
        assistant.search_image(tmp_path / "other.png")
        assert set(assistant.media.keys()) == before
        (tmp_path / "no.png").write_text("text")
        with pytest.raises(BrokenPicture):
            assistant.search_image(tmp_path / "no.png")
