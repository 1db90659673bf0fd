"""Draws SVG where that is wanted, and says what is written in it.

resvg draws without scripts; a path to a file, which it would follow, is taken out before. It runs
in a process of its own (`loaders.svg_process`). Of those that draw SVG, CairoSVG needs a library
of the system and Python for each element. Leaves out text that was turned into outlines: that is
for OCR.
"""

from __future__ import annotations

import atexit
import re
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from lxml import etree

from loaders import svg_process
from loaders.elements import one_line
from loaders.errors import BrokenPicture

MAX_SIDE = 1_600
"""Pixels. A larger drawing is drawn smaller."""
WAITED_S = 60.0
"""For one drawing, where the process uses none of its own time: it was stopped, or hangs."""
MAX_DRAWN = 100_000
"""Elements, counted each time that they are drawn anew: a file of ten lines can name billions."""
MAX_DEPTH = 280
PIXELS = {
    "": 1.0,
    "px": 1.0,
    "pt": 96 / 72,
    "pc": 16.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 9.6 / 2.54,
}
"""Of each unit."""
LENGTH = re.compile(r"\s*([\d.]{1,12})\s*(px|pt|pc|in|cm|mm|)\s*")
OWN_PICTURE = re.compile(r"\s*(?:#|data:image/(?:png|jpe?g|gif|webp)\b)", re.IGNORECASE)
REMOVED = {"script", "foreignObject", "iframe", "audio", "video"}
DEFAULT_SIZE = (300.0, 150.0)


@dataclass(frozen=True, slots=True)
class Drawing:
    """text: what is written in the drawing. title: what it says it shows."""

    text: str
    title: str
    _svg: str

    def image(self) -> bytes:
        """The drawing in pixels, as a PNG file. Raises BrokenPicture."""
        # The system's fonts are read anew for each drawing.
        return _renderer().picture(self._svg.encode(), with_fonts=bool(self.text))


def read_drawing(content: bytes) -> Drawing:
    """The words in a drawing, and what draws it. Raises BrokenPicture."""
    root = _parsed(content)
    _remove_references(root)
    _check_number(root)
    width, height = _size(root)
    if root.get("viewBox") is None:
        root.set("viewBox", f"0 0 {width:g} {height:g}")
    scale = min(1.0, MAX_SIDE / max(width, height))
    for name, side in (("width", width), ("height", height)):
        root.set(name, str(max(1, round(side * scale))))
    text, title = _words(root, "text"), _words(root, "title", "desc")
    return Drawing("\n".join(text), "\n".join(title), etree.tostring(root, encoding="unicode"))


class _Renderer:
    """The process that draws, started when it is needed. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def picture(self, drawing: bytes, *, with_fonts: bool) -> bytes:
        """A PNG file. Raises BrokenPicture."""
        with self._lock:
            answer = self._answer(drawing, with_fonts)
        if answer is None:
            raise BrokenPicture(
                "The SVG drawing was given up: it takes longer than "
                f"{svg_process.CPU_SECONDS:,.0f} s or too much memory to draw, or trips a fault."
            )
        is_drawn, content = answer
        if not is_drawn:
            reason = content.decode("utf-8", "replace")
            raise BrokenPicture(f"The SVG drawing cannot be drawn ({reason}).")
        return content

    def _answer(self, drawing: bytes, with_fonts: bool) -> tuple[bool, bytes] | None:
        """What the process made of the drawing; None where that was its end."""
        process = self._process = self._process or _started()
        requests, answers = process.stdin, process.stdout
        assert requests is not None  # noqa: S101 - for the type checker: both are pipes
        assert answers is not None  # noqa: S101
        answer = None
        clock = threading.Timer(WAITED_S, process.kill)
        clock.start()
        with suppress(OSError):
            svg_process.send(requests, drawing, flag=with_fonts)
            answer = svg_process.receive(answers)
        clock.cancel()
        if answer is None:
            self.end()
        return answer

    def end(self) -> None:
        """End the process; safe to call again."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(OSError):
                process.communicate()


def _started() -> subprocess.Popen[bytes]:
    # -P: a module in the folder in which a person works must not take the place of ours.
    return subprocess.Popen(  # noqa: S603 - nothing of a file is in it
        [sys.executable, "-P", svg_process.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


@cache
def _renderer() -> _Renderer:
    renderer = _Renderer()
    atexit.register(renderer.end)
    return renderer


def _parsed(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BrokenPicture(f"The SVG drawing is damaged ({error}).") from error
    if root is None or _name(root) != "svg":
        raise BrokenPicture("The SVG drawing is damaged (it does not begin with <svg>).")
    etree.strip_tags(root, etree.Entity)
    return root


def _remove_references(root: etree._Element) -> None:
    """Take out what is no part of the drawing itself."""
    for element in list(root.iter(etree.Element)):
        around = element.getparent()
        if _name(element) in REMOVED and around is not None:
            around.remove(element)
        for attribute, value in list(element.attrib.items()):
            if _local(attribute) == "href" and not OWN_PICTURE.match(str(value)):
                del element.attrib[attribute]


def _check_number(root: etree._Element) -> None:
    """Raises BrokenPicture where elements name each other without end."""
    named = {str(e.get("id")): e for e in root.iter(etree.Element) if e.get("id")}
    known: dict[etree._Element, int] = {}

    def count(element: etree._Element, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise BrokenPicture("The SVG drawing is nested too deeply.")
        if element not in known:
            known[element] = 0  # a cycle is drawn once
            parts = [e for e in element if isinstance(e.tag, str)]
            parts += [named[i] for i in _uses(element) if i in named]
            known[element] = min(MAX_DRAWN + 1, 1 + sum(count(e, depth + 1) for e in parts))
        return known[element]

    if count(root, 0) > MAX_DRAWN:
        raise BrokenPicture(f"The SVG drawing has more than {MAX_DRAWN:,} elements.")


def _uses(element: etree._Element) -> list[str]:
    """The elements that are drawn in the place of this one."""
    hrefs = [str(v) for k, v in element.attrib.items() if _local(str(k)) == "href"]
    return [h.strip().removeprefix("#") for h in hrefs if h.strip().startswith("#")]


def _size(root: etree._Element) -> tuple[float, float]:
    """Width and height in pixels, as the drawing gives them."""
    box = re.split(r"[\s,]+", str(root.get("viewBox") or "").strip())
    try:
        seen = (float(box[2]), float(box[3])) if len(box) == 4 else DEFAULT_SIZE
    except ValueError:
        seen = DEFAULT_SIZE
    ratio = seen[0] / seen[1] if min(seen) > 0 else 1.0
    width, height = _length(root.get("width")), _length(root.get("height"))
    if width is None and height is None:
        width, height = seen
    elif width is None:
        width = (height or 0.0) * ratio
    elif height is None:
        height = width / ratio
    if not (0 < width < float("inf") and 0 < (height or 0.0) < float("inf")):
        raise BrokenPicture("The SVG drawing has no size.")
    return width, height or 0.0


def _length(text: str | None) -> float | None:
    found = LENGTH.fullmatch(text or "")
    try:
        return float(found[1]) * PIXELS[found[2]] if found else None
    except ValueError:
        return None


def _words(root: etree._Element, *names: str) -> list[str]:
    """What each element of that name says, in order, each text once in a row."""
    found = [
        one_line("".join(str(part) for part in element.itertext()))
        for element in root.iter(etree.Element)
        if _name(element) in names
    ]
    return [text for n, text in enumerate(found) if text and (n == 0 or text != found[n - 1])]


def _name(element: etree._Element) -> str:
    return _local(str(element.tag))


def _local(name: object) -> str:
    return str(name).rpartition("}")[2]
