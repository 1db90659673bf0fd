"""Answers as they are stored with a conversation, and read again with their pictures' URLs.

A URL is made from the picture's key when an answer is read, since a library can be moved, and only
while the picture is there. What is read may be damaged or forged: it is checked. Leaves out where
it is stored: that is `assistant.conversations`.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

from langchain_core.documents import Document

from assistant.answer import GOES_ON, LIST_LEAD, PARAGRAPH, Answer, Sentence, Source
from loaders import MediaStore

URL = "image_url"
TEXTS = ("caption", "section", "image_key")
PICTURE = ("image_key", "width", "height")


def dump_answer(answer: Answer) -> str:
    """The JSON of the answer, without what changes when the library is moved."""
    found = answer.to_dict()
    for source in found["sources"]:
        source.pop(URL, None)
    return json.dumps(found, ensure_ascii=False).encode("utf-8", "replace").decode()


def load_answer(stored: str, media: MediaStore) -> Answer:
    """The answer of this JSON. Raises ValueError where it is none."""
    try:
        found = json.loads(stored)
        json.dumps(found, allow_nan=False)
        answer = Answer.from_dict(found)
        _check(answer)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"no answer: {error!r}") from error
    return replace(answer, sources=tuple(_with_url(source, media) for source in answer.sources))


def _check(answer: Answer) -> None:
    """Raise ValueError or TypeError where the parts of the answer are not of their kind."""
    texts = [answer.question, answer.model, answer.searched_as]
    numbers = [*answer.timings_s.values()]
    decided = [answer.grounded]
    for n, source in enumerate(answer.sources, start=1):
        metadata = source.document.metadata
        if source.n != n:
            raise ValueError("its sources are not numbered")
        texts += [source.document.page_content, metadata["title"], metadata["modality"]]
        texts += [metadata["source"], *metadata.get("descriptions", {}).values()]
        texts += [metadata[name] for name in TEXTS if name in metadata]
        numbers.append(source.score)
        decided.append(source.cited)
    for sentence in answer.sentences:
        texts.append(sentence.text)
        numbers.append(sentence.support)
        decided.append(sentence.supported)
        _check_sentence(sentence, len(answer.sources))
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text of it is none")
    if not all(isinstance(one, bool) for one in decided):
        raise TypeError("a truth value of it is none")
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise TypeError("a number of it is none")


def _check_sentence(sentence: Sentence, n_sources: int) -> None:
    if not set(sentence.citations) | set(sentence.figures) <= set(range(1, n_sources + 1)):
        raise ValueError("it cites what it has not")
    if sentence.lead not in (GOES_ON, PARAGRAPH) and not LIST_LEAD.fullmatch(sentence.lead):
        raise ValueError("a sentence of it has no lead")


def _with_url(source: Source, media: MediaStore) -> Source:
    """The source with the URL of its picture; without, where the picture is not there."""
    metadata = dict(source.document.metadata)
    metadata.pop(URL, None)
    if "image_key" in metadata and not _has_size(metadata):
        metadata = {name: value for name, value in metadata.items() if name not in PICTURE}
    elif "image_key" in metadata and is_stored(str(metadata["image_key"]), media):
        metadata[URL] = media.url(metadata["image_key"])
    document = Document(source.document.page_content, metadata=metadata)
    return replace(source, document=document)


def _has_size(metadata: dict[str, Any]) -> bool:
    sides = (metadata.get("width"), metadata.get("height"))
    return all(isinstance(side, int) and side > 0 for side in sides)


def is_stored(key: str, media: MediaStore) -> bool:
    """Whether the media store has a picture of this key."""
    try:
        return media.path(key).is_file()
    except KeyError:
        return False
