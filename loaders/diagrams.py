"""SmartArt diagrams as text: an indented list that says which box stands under which.

Leaves out the layout: a cycle and a list of the same boxes read alike.
"""

from __future__ import annotations

from collections import defaultdict

from lxml import etree

NAMESPACES = {
    "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
}
BOXES = {"node", "asst"}


def diagram_text(xml: bytes) -> str:
    """The boxes of a diagram's data part, one a line. Raises lxml.etree.XMLSyntaxError."""
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False))
    texts: dict[str, str] = {}
    roots: list[str] = []
    for point in root.iterfind("dgm:ptLst/dgm:pt", NAMESPACES):
        kind = point.get("type", "node")
        if kind in BOXES:
            runs = (t.text or "" for t in point.iterfind("dgm:t//a:t", NAMESPACES))
            texts[point.get("modelId", "")] = " ".join("".join(runs).split())
        elif kind == "doc":
            roots.append(point.get("modelId", ""))
    children = _children(root)
    lines: list[str] = []
    seen: set[str] = set()
    waiting = [(box, -1) for box in reversed(roots)]
    while waiting:
        box, depth = waiting.pop()
        if box in seen:
            continue
        seen.add(box)
        if texts.get(box):
            lines.append(f"{'  ' * max(depth, 0)}- {texts[box]}")
        waiting += [(child, depth + 1) for child in reversed(children[box])]
    return "\n".join(lines)


def _children(root: etree._Element) -> defaultdict[str, list[str]]:
    """Which boxes stand under which, in order."""
    found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for link in root.iterfind("dgm:cxnLst/dgm:cxn", NAMESPACES):
        if link.get("type", "parOf") == "parOf":
            order = link.get("srcOrd", "0")
            place = int(order) if order.isdecimal() else 0
            found[link.get("srcId", "")].append((place, link.get("destId", "")))
    return defaultdict(list, {box: [c for _, c in sorted(links)] for box, links in found.items()})
