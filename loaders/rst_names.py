"""Reads the directives and roles of reStructuredText that docutils does not know by their words.

Other programs bring their own, Sphinx above all; docutils would leave out what stands in them.
Leaves out what they would compute.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.languages import en

DIRECTIVE = re.compile(r"^\s*\.\. +(?:\|[^|\n]+\| +)?([\w:+.-]{1,80})::(?!\S)", re.MULTILINE)
ROLE = re.compile(r":([\w:+.-]{1,80}):`")
TITLE_AND_TARGET = re.compile(r"(.+?)\s*<[^<>]*>", re.DOTALL)
SILENT = {"toctree", "literalinclude", "include", "raw", "contents", "index"}
"""Directives that say nothing themselves."""


class _Nested(Directive):  # type: ignore[misc]
    """Anything that holds text: what is said after its name, and what stands in it."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar[Any] = None

    def run(self) -> list[Any]:
        block = nodes.container()
        if self.arguments:
            said, _ = self.state.inline_text(self.arguments[0], self.lineno)
            block += nodes.paragraph("", "", *said)
        self.state.nested_parse(self.content, self.content_offset, block)
        return [block]


class _Silent(_Nested):
    """Something that is left out with all that stands in it."""

    def run(self) -> list[Any]:
        return []


def register_unknown(text: str) -> None:
    """Give docutils a reader for each directive and role of the text that it does not know.

    The registry is the whole process's: nothing else here uses docutils.
    """
    for name in set(map(str.lower, DIRECTIVE.findall(text))):
        if name in SILENT:
            directives.register_directive(name, _Silent)
        elif name not in en.directives and name not in directives._directive_registry:
            directives.register_directive(name, _Nested)
    for name in set(map(str.lower, ROLE.findall(text))):
        if name not in en.roles and name not in roles._role_registry:
            roles.register_local_role(name, _words)


def _words(_role: str, source: str, text: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
    """The words of a role: its title where it has one, else its target."""
    shown = nodes.unescape(text)
    titled = TITLE_AND_TARGET.fullmatch(shown)
    return [nodes.inline(source, titled[1] if titled else shown.lstrip("!~"))], []
