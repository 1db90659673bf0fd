"""Parses XML so that it can do no harm: entities stay unexpanded, nothing outside is loaded.

Leaves out what the elements mean, and Office files, whose libraries parse them alike.
"""

from __future__ import annotations

from lxml import etree

from loaders.elements import one_line

BOMBS = {etree.ErrorTypes.ERR_ENTITY_LOOP, etree.ErrorTypes.ERR_RESOURCE_LIMIT}
BOMB = (
    "declares entities that unpack to more than any text holds, or is nested deeper than any "
    "text. It is made to do harm; limner does not read it."
)


def is_bomb(error: BaseException) -> bool:
    """Whether XML was not read because of what it would unpack to, or its depth."""
    return isinstance(error, etree.XMLSyntaxError) and getattr(error, "code", None) in BOMBS


def parse_xml(content: bytes, *, mends: bool = False) -> etree._Element:
    """The root element. Raises etree.XMLSyntaxError.

    mends: damaged XML is read as far as it can be.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,  # bounds the depth, and the length of one text
        remove_comments=True,
        remove_pis=True,
        recover=mends,
    )
    root = etree.fromstring(content, parser)
    return etree.Element("nothing") if root is None else root


def text_of(element: etree._Element) -> str:
    """All text in the element, on one line."""
    return one_line("".join(map(str, element.itertext())))


def local_name(element: etree._Element) -> str:
    """The element's name without its namespace; "" for what is no element."""
    return without_namespace(element.tag) if isinstance(element.tag, str) else ""


def without_namespace(name: str) -> str:
    """The last part of a name such as `{http://www.w3.org/2005/Atom}title`."""
    return name.rpartition("}")[2]
