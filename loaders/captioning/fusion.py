"""One description of a figure out of everything known about it, said once.

What a person wrote (the document's caption, alt text, the text in the picture) stays
apart from what a machine guessed (BLIP), here and in the metadata. Leaves out how the
words are found: that is the loaders, `ocr` and `blip`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

MAX_TEXT_CHARS = 1_500
CAPTION_CHARS = 200
TEXT_LABEL = "Text in the picture: "
DATA_LABEL = "Data of the chart: "
VISION_LABEL = "A vision model says: "
BLIP_LABEL = "A machine sees: "
SECTION_LABEL = "Section: "
REFERENCE_LABEL = "The document says: "
SPOKEN_LABEL = "Said meanwhile: "
GENERIC_ALT = re.compile(
    r"(?:image|picture|photo|figure|graphic|img|logo|icon|screenshot|untitled|null|none)?[\s_\-]*\d*"
    r"|.*\.(?:png|jpe?g|gif|webp|svg|bmp|tiff?|emf|wmf)",
    re.IGNORECASE,
)
WORD = re.compile(r"\w+")
FIRST_SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=[A-Z0-9\"“(])")
"""Where the takeaway of a vision model's description ends."""
MIN_TELLING_CHARS = 3
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
        """Provenance → text, for those that say something."""
        cleaned = {f.name: _clean(getattr(self, f.name) or "") for f in fields(self)}
        if GENERIC_ALT.fullmatch(cleaned["alt"]):
            cleaned["alt"] = ""
        return {name: text for name, text in cleaned.items() if text}


def best_caption(words: FigureWords, *, section: str | None) -> str:
    """The best single sentence about the figure; it is never empty."""
    known = words.present()
    known["vision"] = FIRST_SENTENCE.split(known.get("vision", ""), maxsplit=1)[0]
    for name in ("document", "alt", "vision", "blip"):
        if known.get(name):
            return _shortened(known[name])
    if printed := known.get("text") or known.get("ocr"):
        return _shortened(f"Picture with the text: {printed}")
    return f"Picture in “{section}”" if section else "Picture"


def fuse(
    words: FigureWords,
    *,
    title: str,
    section: str | None = None,
    references: list[str] | None = None,
    spoken: str | None = None,
) -> str:
    """The figure's page_content: one line for each thing known, nothing twice.

    What only rewords the lines before it is left out, but no number that is new. The
    picture's own text is left out only if all of it is said: each of its words may be a label.
    """
    known = words.present()
    lines = [
        ("", known.get("document")),
        ("", known.get("alt")),
        (DATA_LABEL, known.get("chart_data", "")[:MAX_TEXT_CHARS]),
        (TEXT_LABEL, known.get("text", "")[:MAX_TEXT_CHARS]),
        (TEXT_LABEL, known.get("ocr", "")[:MAX_TEXT_CHARS]),
        (VISION_LABEL, known.get("vision")),
        (BLIP_LABEL, known.get("blip")),
        (SECTION_LABEL, section or title),
        *((REFERENCE_LABEL, reference) for reference in references or []),
        (SPOKEN_LABEL, spoken),
    ]
    said: set[str] = set()
    kept: list[str] = []
    for label, text in lines:
        found = _words(text or "")
        if text and (found - said if label == TEXT_LABEL else _adds(found, said)):
            kept.append(f"{label}{_clean(text)}")
            said |= found
    return "\n".join(kept)


def _adds(words: set[str], said: set[str]) -> bool:
    """Whether a line with these words says something new, rather than the same otherwise."""
    new = words - said
    telling = {word for word in words if len(word) >= MIN_TELLING_CHARS}
    is_reworded = bool(telling) and len(telling & said) >= MAX_SAID_SHARE * len(telling)
    has_number = any(character.isdigit() for word in new for character in word)
    return has_number or (bool(new) and not is_reworded)


def _words(text: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text)}


def _clean(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _shortened(text: str) -> str:
    """The text, cut at a word where it is longer than a caption should be."""
    if len(text) <= CAPTION_CHARS:
        return text
    return text[:CAPTION_CHARS].rsplit(" ", 1)[0].rstrip(",;:") + " …"
