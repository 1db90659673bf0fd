"""An answer in the making as Markdown, piece by piece, its marks and figures in place.

Leaves out how the pieces travel: that is up to the API or page that shows them.
"""

from __future__ import annotations

from assistant.answer import (
    LIST_LEAD,
    REPLACED,
    Answer,
    Sentence,
    as_markdown,
    figure_markdown,
    sources_markdown,
)
from assistant.events import (
    AnswerFinished,
    Event,
    FigureShown,
    SentenceChecked,
    SourcesFound,
    TextAdded,
)
from assistant.refusals import is_refusal


class StreamedMarkdown:
    """What each event adds. Put together, the parts are the answer and never contradict it."""

    def __init__(self) -> None:
        self._checked: list[Sentence] = []
        self._lead = ""
        self._is_after_figure = False

    def add(self, event: Event) -> str:
        """The Markdown that the event adds; often none."""
        match event:
            case SourcesFound():
                return ""
            case TextAdded(text=text, lead=lead):
                return (self._opening(lead) if lead else "") + as_markdown(text)
            case SentenceChecked(sentence=sentence):
                self._checked.append(sentence)
                return sentence.marks
            case FigureShown(figure=figure):
                self._is_after_figure = True
                return f"\n\n{figure_markdown(figure)}"
            case AnswerFinished(answer=answer):
                return self._ending(answer)

    def _opening(self, lead: str) -> str:
        """The lead of a sentence: a list and what follows a figure begin after an empty line."""
        before, self._lead = self._lead, lead
        is_after_figure, self._is_after_figure = self._is_after_figure, False
        is_item, was_item = LIST_LEAD.match(lead), LIST_LEAD.match(before)
        if not before:
            return lead.lstrip()
        if is_after_figure or (is_item and not was_item):
            return f"\n\n{lead.lstrip()}"
        return lead

    def _ending(self, answer: Answer) -> str:
        """The sources; before them the answer itself where it is not what was shown."""
        if answer.sentences == tuple(self._checked):
            sources = sources_markdown(answer)
            return f"\n\n{sources}" if sources else ""
        if not self._checked:
            return answer.to_markdown()
        if len(self._checked) == 1 and is_refusal(self._checked[0].text):
            return ""  # the model said it in its own words
        return f"\n\n**{REPLACED}**\n\n{answer.to_markdown()}"
