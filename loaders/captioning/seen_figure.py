"""What a vision model answers of a figure: its form, its limits, and what is no answer.

All of it is hostile until shown otherwise: a picture can hold instructions for a model.
Leaves out asking (`vision`), and whether the text is worth keeping beside others (`fusion`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache, partial
from typing import Annotated, Any

from langchain_core.utils.json_schema import dereference_refs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from loaders.captioning.gate import REFUSAL as REFUSED_TO_PEOPLE
from loaders.elements import one_line

MAX_PROSE_CHARS = 800
MAX_LABEL_CHARS = 80
MIN_WORDS = 4
"""In the takeaway and the subject together."""
MIN_ECHO_CHARS = 25
REFUSED = "it refused to describe them"
TOO_SHORT = "it answered in a word or two"
CUT_OFF = "its answer was cut off"
BAD_FORM = "its answer was not in the form that was asked for"
ECHOED = "it repeated the question"

# No pattern looks twice at the same characters: an answer is hostile, and one loop reads them all.
REFUSAL = re.compile(
    rf"\W*+(?:{REFUSED_TO_PEOPLE.pattern}|"
    r"(?:i['’]?m|i am|we are|we['’]re)\s+(?:\w+\s+)?sorry\b|sorry,|my apologies|"
    r"(?:unfortunately,?\s+)?i\s*(?:can\s?not|can['’]?t|won['’]?t|will not|am unable|am not able|"
    r"['’]m unable|['’]m not able|do not|don['’]t)\b|as a (?:large )?language model\b|"
    r"no (?:image|picture|figure) (?:(?:was|is|has been) )?(?:provided|attached|visible)|"
    r"the (?:image|picture|figure) (?:was|is|has) not\b)",
    re.IGNORECASE,
)
"""What the gate takes for a refusal in any text, and what only the answer of a model can be."""
NO_ANSWER = re.compile(
    r"\W*+(?:(?:string|text|none|null|nil|n/?a|not applicable|not available|unknown|unclear|"
    r"no (?:text|axes|axis|series|values|units?)(?: (?:visible|seen|shown|present))?|empty)\W*+)?",
    re.IGNORECASE,
)
MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]*+)\]\s*+\([^()]*+\)")
MARKUP = re.compile(r"<\s*+[/!?|]?\s*+[A-Za-z][^<>]*+>")
SCHEME = re.compile(
    r"\b(?:[a-z][a-z0-9+.-]{1,15}://|(?:java|vb)script:|data:(?=\w+/))", re.IGNORECASE
)
MAX_NESTED = 8
"""Times that markup may stand in markup; what is deeper loses its signs and keeps its words."""
SIGNS = re.compile(r"[<>\[\]():]")
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+")
"""A sign of Chinese, Japanese or Korean counts as a word."""
FORM_BEGINS = re.compile(r'\{\s*"')
THOUGHTS = re.compile(
    r"<think(?:ing)?>[^<]*+(?:<(?!/?think)[^<]*+)*+</think(?:ing)?>", re.IGNORECASE
)


class NoDescription(ValueError):
    """An answer that says nothing of the figure. The text says in what way."""


def tidy(text: str, max_chars: int) -> str:
    """The words alone, on one line: no control characters, markup, links or schemes; cut."""
    text = text[: 8 * max_chars]
    text = "".join(_shown(character) for character in text)
    for _ in range(MAX_NESTED):  # what is taken out may leave other markup behind
        before, text = text, SCHEME.sub("", MARKUP.sub(" ", MARKDOWN_LINK.sub(r"\1", text)))
        if before == text:
            break
    else:
        text = SIGNS.sub(" ", text)
    text = one_line(text.replace("\u0060", "")).strip()
    if len(text) > max_chars:
        text = text[:max_chars].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    return "" if NO_ANSWER.fullmatch(text) else text


def _shown(character: str) -> str:
    """White space for what breaks lines, nothing for what steers a screen or hides."""
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"} else character


def _as_text(value: Any, max_chars: int) -> str:
    """A number is taken as it is written, an object by what is in it."""
    if isinstance(value, dict):
        value = ": ".join(str(v) for v in value.values() if isinstance(v, str | int | float))
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return tidy(str(value), max_chars) if is_plain else ""


def _as_list(value: Any, n: int) -> list[Any]:
    if value is None:
        return []
    return list(value)[:n] if isinstance(value, list) else [value]


def _strict(schema: dict[str, Any]) -> None:
    """Every part is to be answered and no other, as servers with OpenAI's protocol ask for."""
    schema["required"], schema["additionalProperties"] = list(schema["properties"]), False
    for part in (schema, *schema["properties"].values()):
        for name in ("title", "default"):
            part.pop(name, None)


Name = Annotated[str, BeforeValidator(partial(_as_text, max_chars=80))]
Sentence = Annotated[str, BeforeValidator(partial(_as_text, max_chars=300))]
Passage = Annotated[str, BeforeValidator(partial(_as_text, max_chars=400))]
Names = Annotated[list[Name], BeforeValidator(partial(_as_list, n=12)), Field(max_length=12)]
Values = Annotated[list[Name], BeforeValidator(partial(_as_list, n=20)), Field(max_length=20)]


class Axis(BaseModel):
    """One axis of a chart."""

    model_config = ConfigDict(json_schema_extra=_strict)

    name: Name = Field("", description="what the axis measures or lists")
    unit: Name = Field("", description="its unit, or empty")

    @model_validator(mode="before")
    @classmethod
    def _from_its_name(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"name": value}

    def told(self) -> str:
        """The name, and the unit where it is not in it."""
        is_new = self.unit and self.unit.lower() not in self.name.lower()
        return f"{self.name} ({self.unit})" if self.name and is_new else self.name or self.unit


Axes = Annotated[list[Axis], BeforeValidator(partial(_as_list, n=4)), Field(max_length=4)]


class SeenFigure(BaseModel):
    """A figure as a vision model describes it. What is too long is cut, not refused."""

    model_config = ConfigDict(json_schema_extra=_strict)

    kind: Name = Field(
        "",
        description="what it is: bar chart, line chart, pie chart, table, diagram, map, "
        "screenshot, photograph, drawing, logo or other",
    )
    subject: Sentence = Field("", description="what it is about, in a few words")
    axes: Axes = Field(default_factory=list, description="the axes of a chart, else empty")
    series: Names = Field(
        default_factory=list, description="names of the series, parts or people shown, else empty"
    )
    values: Values = Field(
        default_factory=list,
        description="the main values that can be read, each with its label, as '1998: 12 %'",
    )
    text: Passage = Field("", description="other lettering in the picture, word for word, or empty")
    takeaway: Sentence = Field(
        "", description="one full sentence: what a reader learns from the picture"
    )

    def told(self) -> str:
        """One paragraph; its first sentence is the best caption."""
        what = f"{self.kind}: {self.subject}" if self.kind and self.subject else ""
        what = what or self.subject or self.kind
        said = _words(self.takeaway)
        parts = [
            self.takeaway,
            what if set(_words(what)) - set(said) else "",
            _listed("Axes", [axis.told() for axis in self.axes]),
            _listed("Shown", self.series),
            _listed("Values", self.values),
            f"Lettering: {self.text}" if self.text else "",
        ]
        return " ".join(_closed(part[:1].upper() + part[1:]) for part in parts if part)


def _listed(name: str, found: list[str]) -> str:
    told = [text for text in dict.fromkeys(found) if text]
    return f"{name}: {'; '.join(told)}" if told else ""


def _closed(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…", "。")) else f"{text}."


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]


@cache
def answer_schema() -> dict[str, Any]:
    """The JSON schema of an answer, without references: not every server follows them."""
    schema = dereference_refs(SeenFigure.model_json_schema())
    return {name: part for name, part in schema.items() if name not in {"$defs", "description"}}


def read_form(answer: str, asked: str) -> str:
    """The description in an answer that was to have the form. Raises NoDescription."""
    answer = THOUGHTS.sub("", answer)
    if REFUSAL.match(answer):
        raise NoDescription(REFUSED)
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(answer, max(answer.find("{"), 0))
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is JSON, but no int
        raise NoDescription(_how_broken(answer)) from error
    if not isinstance(found, dict) or not found.keys() & SeenFigure.model_fields.keys():
        raise NoDescription(BAD_FORM)
    try:
        figure = SeenFigure.model_validate(found)
    except ValidationError as error:
        raise NoDescription(BAD_FORM) from error
    for text in (figure.takeaway, figure.subject):
        _check(text, asked)
    if len(_words(figure.takeaway) + _words(figure.subject)) < MIN_WORDS:
        raise NoDescription(TOO_SHORT)
    return figure.told()


def _how_broken(answer: str) -> str:
    """Why there is no object in an answer."""
    if "{" in answer:
        return BAD_FORM if answer.rstrip("` \n").endswith("}") else CUT_OFF
    return TOO_SHORT if len(_words(answer)) < MIN_WORDS else BAD_FORM


def read_prose(answer: str, asked: str) -> str:
    """The description in an answer in sentences. Raises NoDescription.

    Some models fill the form in whatever they are asked for: what looks like it is read so.
    """
    if FORM_BEGINS.search(answer):
        return read_form(answer, asked)
    text = tidy(THOUGHTS.sub("", answer), MAX_PROSE_CHARS)
    _check(text, asked)
    if len(_words(text)) < MIN_WORDS:
        raise NoDescription(TOO_SHORT)
    return _closed(text)


def _check(text: str, asked: str) -> None:
    """Raises NoDescription where the text refuses, or only says again what was asked."""
    if REFUSAL.match(text):
        raise NoDescription(REFUSED)
    if len(text) >= MIN_ECHO_CHARS and " ".join(_words(text)) in " ".join(_words(asked)):
        raise NoDescription(ECHOED)
