"""An answer as Markdown, whole or piece by piece while it is made: the same in the end.

Leaves out how the pieces travel: that is up to the API or page that shows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from assistant.answer import (
    GONE_PICTURE,
    LIST_LEAD,
    PARAGRAPH,
    REPLACED,
    UNDERSTOOD,
    Answer,
    Sentence,
    Source,
)
from assistant.events import (
    AnswerFinished,
    Event,
    FigureShown,
    SentenceChecked,
    SourcesFound,
    TextAdded,
    events_of,
)
from assistant.refusals import is_refusal
from assistant.shown_text import one_line

PictureUrl = Callable[[Source], str]
"""From a source, the URL of its picture; "" where it is not to be shown."""
SPECIALS = re.compile(
    r"[\\`*\[\]<|~$&@]|(?<![^\W_])_|(?<!\S)#|(?<=:)/|(?<=\])\(|(?<=www)\.", re.IGNORECASE
)
"""What would set words off, open a link or HTML, or what some programs take for a link.

It depends on what stands before and never on what follows, which may not be written yet.
"""
OPENING = re.compile(r"^\s*(?:\d+(?=[.)])|(?=[>+=:-]))")
"""At the beginning of a text: what stands before a sign that would make it a list, say."""
URL_SIGNS = "/:?#@!$&*+,;=%~[]"
NEAREST = "Nearest in the documents"


def own_picture_url(source: Source) -> str:
    """The URL of a stored picture; "" for a picture from anywhere else."""
    return source.picture_url


def answer_markdown(answer: Answer, picture_url: PictureUrl = own_picture_url) -> str:
    """The answer as Markdown: what its stream comes to."""
    markdown = StreamedMarkdown(picture_url, answer.question)
    return "".join(markdown.add(event) for event in events_of(answer))


class StreamedMarkdown:
    """What each event adds. Put together, the parts are the answer and never contradict it.

    question: as it was typed; where it was understood in other words, these come first.
    """

    def __init__(self, picture_url: PictureUrl = own_picture_url, question: str = "") -> None:
        self._picture_url = picture_url
        self._question = question
        self._checked: list[Sentence] = []
        self._text = ""
        self._lead = ""
        self._is_after_figure = False

    def add(self, event: Event) -> str:
        """The Markdown that the event adds; often none."""
        match event:
            case SourcesFound(question=understood):
                if not self._question or understood in ("", self._question):
                    return ""
                return understood_markdown(understood) + PARAGRAPH
            case TextAdded(text=text, lead=lead):
                return (self._opening(lead) if lead else "") + self._added(text)
            case SentenceChecked(sentence=sentence):
                self._checked.append(sentence)
                return sentence.marks
            case FigureShown(figure=figure):
                self._is_after_figure = True
                return f"{PARAGRAPH}{figure_markdown(figure, self._picture_url)}"
            case AnswerFinished(answer=answer):
                return self._ending(answer)

    def _opening(self, lead: str) -> str:
        """The lead of a sentence: a list and what follows a figure begin after an empty line."""
        before, self._lead, self._text = self._lead, lead, ""
        is_after_figure, self._is_after_figure = self._is_after_figure, False
        is_item, was_item = LIST_LEAD.fullmatch(lead), LIST_LEAD.fullmatch(before)
        opening = lead.lstrip() if is_item else ""
        if not before:
            return opening
        if lead == PARAGRAPH or is_after_figure or (is_item and not was_item):
            return f"{PARAGRAPH}{opening}"
        return lead if is_item else " "

    def _added(self, text: str) -> str:
        """What the words add to their sentence, however it is cut into pieces."""
        before, self._text = as_markdown(self._text), (self._text + text).lstrip()
        return as_markdown(self._text)[len(before) :]

    def _ending(self, answer: Answer) -> str:
        """The sources; before them the answer itself where it is not what was shown."""
        end = _end(answer)
        if answer.sentences == tuple(self._checked) or self._is_refused(answer):
            return f"{PARAGRAPH}{end}" if end and self._checked else end
        whole = answer_markdown(replace(answer, searched_as=""), self._picture_url)
        return f"{PARAGRAPH}**{REPLACED}**{PARAGRAPH}{whole}" if self._text else whole

    def _is_refused(self, answer: Answer) -> bool:
        """Whether the model said in its own words that the documents do not say, and no more."""
        said = [sentence.text for sentence in self._checked]
        return not answer.grounded and len(said) == 1 and is_refusal(said[0], answer.question)


def _end(answer: Answer) -> str:
    """The list of the cited sources, or of the nearest where the documents do not say."""
    if answer.grounded:
        items = [f"{s.n}. {as_markdown(s.place)}" for s in answer.sources if s.cited]
        return "\n".join(["**Sources**", "", *items]) if items else ""
    items = [f"- {as_markdown(s.place)}" for s in answer.nearest]
    return "\n".join([f"**{NEAREST}**", "", *items]) if items else ""


def figure_markdown(source: Source, picture_url: PictureUrl = own_picture_url) -> str:
    """A figure with its caption and place; without the picture where that is not to be shown."""
    caption, place = as_markdown(source.caption).strip(), as_markdown(source.place).strip()
    words = f"*{f'{caption} ({place})'.strip()}*"
    url = quote(picture_url(source), safe=URL_SIGNS)
    if source.has_picture and not url:
        return f"{GONE_PICTURE}\n{words}"
    return f"![{caption}]({url})\n{words}" if url else words


def understood_markdown(question: str) -> str:
    """A follow-up as it was understood; the answer's own words are never set off so."""
    return f"*{as_markdown(f'{UNDERSTOOD} {question}').strip()}*"


def as_markdown(text: str) -> str:
    """Text on one line that shows as it is: no link, picture or HTML in it takes effect."""
    return OPENING.sub(r"\g<0>\\", SPECIALS.sub(r"\\\g<0>", one_line(text)))
