"""What limner is compared with: LangChain's usual chain over the same evidence and model.

The prompt is that of LangChain's tutorials (rlm/rag-prompt on its hub). Leaves out retrieval.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from assistant.answer import NOT_IN_LIBRARY, Answer, Sentence, Source
from assistant.answering import Clock
from assistant.errors import GenerationFailed
from assistant.llm import LanguageModel
from assistant.refusals import is_refusal

PROMPT = (
    "You are an assistant for question-answering tasks. Use the following pieces of retrieved "
    "context to answer the question. If you don't know the answer, just say that you don't know. "
    "Use three sentences maximum and keep the answer concise.\n"
    "Question: {question} \nContext: {context} \nAnswer:"
)
ANSWER_TOKENS = 256
PROMPT_TOKENS = 128
"""Of the context, for what is written and for all that is not evidence."""
CHARS_PER_TOKEN = 4
"""Of English; digits take more tokens, so what does not fit is cut further."""
MIN_CHARS = 500


def ask_plainly(question: str, sources: Sequence[Source], model: LanguageModel) -> Answer:
    """The chain's answer as an Answer without citations; empty and "I don't know" are refusals."""
    clock = Clock()
    text = _written(question, sources, model, clock).strip()
    is_answer = bool(text) and not is_refusal(text)
    return Answer(
        question,
        (Sentence(text or NOT_IN_LIBRARY),),
        tuple(sources),
        is_answer,
        model.name,
        clock.marks(),
    )


def _written(question: str, sources: Sequence[Source], model: LanguageModel, clock: Clock) -> str:
    """What the model writes to as much of the sources, best first, as its context holds."""
    chain = ChatPromptTemplate.from_template(PROMPT) | model.chat | StrOutputParser()
    context = "\n\n".join(source.document.page_content for source in sources)
    n_chars = (model.context_tokens - ANSWER_TOKENS - PROMPT_TOKENS) * CHARS_PER_TOKEN
    while True:
        text = ""
        try:
            for piece in chain.stream({"question": question, "context": context[:n_chars]}):
                text += piece
                if text.strip():
                    clock.mark("first_token")
        except GenerationFailed:
            if text or n_chars < MIN_CHARS:
                raise
            n_chars = int(0.75 * min(n_chars, len(context)))
        else:
            return text
