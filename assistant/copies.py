"""Of a picture that is found at several places, those where a person wrote a caption for it.

A chart may stand in a report, and in the file that it was made from. Leaves out pictures that
are only alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from assistant.sentences import words
from loaders.captioning.fusion import BLIP_LABEL, SECTION_LABEL, VISION_LABEL, is_guess
from retrievers import Hit


def without_bare_copies(hits: Sequence[Hit], question: str) -> list[Hit]:
    """The hits; before a picture without caption comes the first hit that has it with one.

    The one without goes, unless it says more or the question names its document.
    """
    captioned: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        if (picture := _picture(hit)) and _is_captioned(hit):
            captioned[picture].append(hit)
    chosen: list[Hit] = []
    for hit in hits:
        better = [] if _is_captioned(hit) else captioned.get(_picture(hit) or "", [])
        chosen += better[:1]
        if not better or _is_named(hit, question) or not _words(hit) <= _words(*better):
            chosen.append(hit)
    return list({id(hit): hit for hit in chosen}.values())


def _picture(hit: Hit) -> str | None:
    metadata = hit.document.metadata
    return metadata.get("image_key") if metadata.get("modality") == "figure" else None


def _is_captioned(hit: Hit) -> bool:
    told = hit.document.metadata.get("descriptions") or {}
    return bool({"document", "alt"} & told.keys()) and not is_guess(told)


def _is_named(hit: Hit, question: str) -> bool:
    title = hit.document.metadata.get("title", "")
    return bool(title) and title.casefold() in question.casefold()


def _words(*hits: Hit) -> set[str]:
    """What people wrote or printed there; a heading may be the name of the file."""
    lines = (line for hit in hits for line in hit.document.page_content.splitlines())
    others = (SECTION_LABEL, VISION_LABEL, BLIP_LABEL)
    return {word for line in lines if not line.startswith(others) for word in words(line)}
