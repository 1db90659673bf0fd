"""An answer in the making as Markdown, piece by piece, its marks and figures in place.

Leaves out how the pieces travel: that is up to the API or page that shows them.
"""

from __future__ import annotations

from assistant.answer import (
    REPLACED,
    Answer,
    Sentence,
    Source,
    as_markdown,
    figure_markdown,
    is_refusal,
    sources_markdown,
)
from assistant.events import AnswerFinished, Event, SentenceChecked, SourcesFound, TextAdded


class StreamedMarkdown:
    """What each event adds. Put together, the parts are the answer and never contradict it."""

    def __init__(self) -> None:
        self._sources: tuple[Source, ...] = ()
        self._checked: list[Sentence] = []
        self._is_after_figure = False

    def add(self, event: Event) -> str:
        """The Markdown that the event adds; often none."""
        match event:
            case SourcesFound(sources=sources):
                self._sources = sources
                return ""
            case TextAdded(text=text):
                opening = "\n\n" if self._is_after_figure else ""
                self._is_after_figure = False
                return opening + as_markdown(text.lstrip() if opening else text)
            case SentenceChecked(sentence=sentence):
                self._checked.append(sentence)
                self._is_after_figure = bool(sentence.figures)
                figures = [figure_markdown(self._sources[n - 1]) for n in sentence.figures]
                return "\n\n".join([sentence.marks, *figures])
            case AnswerFinished(answer=answer):
                return self._ending(answer)

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
