"""An answer's forms: JSON, Markdown, HTML and events hold the same, and nothing that acts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from markdown_it import MarkdownIt
from PIL import Image

from assistant.answer import (
    NOT_IN_LIBRARY,
    PARAGRAPH,
    UNSUPPORTED,
    Answer,
    Sentence,
    Source,
)
from assistant.errors import AnswerInvalid
from assistant.events import AnswerFinished, Event, SourcesFound, TextAdded, events_of
from assistant.html import answer_html, html_page
from assistant.markdown import NEAREST, StreamedMarkdown, answer_markdown
from assistant.shown_text import one_line
from tests.assistant.answers import (
    BASE,
    EVIL,
    HOSTILE,
    KEY,
    PICTURES,
    answer_with,
    answers,
    figure,
)
from tests.assistant.harbour import CAPTION, SOURCE, open_harbour, says

ACTIVE = {"script", "iframe", "object", "embed", "form", "link", "base", "svg", "style"}


def markdown_as_html(markdown: str) -> BeautifulSoup:
    """As a program shows it that knows tables, and HTML within Markdown."""
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return BeautifulSoup(reader.render(markdown), "html.parser")


def words_of(text: str) -> str:
    return " ".join(one_line(text).split())


def elements(page: BeautifulSoup) -> list[Tag]:
    return list(page.find_all(True))


def check_is_inert(page: BeautifulSoup) -> None:
    """No link, picture or attribute in it leads anywhere but to our own pictures and sources."""
    assert not ACTIVE & {element.name for element in elements(page)}
    for element in elements(page):
        assert not [name for name in element.attrs if name.startswith("on")]
        href, src = element.get("href"), element.get("src")
        assert href is None or str(href).startswith("#")
        assert src is None or re.fullmatch(rf"{BASE}[0-9a-f]{{64}}\.png", str(src))


# JSON


@given(answers())
def test_an_answer_survives_its_json_with_all_its_forms(answer: Answer) -> None:
    again = Answer.from_dict(json.loads(json.dumps(answer.to_dict())))
    assert again == answer
    assert answer_markdown(again) == answer_markdown(answer)
    assert answer_html(again) == answer_html(answer)
    assert list(events_of(again)) == list(events_of(answer))


def changed(place: tuple[str | int, ...], *value: object) -> dict[str, Any]:
    """The JSON of an answer with another value at this place, or without it."""
    told = answer_with(Sentence("Cod.", (1,), (1,), 1, True)).to_dict()
    part: Any = told
    for step in place[:-1]:
        part = part[step]
    if value:
        part[place[-1]] = value[0]
    else:
        del part[place[-1]]
    return told


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({}, "question is missing"),
        ([], "it is not an object"),
        (None, "it is not an object"),
        (changed(("sentences", 0, "figures")), "sentences[0].figures is missing"),
        (changed(("sources", 0, "title")), "sources[0].title is missing"),
        (changed(("sentences", 0), "Cod."), "sentences[0] is not an object"),
        (changed(("sentences",), 5), "sentences is not a list"),
        (changed(("sources", 0, "score"), "high"), "sources[0].score is not a number"),
        (changed(("sources", 0, "score"), 10**400), "sources[0].score is not a number"),
        (changed(("grounded",), 1), "grounded is not true or false"),
        (changed(("timings_s",), {"search": None}), "timings_s['search'] is not a number"),
        (changed(("searched_as",), 7), "searched_as is not a text"),
        (changed(("sentences", 0, "figures"), [2]), "sentences[0].figures[0] names a source"),
        (changed(("sentences", 0, "citations"), [True]), "citations[0] is not a whole number"),
    ],
)
def test_json_that_is_no_answer_is_told_with_the_place(found: Any, reason: str) -> None:
    with pytest.raises(AnswerInvalid, match=re.escape(reason)):
        Answer.from_dict(found)


@pytest.mark.parametrize(
    ("base", "named", "is_shown"),
    [
        (BASE, "", True),
        ("http://[::1]:8000/media/", "", True),
        ("http://localhost/media/", "", True),
        ("file:///home/ann/.limner/media/", "", True),
        ("file:///C:/Users/%C3%84nn/.limner/media/", "", True),
        (f"file:////{EVIL}/share/", "", False),
        (f"file://///{EVIL}/share/", "", False),
        (f"file:///.//{EVIL}/share/", "", False),
        (f"file:///%5C%5c{EVIL}/share/", "", False),
        ("http://127.0.0.1:22/reboot/now/", "", False),
        ("http://127.0.0.1:8000/x/media/", "", False),
        ("http://ann@127.0.0.1:8000/media/", "", False),
        (f"https://{EVIL}/", "", False),
        (f"http://127.0.0.1@{EVIL}/media/", "", False),
        (f"http://127.0.0.1.{EVIL}/media/", "", False),
        (f"file://{EVIL}/share/", "", False),
        ("http://[/media/", "", False),
        ("https://cdn.example/m/", "https://cdn.example/m/", True),
        ("https://cdn.example/m/x/", "https://cdn.example/m/", False),
    ],
)
def test_json_brings_no_picture_from_elsewhere(base: str, named: str, is_shown: bool) -> None:
    sentence = Sentence("Cod.", (1,), (1,), 1, True)
    told = answer_with(sentence, source=figure(image_url=base + KEY)).to_dict()
    again = Answer.from_dict(told, named)
    for form in (again.to_markdown(), again.to_html(), json.dumps(again.to_dict())):
        assert (base in form) is is_shown
    assert again.source(1).cited
    assert "Cod" in again.to_markdown()


def test_an_answer_with_text_is_read_where_pictures_lie_elsewhere() -> None:
    source = Source(1, 0.5, Document("Cod.", metadata={"title": "T", "modality": "text"}))
    told = answer_with(Sentence("Cod.", (1,), (), 1, True), source=source)
    assert Answer.from_dict(told.to_dict(), "https://cdn.example/m/") == told


def test_an_address_that_is_not_of_a_stored_picture_is_in_no_form() -> None:
    source = figure(image_url=f"http://{EVIL}/a.png")
    told = answer_with(Sentence("Cod.", (1,), (1,), 1, True), source=source)
    for form in (told.to_markdown(), told.to_html(), json.dumps(told.to_dict())):
        assert EVIL not in form


def test_metadata_cannot_take_the_place_of_what_the_check_says() -> None:
    source = figure(n=9, cited="yes", score=7, text="other")
    found = source.to_dict()
    assert (found["n"], found["cited"], found["score"], found["text"]) == (1, True, 0.5, "Cod")


@given(answers())
def test_each_event_has_json_that_names_its_type(answer: Answer) -> None:
    told = [json.loads(json.dumps(event.to_dict())) for event in events_of(answer)]
    assert [told[0]["type"], told[-1]["type"]] == ["sources", "answer"]
    assert {one["type"] for one in told[1:-1]} <= {"text", "sentence", "figure"}
    assert told[-1]["answer"] == answer.to_dict()


# Markdown is the stream


@given(answers(), st.data())
def test_the_stream_makes_up_the_markdown_however_it_is_cut(
    answer: Answer, data: st.DataObject
) -> None:
    events = list[Event]()
    for event in events_of(answer):
        if isinstance(event, TextAdded) and event.text:
            cuts = sorted(data.draw(st.sets(st.integers(1, len(event.text)), max_size=4)))
            pieces = [event.text[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
            events += [TextAdded(p, "" if n else event.lead) for n, p in enumerate(pieces)]
        else:
            events.append(event)
    streamed = StreamedMarkdown(question=answer.question)
    assert "".join(streamed.add(event) for event in events) == answer_markdown(answer)


@given(answers())
def test_an_answer_without_any_words_before_it_is_streamed_whole(answer: Answer) -> None:
    streamed = StreamedMarkdown(question=answer.question)
    understood = answer.searched_as or answer.question
    events = [SourcesFound(answer.sources, understood), AnswerFinished(answer)]
    assert "".join(streamed.add(event) for event in events) == answer_markdown(answer)


# What is in the forms


@given(answers())
def test_nothing_in_an_answer_acts_and_no_picture_comes_from_elsewhere(answer: Answer) -> None:
    check_is_inert(markdown_as_html(answer_markdown(answer)))
    check_is_inert(BeautifulSoup(answer_html(answer), "html.parser"))


@given(answers())
def test_html_and_markdown_say_the_same_words_in_the_same_order(answer: Answer) -> None:
    page = BeautifulSoup(answer_html(answer), "html.parser")
    shown = markdown_as_html(answer_markdown(answer))
    assert "".join(page.get_text().split()) == "".join(shown.get_text().split())
    assert [i["src"] for i in page("img")] == [i["src"] for i in shown("img")]
    assert [i["alt"] for i in page("img")] == [i["alt"] for i in shown("img")]


@given(answers())
def test_each_picture_is_shown_at_most_once(answer: Answer) -> None:
    for page in (answer_html(answer), answer_markdown(answer)):
        urls = re.findall(rf"{BASE}\w+\.png", page)
        assert len(urls) == len(set(urls))


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_shown_as_they_are(words: str) -> None:
    answer = answer_with(
        Sentence(words, (1,), (1,), 1, True), source=figure(caption=words, title=words)
    )
    for page in (
        markdown_as_html(answer.to_markdown()),
        BeautifulSoup(answer.to_html(), "html.parser"),
    ):
        check_is_inert(page)
        assert page.get_text().count(EVIL) == 4 * words.count(EVIL)
        assert " ".join(page.get_text().split()).startswith(words_of(words))
        assert not set("\u202e\u2066\x00\x07") & set(str(page))


@given(PICTURES)
def test_only_a_picture_with_our_own_address_has_one(found: dict[str, object]) -> None:
    source = Source(1, 0.5, Document("", metadata={"title": "T", "modality": "figure"} | found))
    assert source.picture_url in ("", f"{BASE}{found.get('image_key')}")


def test_a_figure_whose_picture_is_not_ours_is_told_in_words() -> None:
    answer = answer_with(
        Sentence("Cod.", (1,), (1,), 1, True), source=figure(image_url=f"//{EVIL}/x.png")
    )
    assert "*Cod (T)*" in answer.to_markdown()
    assert "![" not in answer.to_markdown()
    assert "<figcaption>Cod (T)</figcaption>" in answer.to_html()
    assert "<img" not in answer.to_html()


@pytest.mark.parametrize("label", [{}, {"label": "Table 1"}])
def test_the_caption_of_a_table_is_said_once_beside_its_picture(label: dict[str, str]) -> None:
    source = figure(modality="table", caption="Units by city", page=3, **label)
    answer = answer_with(Sentence("Cod.", (1,), (1,), 1, True), source=source)
    assert "*Units by city (T, page 3)*" in answer.to_markdown()
    assert "<figcaption>Units by city (T, page 3)</figcaption>" in answer.to_html()
    cited = f"T, page 3, {label.get('label', 'Units by city')}"
    assert f"1. {cited}" in answer.to_markdown()
    assert f">{cited}</li>" in answer.to_html()


def test_a_source_with_nothing_where_its_caption_could_be_has_a_place() -> None:
    source = figure(modality="table", caption=None, section=None, descriptions=None)
    assert (source.place, source.caption) == ("T", "Table in T")


def test_pictures_can_lie_beside_an_exported_page() -> None:
    answer = answer_with(Sentence("Cod.", (1,), (1,), 1, True))

    def beside(source: Source) -> str:
        return f"pictures (1)/{source.document.metadata['image_key']}"

    assert f"](pictures%20%281%29/{KEY})" in answer_markdown(answer, beside)
    assert f'<img src="pictures (1)/{KEY}" alt="Cod">' in answer_html(answer, beside)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example/x.png"])
def test_html_shows_no_picture_by_an_address_that_could_act(url: str) -> None:
    answer = answer_with(Sentence("Cod.", (1,), (1,), 1, True))
    assert "<img" not in answer_html(answer, lambda _: url)


def test_html_has_lists_marks_figures_and_links_to_sources() -> None:
    answer = Answer(
        "?",
        (
            Sentence("There were:", (1,), (), 1, True),
            Sentence("cod", (1,), (), 1, True, "\n- "),
            Sentence("gulls", lead="\n- "),
            Sentence("Then", (1,), (1,), 1, True, PARAGRAPH),
            Sentence("third", (1,), (), 1, True, "\n3. "),
            Sentence("and more.", (1,), (), 1, True),
        ),
        (figure(page=3),),
        True,
        "m",
    )
    mark = '<span class="citations"><a href="#a-1">[1]</a></span>'
    assert answer_html(answer, anchor="a") == (
        '<div class="answer" dir="auto">\n'
        f"<p>There were: {mark}</p>\n"
        f'<ul>\n<li>cod {mark}</li>\n<li><span class="unsupported">gulls {UNSUPPORTED}</span>'
        f"</li></ul>\n<p>Then {mark}</p>\n"
        f'<figure>\n<img src="{BASE}{KEY}" alt="Cod">\n'
        "<figcaption>Cod (T, page 3)</figcaption>\n</figure>\n"
        f'<ol start="3">\n<li>third {mark} and more. {mark}</li></ol>\n'
        '<div class="sources">\n<p>Sources</p>\n<ol>\n'
        '<li id="a-1" value="1">T, page 3</li>\n</ol>\n</div>\n</div>'
    )


def test_a_refusal_offers_the_nearest_sources_in_all_forms() -> None:
    answer = Answer("?", (Sentence(NOT_IN_LIBRARY),), (figure(page=3),), False, "m")
    assert answer.to_markdown() == f"{NOT_IN_LIBRARY}\n\n**{NEAREST}**\n\n- T, page 3"
    page = BeautifulSoup(answer.to_html(), "html.parser")
    assert page.get_text("\n", strip=True).split("\n") == [NOT_IN_LIBRARY, NEAREST, "T, page 3"]
    assert not page("a")


def test_a_page_holds_fragments_and_allows_no_script() -> None:
    page = BeautifulSoup(html_page("<b>Q</b>", ["<p>one</p>", "<p>two</p>"]), "html.parser")
    assert page.title is not None
    assert page.title.get_text() == "<b>Q</b>"
    assert [p.get_text() for p in page("p")] == ["one", "two"]
    policy = page.find("meta", {"http-equiv": "Content-Security-Policy"})
    assert isinstance(policy, Tag)
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:;")


@pytest.mark.parametrize("words", [words for words in HOSTILE if "\ud800" not in words])
def test_a_hostile_document_shows_its_figure_and_nothing_else(tmp_path: Path, words: str) -> None:
    with open_harbour(tmp_path, says(f"{CAPTION}."), media_base_url=BASE) as assistant:
        metadata = {
            "chunk_id": "hostile",
            "modality": "figure",
            "image_url": f"http://{EVIL}/a.png",
            "caption": words,
            "section": words,
        }
        assistant.remove(SOURCE)
        picture = assistant.media.put(Image.new("RGB", (9, 9)))
        chart = Document(f"{CAPTION}.", metadata=metadata | {"image_key": picture.key})
        assistant.library.put("file:///a.pdf", [chart], fingerprint="1", title=words)
        answer = assistant.ask(CAPTION)
        (shown,) = answer.figures
    assert shown.picture_url == assistant.media.base_url + picture.key
    for page in (
        markdown_as_html(answer.to_markdown()),
        BeautifulSoup(answer.to_html(), "html.parser"),
    ):
        assert [str(image["src"]) for image in page("img")] == [shown.picture_url]
        assert not [a for a in page("a") if not str(a["href"]).startswith("#")]
        assert not ACTIVE & {element.name for element in elements(page)}
