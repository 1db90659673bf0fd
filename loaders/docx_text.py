"""What is shown of the XML of a Word document, and the text of its paragraphs.

Leaves out what Word would not show: deleted and moved text, hidden text, field codes,
and the second version that a drawing carries for older programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from docx.oxml.ns import qn
from lxml import etree

COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MATH_TEXT = f"{MATH}t"
MATH_PARTS = {
    f"{MATH}{tag}": (before, after)
    for tag, before, after in (
        ("num", "(", ")"),
        ("den", "/(", ")"),
        ("sup", "^", ""),
        ("sub", "_", ""),
        ("rad", "sqrt(", ")"),
        ("deg", "[", "] "),
    )
}
"""What is written around a part of a formula, which stands on one line here."""
READ_CHOICES = {"wps", "wpg", "wpc", "wp14", "w14", "w15", "w16", "a14", "c14", "v"} | {
    f"cx{n or ''}" for n in range(9)
}
"""Extensions whose drawings are read; of others the picture for older programs is taken."""
NOT_SHOWN = {
    qn(f"w:{t}") for t in ("del", "moveFrom", "rPr", "pPr", "sdtPr", "rt", "tblPr", "tcPr")
}
DRAWINGS = {qn("w:drawing"), qn("w:pict"), qn("w:object")}
TEXT_BOX = qn("w:txbxContent")
NOTE_MARKS = {qn(f"w:{kind}Reference") for kind in ("footnote", "endnote", "comment")}
BREAKS = {qn("w:tab"): "\t", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
OFF = {"0", "false", "off"}


@dataclass(slots=True)
class Line:
    """The content of one paragraph."""

    text: str = ""
    drawings: list[etree._Element] = field(default_factory=list)
    note_marks: list[etree._Element] = field(default_factory=list)
    starts_with_drawing: bool = False


def read_line(paragraph: etree._Element) -> Line:
    """The text, drawings and note marks of a paragraph."""
    line = Line()
    open_parts: list[tuple[etree._Element, str]] = []  # of a formula
    for element in shown(paragraph):
        while open_parts and open_parts[-1][0] not in element.iterancestors():
            line.text += open_parts.pop()[1]
        if element.tag in MATH_PARTS and _formula_text(element):
            before, after = _around(element)
            line.text += before
            open_parts.append((element, after))
        elif element.tag in {qn("w:t"), MATH_TEXT}:
            line.text += element.text or ""
        elif element.tag in BREAKS:
            line.text += BREAKS[element.tag]
        elif element.tag == qn("w:br") and element.get(qn("w:type")) in {None, "textWrapping"}:
            line.text += "\n"
        elif element.tag in DRAWINGS:
            line.starts_with_drawing |= not line.text.strip()
            line.drawings.append(element)
        elif element.tag in NOTE_MARKS:
            line.note_marks.append(element)
    line.text = f"{line.text}{''.join(after for _, after in reversed(open_parts))}".strip()
    return line


def _around(part: etree._Element) -> tuple[str, str]:
    """What is written before and after a part of a formula: an index of several signs is in ()."""
    before, after = MATH_PARTS[str(part.tag)]
    if before in {"^", "_"} and len(_formula_text(part)) > 1:
        return f"{before}(", ")"
    return before, after


def _formula_text(part: etree._Element) -> str:
    return "".join(text.text or "" for text in part.iter(MATH_TEXT))


def full_text(container: etree._Element) -> str:
    """The text of all paragraphs below a table cell or note, in one line."""
    paragraphs = (e for e in shown(container) if e.tag == qn("w:p"))
    return " ".join(" ".join(read_line(p).text for p in paragraphs).split())


def shown(element: etree._Element) -> Iterator[etree._Element]:
    """The descendants that are shown, in order; drawings and text boxes stay closed."""
    for child in element:
        if not isinstance(child.tag, str) or child.tag in NOT_SHOWN or is_hidden(child):
            continue
        if child.tag == f"{COMPATIBILITY}AlternateContent":
            yield from shown(_version(child))
            continue
        yield child
        if child.tag not in DRAWINGS and child.tag != TEXT_BOX:
            yield from shown(child)


def _version(alternatives: etree._Element) -> etree._Element:
    for choice in alternatives.iterfind(f"{COMPATIBILITY}Choice"):
        if set(choice.get("Requires", "").split()) <= READ_CHOICES:
            return choice
    fallback = alternatives.find(f"{COMPATIBILITY}Fallback")
    return fallback if fallback is not None else alternatives


def is_hidden(element: etree._Element) -> bool:
    """Whether a run is formatted as hidden, or a table row is marked as deleted."""
    if element.tag == qn("w:r"):
        vanish = element.find(f"{qn('w:rPr')}/{qn('w:vanish')}")
        return vanish is not None and vanish.get(qn("w:val")) not in OFF
    return element.tag == qn("w:tr") and element.find(f"{qn('w:trPr')}/{qn('w:del')}") is not None
