"""The parts of an Office file and how they relate, read one at a time from its archive.

Looks like the parts of python-docx and python-pptx, so that `office_parts` reads pictures, charts
and diagrams of workbooks too; those libraries hold all parts in memory at once, and a workbook's
may be large. Leaves out checking the archive: that is `ooxml`.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml import etree

RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to."""

    archive: zipfile.ZipFile
    reltype: str
    target_ref: str
    is_external: bool

    @property
    def kind(self) -> str:
        """The last word of its type, "image"."""
        return posixpath.basename(self.reltype)

    @property
    def target_part(self) -> Part:
        """Raises KeyError if it is outside the file."""
        if self.is_external:
            raise KeyError(self.target_ref)
        return Part(self.archive, self.target_ref)


class Part:
    """One part of the archive by its name, without a slash at its start."""

    def __init__(self, archive: zipfile.ZipFile, partname: str) -> None:
        self._archive = archive
        self.partname = partname

    @property
    def blob(self) -> bytes:
        """Raises KeyError if it is not there."""
        return self._archive.read(self.partname)

    def xml(self) -> etree._Element:
        """Raises KeyError or lxml.etree.XMLSyntaxError."""
        return etree.fromstring(self.blob, etree.XMLParser(resolve_entities=False))

    @cached_property
    def rels(self) -> dict[str | None, Relation]:
        """Relation id → what it refers to."""
        folder, name = posixpath.split(self.partname)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        if path not in self._archive.NameToInfo:
            return {}
        return {
            found.get("Id"): _relation(self._archive, folder, found)
            for found in Part(self._archive, path).xml().iter(RELATIONSHIP)
        }

    def related(self, kind: str) -> Iterator[Part]:
        """The parts of a kind that this one refers to."""
        for relation in self.rels.values():
            if relation.kind == kind and not relation.is_external:
                yield relation.target_part


def _relation(archive: zipfile.ZipFile, folder: str, found: etree._Element) -> Relation:
    target = found.get("Target") or ""
    is_external = found.get("TargetMode") == "External"
    if not is_external:
        target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
    return Relation(archive, found.get("Type") or "", target, is_external)
