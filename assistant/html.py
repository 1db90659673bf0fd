"""An answer as HTML that holds nothing active, and no picture but the library's own.

Every word of a document or a model is escaped. Leaves out Markdown (`assistant.markdown`), whose
list of sources and figures it shares in kind, and where a page is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from assistant.answer import (
    GONE_PICTURE,
    LIST_LEAD,
    PARAGRAPH,
    UNDERSTOOD,
    UNSUPPORTED,
    Answer,
    Sentence,
    Source,
)
from assistant.events import FigureShown, SentenceChecked, events_of
from assistant.markdown import NEAREST, PictureUrl, own_picture_url
from assistant.shown_text import one_line

SHOWN_URL = re.compile(
    r"(?:https?|file)://.*|data:image/(?:png|jpeg|gif|webp);base64,[\w+/=]*|(?![\w+.-]*:|//).*",
    re.IGNORECASE,
)
"""What a picture may be loaded from: an address, the page itself, or a file beside it."""
PAGE = """<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto }}
figure {{ margin: 1rem 0 }}
img {{ max-width: 100%; max-height: 35rem }}
figcaption, .sources {{ color: #555; font-size: 0.875rem }}
.unsupported {{ background: #fdf0d5 }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def answer_html(
    answer: Answer, picture_url: PictureUrl = own_picture_url, *, anchor: str = "source"
) -> str:
    """The answer as a fragment; each figure after its sentence, the sources at the end.

    anchor: what the ids of its sources begin with; of several answers on a page, each has its own.
    """
    blocks = _Blocks({source.n for source in answer.sources}, anchor)
    if answer.searched_as not in ("", answer.question):
        blocks.add(f"<p><em>{UNDERSTOOD} {_escaped(answer.searched_as)}</em></p>")
    for event in events_of(answer):
        if isinstance(event, SentenceChecked):
            blocks.add_sentence(event.sentence)
        elif isinstance(event, FigureShown):
            blocks.add(figure_html(event.figure, picture_url))
    blocks.add(_end(answer, anchor))
    return f'<div class="answer" dir="auto">\n{blocks.html}\n</div>'


def html_page(title: str, fragments: Iterable[str]) -> str:
    """A whole page that loads nothing: its pictures are in data URLs. fragments: HTML, as it is."""
    return PAGE.format(title=_escaped(title), body="\n".join(fragments))


def figure_html(source: Source, picture_url: PictureUrl = own_picture_url) -> str:
    """A figure with its caption and place; without the picture where that is not to be shown."""
    caption, place, url = _escaped(source.caption), _escaped(source.place), picture_url(source)
    picture = f'<img src="{escape(url)}" alt="{caption}">\n' if _is_shown(url) else ""
    if source.has_picture and not picture:
        picture = f"<p>{GONE_PICTURE}</p>\n"
    return f"<figure>\n{picture}<figcaption>{caption} ({place})</figcaption>\n</figure>"


class _Blocks:
    """Paragraphs and lists as sentences are added."""

    def __init__(self, known: set[int], anchor: str) -> None:
        self._known = known
        self._anchor = anchor
        self._parts: list[str] = []
        self._open: list[str] = []
        """The names of the elements that are not closed yet."""

    @property
    def html(self) -> str:
        self._close(0)
        return "".join(self._parts).strip("\n")

    def add(self, block: str) -> None:
        self._close(0)
        self._parts.append(f"\n{block}" if block else "")

    def add_sentence(self, sentence: Sentence) -> None:
        if LIST_LEAD.fullmatch(sentence.lead):
            self._open_item(sentence.lead.strip())
        elif not self._open or sentence.lead == PARAGRAPH:
            self._close(0)
            self._open_element("p")
        else:
            self._parts.append(" ")
        self._parts.append(self._sentence(sentence))

    def _open_item(self, sign: str) -> None:
        """sign: a dash, or a number with its point."""
        number = sign.removesuffix(".")
        name = "ul" if sign == "-" else "ol"
        if self._open[:1] == [name]:
            self._close(1)
        else:
            self._close(0)
            is_later = name == "ol" and int(number) != 1
            self._open_element(name, f' start="{int(number)}"' if is_later else "")
        self._open_element("li")

    def _open_element(self, name: str, attributes: str = "") -> None:
        self._parts.append(f"\n<{name}{attributes}>")
        self._open.append(name)

    def _close(self, n_left: int) -> None:
        while len(self._open) > n_left:
            self._parts.append(f"</{self._open.pop()}>")

    def _sentence(self, sentence: Sentence) -> str:
        text = _escaped(sentence.text)
        marks = "".join(
            f'<a href="#{escape(self._anchor)}-{n}">[{n}]</a>'
            for n in sentence.citations
            if n in self._known
        )
        if marks:
            return f'{text} <span class="citations">{marks}</span>'
        if sentence.is_doubtful:
            return f'<span class="unsupported">{text} {UNSUPPORTED}</span>'
        return text


def _end(answer: Answer, anchor: str) -> str:
    """The list of the cited sources, or of the nearest where the documents do not say."""
    if answer.grounded:
        items = [
            f'<li id="{escape(anchor)}-{s.n}" value="{s.n}">{_escaped(s.place)}</li>'
            for s in answer.sources
            if s.cited
        ]
        return _listed("ol", "Sources", items)
    return _listed("ul", NEAREST, [f"<li>{_escaped(s.place)}</li>" for s in answer.nearest])


def _listed(name: str, heading: str, items: list[str]) -> str:
    if not items:
        return ""
    return "\n".join(
        [f'<div class="sources">\n<p>{heading}</p>\n<{name}>', *items, f"</{name}>\n</div>"]
    )


def _is_shown(url: str) -> bool:
    return bool(url) and SHOWN_URL.fullmatch(url) is not None


def _escaped(text: str) -> str:
    return escape(one_line(text)).strip()
