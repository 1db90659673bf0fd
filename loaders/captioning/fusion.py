"""One description of a figure out of everything known about it, said once.

What a person wrote (the document's caption, alt text, the text in the picture) stays
apart from what a machine guessed (a vision model, BLIP, a program that wrote the alt
text), here and in the metadata. Leaves out how the words are found: that is the loaders,
`ocr`, `vision` and `blip`; and what says nothing: `gate`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from loaders.captioning.gate import (
    Fault,
    fault_of,
    fault_of_lettering,
    is_by_program,
    without_mark,
)
from loaders.captioning.lettering import has_words, new_lines, on_one_line, tell_lines
from loaders.captioning.parts import Line, split

MAX_TEXT_CHARS = 8_000
"""Of the text in a picture, and of the data of a chart."""
MAX_SAID_CHARS = 2_000
"""Of anything else that is told of a figure."""
CAPTION_CHARS = 200
TEXT_LABEL = "Text in the picture: "
DATA_LABEL = "Data of the chart: "
VISION_LABEL = "A vision model says: "
BLIP_LABEL = "A machine sees: "
SECTION_LABEL = "Section: "
REFERENCE_LABEL = "The document says: "
SPOKEN_LABEL = "Said meanwhile: "
BY_PEOPLE = {"", REFERENCE_LABEL}
"""Labels of what people wrote about the figure."""
WORD = re.compile(r"\d+(?:[.,]\d+)+|\w+")
"""A number is one word: "3.1" is not said by "3" and "1"."""
CHART_KIND = re.compile(r"[^;:]+(?:; [xyz]: [^;]+)*")
"""What the data of a chart begin with: "Scatter chart; x: Longitude; y: Latitude"."""
FIRST_SENTENCE = re.compile(r".+?(?:[.!?…](?=\s|$)|[。！？]|\n|$)")
MIN_TELLING_CHARS = 3
MIN_OWN_CHARS = 4
KINDS = {
    "chart", "diagram", "figure", "graph", "graphic", "illustration", "image", "photo",
    "photograph", "picture", "plot", "screenshot", "showing", "shown", "shows", "table",
}  # fmt: skip
"""Words for what a figure is, which say nothing of what it shows."""
NEGATIONS = {
    "kein", "keine", "nao", "ne", "never", "nicht", "nie", "no", "non", "not", "nunca", "ohne",
    "pas", "sans", "sin", "without",
}  # fmt: skip
MAX_SAID_SHARE = 0.8
"""A line of which this share of the telling words is said already is a rewording."""


@dataclass(frozen=True, slots=True)
class FigureWords:
    """What is known of one figure, by provenance; the order is the order of trust."""

    document: str | None = None
    alt: str | None = None
    text: str | None = None
    """What the document prints in the figure."""
    chart_data: str | None = None
    """The numbers that it draws, as the document stores them."""
    ocr: str | None = None
    vision: str | None = None
    """What a vision language model says of it."""
    blip: str | None = None

    def present(self) -> dict[str, str]:
        """Provenance → text, for those that say something; `text` and `ocr` keep their lines."""
        return dict(_judged(self)[0])

    def rejected(self) -> dict[str, str]:
        """Provenance → why it says nothing, for those that were left out for it."""
        return {name: str(fault) for name, fault in _judged(self)[1].items()}


@lru_cache(maxsize=8)  # each figure is asked for its caption, its text and its descriptions
def _judged(words: FigureWords) -> tuple[dict[str, str], dict[str, Fault]]:
    said = {
        "document": _clean(words.document),
        "alt": _clean(words.alt),
        "text": _lettering(words.text, is_read=False),
        "chart_data": _clean(words.chart_data, MAX_TEXT_CHARS),
        "ocr": _lettering(words.ocr, is_read=True),
        "vision": _told(words.vision),
        "blip": _clean(words.blip),
    }
    faults = {
        name: fault_of(said[name], is_guess=name != "alt")
        for name in ("alt", "vision", "blip")
        if said[name]
    }
    if (words.ocr or "").strip():
        faults["ocr"] = fault_of_lettering(said["ocr"] or words.ocr or "")
    found = {name: fault for name, fault in faults.items() if fault}
    return {name: text for name, text in said.items() if text and name not in found}, found


def best_caption(words: FigureWords, *, section: str | None) -> str:
    """The best single sentence about the figure; it is never empty.

    A person's before a machine's; that of a vision model is the first that it says.
    """
    known = words.present()
    if said := _said_of_it(known):
        return said.text
    printed = known.get("text") or known.get("ocr") or ""
    if has_words(printed):
        lines = [line for line in printed.splitlines() if has_words(line)]
        return _shortened(f"Picture with the text: {on_one_line(lines)}")
    return _placed(section)


def _said_of_it(known: Mapping[str, str]) -> Line | None:
    """The best that anybody says of the figure, not the words in it; None where nobody does."""
    alt = known.get("alt", "")
    kind = CHART_KIND.match(known.get("chart_data", ""))
    said = (
        Line("", known.get("document", "")),
        Line("", "" if is_by_program(alt) else alt),
        Line(VISION_LABEL, _first_sentence(known.get("vision", ""))),
        Line(BLIP_LABEL, known.get("blip", "")),
        Line(BLIP_LABEL, without_mark(alt)),
        Line("", kind.group() if kind else ""),
    )
    best = next((line for line in said if line.text), None)
    return best._replace(text=_shortened(best.text)) if best else None


def _placed(section: str | None) -> str:
    return f"Picture in “{section}”" if section else "Picture"


def is_guess(descriptions: Mapping[str, str]) -> bool:
    """Whether the best caption out of these descriptions is a machine's, not a person's."""
    if "document" in descriptions:
        return False
    if alt := descriptions.get("alt"):
        return is_by_program(alt)
    return "blip" in descriptions or "vision" in descriptions


def fuse(
    words: FigureWords,
    *,
    title: str,
    section: str | None = None,
    references: Sequence[str] = (),
    spoken: str | None = None,
) -> list[str]:
    """The page_content of the figure, in one part or several: a line for each thing known.

    What only rewords the lines before it is left out, but no number that is new. Of the
    picture's own text only lines are left out that are said: each word may be a label. In
    each further part too, a machine's words stand behind their label: they bear nothing out.
    """
    place = section or title
    lines = list(_new(_lines(words, place, references, spoken)))
    head = _said_of_it(words.present()) or Line(SECTION_LABEL, _shortened(_clean(place)))
    return split(lines, str(head) if head.text else "")


def _lines(
    words: FigureWords, section: str, references: Sequence[str], spoken: str | None
) -> list[Line]:
    """Everything known, as trusted."""
    known = words.present()
    alt = known.get("alt", "")
    alt_label = BLIP_LABEL if is_by_program(alt) else ""
    printed = known.get("text", "").splitlines()
    read = new_lines(known.get("ocr", "").splitlines(), printed)
    seen = [
        Line(VISION_LABEL, _clean(known.get("vision"))),
        Line(BLIP_LABEL, known.get("blip", "")),
    ]
    own = Line(alt_label, without_mark(alt))
    return [
        Line("", known.get("document", "")),
        *([] if alt_label else [own]),
        Line(DATA_LABEL, known.get("chart_data", ""), is_lettering=True),
        Line(TEXT_LABEL, on_one_line(printed), is_lettering=True),
        Line(TEXT_LABEL, on_one_line(read), is_lettering=True),
        *seen,
        *([own] if alt_label else []),
        Line(SECTION_LABEL, _clean(section)),
        *(Line(REFERENCE_LABEL, _clean(said), is_elsewhere=True) for said in references),
        Line(SPOKEN_LABEL, _clean(spoken), is_lettering=True, is_elsewhere=True),
    ]


def _new(lines: Sequence[Line]) -> list[Line]:
    """The lines that say something which those before them do not.

    What people say in sentences is not said by the words and numbers in the picture: a claim
    about the figure stands only there.
    """
    said: set[str] = set()
    said_by_people: set[str] = set()
    kept: list[Line] = []
    for line in lines:
        found = _words(line.text)
        is_by_people = line.label in BY_PEOPLE
        if line.text and _adds(line, found, said_by_people if is_by_people else said):
            kept.append(line)
            said |= found
            if is_by_people:
                said_by_people |= found
    return kept


def _adds(line: Line, words: set[str], said: set[str]) -> bool:
    """Whether a line with these words says something new, rather than the same otherwise."""
    new = words - said
    if line.label == TEXT_LABEL:
        return bool(new)
    if new & NEGATIONS or any(character.isdigit() for word in new for character in word):
        return True
    # A person's: one word may tell autumn from spring.
    if not line.label and any(len(word) >= MIN_OWN_CHARS for word in new - KINDS):
        return True
    telling = {word for word in words if len(word) >= MIN_TELLING_CHARS}
    is_reworded = bool(telling) and len(telling & said) >= MAX_SAID_SHARE * len(telling)
    return bool(new) and not is_reworded


def _words(text: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text)}


def _clean(text: str | None, n_chars: int = MAX_SAID_CHARS) -> str:
    return _limited(re.sub(r"\s+", " ", text or "").strip(), n_chars)


def _told(text: str | None) -> str:
    """What a model says, in its lines."""
    lines = (" ".join(line.split()) for line in (text or "").splitlines())
    return _limited("\n".join(filter(None, lines)), MAX_SAID_CHARS)


def _lettering(text: str | None, *, is_read: bool) -> str:
    return "\n".join(tell_lines(_limited(text or "", MAX_TEXT_CHARS), is_read=is_read))


def _limited(text: str, n_chars: int) -> str:
    """The text, cut at a word where it is longer."""
    return text if len(text) <= n_chars else text[:n_chars].rsplit(" ", 1)[0]


def _first_sentence(text: str) -> str:
    found = FIRST_SENTENCE.match(text)
    return found.group().strip() if found else ""


def _shortened(text: str) -> str:
    """The text, cut at a word where it is longer than a caption should be."""
    if len(text) <= CAPTION_CHARS:
        return text
    return text[:CAPTION_CHARS].rsplit(" ", 1)[0].rstrip(",;:") + " …"
