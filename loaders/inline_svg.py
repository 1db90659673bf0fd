"""Drawings that stand in a web page itself, as SVG.

HTML knows no capital letters in names, SVG does: they are put back, by the list of the HTML
standard (section "The rules for parsing tokens in foreign content"). Leaves out drawing them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import replace

from bs4.element import Tag

from loaders.elements import Element, Figure, Paragraph, Skipped
from loaders.html_tree import attribute
from loaders.pictures import alt_text, picture

TAGS = (
    "altGlyph altGlyphDef altGlyphItem animateColor animateMotion animateTransform clipPath "
    "feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix "
    "feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB "
    "feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset fePointLight "
    "feSpecularLighting feSpotLight feTile feTurbulence foreignObject glyphRef linearGradient "
    "radialGradient textPath"
)
ATTRIBUTES = (
    "attributeName attributeType baseFrequency baseProfile calcMode clipPathUnits diffuseConstant "
    "edgeMode filterUnits glyphRef gradientTransform gradientUnits kernelMatrix kernelUnitLength "
    "keyPoints keySplines keyTimes lengthAdjust limitingConeAngle markerHeight markerUnits "
    "markerWidth maskContentUnits maskUnits numOctaves pathLength patternContentUnits "
    "patternTransform patternUnits pointsAtX pointsAtY pointsAtZ preserveAlpha preserveAspectRatio "
    "primitiveUnits refX refY repeatCount repeatDur requiredExtensions requiredFeatures "
    "specularConstant specularExponent spreadMethod startOffset stdDeviation stitchTiles "
    "surfaceScale systemLanguage tableValues targetX targetY textLength viewBox viewTarget "
    "xChannelSelector yChannelSelector zoomAndPan"
)
NAMES = {name.lower(): name for name in f"{TAGS} {ATTRIBUTES}".split()}
NAMESPACES = {
    "xmlns": "http://www.w3.org/2000/svg",
    "xmlns:xlink": "http://www.w3.org/1999/xlink",
}
LENGTH = re.compile(r"(\d{1,6})(?:\.\d*)?(?:px|pt)?")
MIN_SIDE = 160
"""A drawing without words that is smaller is an icon. Pixels."""
NAME = "A drawing in the page"


def drawing(svg: Tag) -> Iterator[Element]:
    """The drawing as a figure with the words in it; nothing for an icon."""
    printed = _words(svg, "text")
    if not printed and svg.find_parent("figure") is None and not _is_large(svg):
        return
    alt = alt_text(attribute(svg, "aria-label"), _words(svg, "title"), _words(svg, "desc"))
    for element in picture(_content(svg), NAME, alt=alt):
        if isinstance(element, Figure):
            yield replace(element, text=element.text or printed or None)
        else:
            yield element
            if isinstance(element, Skipped) and printed:
                yield Paragraph(printed)


def _words(svg: Tag, name: str) -> str:
    return " ".join(" ".join(tag.get_text(" ").split()) for tag in svg.find_all(name))


def _is_large(svg: Tag) -> bool:
    sides = [LENGTH.fullmatch(attribute(svg, name)) for name in ("width", "height")]
    known = [int(side[1]) for side in sides if side]
    return len(known) == 2 and min(known) >= MIN_SIDE


def _content(svg: Tag) -> bytes:
    """The drawing as a file of its own."""
    whole = copy.copy(svg)
    for tag in (whole, *whole.find_all(True)):
        tag.name = NAMES.get(tag.name, tag.name)
        tag.attrs = {NAMES.get(name, name): value for name, value in tag.attrs.items()}
    whole.attrs = {**NAMESPACES, **whole.attrs}
    return str(whole).encode()
