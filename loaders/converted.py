"""Reads old and foreign Office files by having LibreOffice convert them.

Leaves out what such a file holds: that is the loader of the format that it is converted into.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from loaders import libre_office
from loaders.content_type import CONVERTED_TYPES, content_type, format_name
from loaders.elements import Element
from loaders.errors import UnsupportedFormat
from loaders.loader import DocumentLoader
from loaders.source import SourceFile


class ConvertedLoader(DocumentLoader):
    """Reads .doc, .ppt, .xls and .xlsb files where LibreOffice is installed."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        mime = content_type(file.path, file.name)
        if mime not in CONVERTED_TYPES:
            raise UnsupportedFormat(f"{file.name} is {format_name(mime)}; it is not converted.")
        suffix, to, reader = CONVERTED_TYPES[mime]
        if libre_office.program() is None:
            raise UnsupportedFormat(
                f"{file.name} is {format_name(mime)}, which limner reads through LibreOffice. "
                f"{libre_office.HOW_TO_INSTALL}, or save the file as .{to} in its own program."
            )
        with libre_office.converted(
            file.path, file.name, suffix, to, self.limits, reader=reader
        ) as path:
            yield from self._read_attached(replace(file, path=path, figure_root=None))
