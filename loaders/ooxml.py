"""Opens an Office file (a zip archive of XML parts) so that it can do no harm.

The archive is checked before anything is unpacked, and what the Office libraries raise
on damaged files becomes a LoaderError here. Their XML parsers do not resolve entities.
Leaves out what the parts mean: that is `docx`, `pptx`, `xlsx`, `charts` and `diagrams`.
"""

from __future__ import annotations

import io
import posixpath
import re
import traceback
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from lxml import etree

from loaders.errors import BrokenDocument, EncryptedDocument, LimitExceeded, UnsupportedFormat
from loaders.limits import BYTES_PER_MIB, Limits
from loaders.source import SourceFile
from loaders.xml_tree import BOMB, is_bomb

HARMLESS_BYTES = 16 * BYTES_PER_MIB
"""An archive that unpacks to no more than this is no bomb, however well it was packed."""
IS_ENCRYPTED = 0x1
PACKAGE_RELS = "_rels/.rels"
CONTENT_TYPES = "[Content_Types].xml"
STRICT_NAMESPACE = b"http://purl.oclc.org/ooxml/"
ORDINARY_TYPES = [
    (
        rb"application/vnd\.(?:openxmlformats-officedocument\.wordprocessingml\.template"
        rb"|ms-word\.(?:document\.macroEnabled|template\.macroEnabledTemplate))\.main\+xml",
        b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    ),
    (
        rb"application/vnd\.(?:openxmlformats-officedocument\.presentationml\.(?:template|slideshow)"
        rb"|ms-powerpoint\.(?:slideshow|template)\.macroEnabled)\.main\+xml",
        b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
    ),
]
"""Templates, slide shows and files with macros are read as the ordinary documents they hold."""
PROGRAM_TITLE = re.compile(
    r"(?:(?:document|dokument|presentation|präsentation|powerpoint presentation|untitled|title|"
    r"titel|slide|folie|word document|no slide title)\s*\d*|(?:microsoft word|powerpoint) - .*"
    r"|.*\.(?:docx?|pptx?|xlsx?|rtf|od[tps]))",
    re.IGNORECASE,
)
"""Titles that a program filled in."""

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,12}")

DAMAGE = (EOFError, OSError, RecursionError, zipfile.BadZipFile, zlib.error, etree.LxmlError)
"""What only the file can be the cause of."""
FOREIGN_ERRORS = (
    AttributeError,  # what the Office libraries raise on XML without the elements they expect
    AssertionError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
)
"""What the file is the cause of where a library raises it; raised by limner, it is our bug."""
LIBRARIES = {"docx", "pptx", "lxml", "zipfile"}


@contextmanager
def open_package(file: SourceFile, limits: Limits) -> Iterator[IO[bytes]]:
    """Give an Office file to its library; hold this open while the library is used.

    Raises BrokenDocument, EncryptedDocument, UnsupportedFormat or LimitExceeded.
    """
    with _known_errors(file), _readable(file, limits) as stream:
        yield stream


@contextmanager
def open_archive(file: SourceFile, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open an OpenDocument file, or any other archive of XML, as `open_package` does."""
    with _known_errors(file), zipfile.ZipFile(file.path) as archive:
        check_archive(archive, file, limits)
        yield archive


@contextmanager
def _known_errors(file: SourceFile) -> Iterator[None]:
    """Turn what the libraries raise on a damaged file into BrokenDocument."""
    from docx.exceptions import PythonDocxError
    from docx.opc.exceptions import OpcError
    from pptx.exc import PythonPptxError

    try:
        yield
    except (*DAMAGE, *FOREIGN_ERRORS, PythonDocxError, OpcError, PythonPptxError) as error:
        if isinstance(error, FOREIGN_ERRORS) and not _is_from_library(error):
            raise
        if is_bomb(error):
            raise LimitExceeded(f"{file.name} {BOMB}") from error
        raise BrokenDocument(
            f"{file.name} is a damaged Office file ({type(error).__name__}: {error}). "
            "Open it in Office and save it again."
        ) from error


def whole_number(text: str | None, default: int = 0) -> int:
    """The number in an attribute; the default for what is none, or is absurdly large."""
    return int(text) if text and WHOLE_NUMBER.fullmatch(text) else default


def _is_from_library(error: BaseException) -> bool:
    """Whether an Office library raised the error, rather than limner's own code.

    Their objects read the XML when an attribute of them is asked for, so that their calls are
    all over our code: where the error comes from is known from its frames alone.
    """
    frames = traceback.walk_tb(error.__traceback__)
    packages = (frame.f_globals.get("__name__", "").partition(".")[0] for frame, _ in frames)
    involved = [package for package in packages if package == "loaders" or package in LIBRARIES]
    return bool(involved) and involved[-1] != "loaders"


def meaningful_title(title: str | None) -> str | None:
    """The title in a file's properties, unless a program filled it in."""
    text = " ".join((title or "").split())
    return None if not text or PROGRAM_TITLE.fullmatch(text) else text


@contextmanager
def _readable(file: SourceFile, limits: Limits) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(file.path) as archive:
        check_archive(archive, file, limits)
        changed = _changed_parts(archive, file.name)
        if not changed:
            with file.path.open("rb") as stream:
                yield stream
            return
        with _copy(archive, changed) as stream:
            yield stream


def check_archive(archive: zipfile.ZipFile, file: SourceFile, limits: Limits) -> None:
    """Raise LimitExceeded, EncryptedDocument or BrokenDocument before anything is unpacked."""
    members = archive.infolist()
    if len(members) > limits.max_archive_members:
        raise LimitExceeded(
            f"{file.name} holds {len(members):,} parts; "
            f"the limit is {limits.max_archive_members:,}."
        )
    for member in members:
        if member.flag_bits & IS_ENCRYPTED:
            raise EncryptedDocument(f"{file.name} needs a password. Save it without one.")
        if _leaves_its_folder(member.filename):
            raise BrokenDocument(
                f"{file.name} holds a part with an unsafe name, {member.filename!r}. "
                "No honest program writes such a file; do not open it."
            )
    # zipfile never unpacks more of a member than the size that is declared and added up here.
    n_bytes = sum(member.file_size for member in members)
    by_ratio = file.path.stat().st_size * limits.max_archive_ratio
    most = min(max(by_ratio, HARMLESS_BYTES), limits.max_bytes)
    if n_bytes > most:
        raise LimitExceeded(
            f"{file.name} would unpack to {n_bytes / BYTES_PER_MIB:,.0f} MiB; for a file of its "
            f"size the limit is {most / BYTES_PER_MIB:,.0f} MiB."
        )


def _leaves_its_folder(name: str) -> bool:
    path = name.replace("\\", "/")
    return bool(re.match(r"/|[A-Za-z]:", path)) or ".." in path.split("/")


def _changed_parts(archive: zipfile.ZipFile, file_name: str) -> dict[str, bytes]:
    """Parts to replace so that the libraries accept the file; mostly none."""
    names = set(archive.namelist())
    package_rels = archive.read(PACKAGE_RELS) if PACKAGE_RELS in names else b""
    if STRICT_NAMESPACE in package_rels:
        raise UnsupportedFormat(
            f"{file_name} is saved as Strict Open XML. "
            "Save it as an ordinary .docx, .pptx or .xlsx in Office."
        )
    changed: dict[str, bytes] = {}
    types = archive.read(CONTENT_TYPES)
    ordinary = types
    for pattern, replacement in ORDINARY_TYPES:
        ordinary = re.sub(pattern, replacement, ordinary)
    if ordinary != types:
        changed[CONTENT_TYPES] = ordinary
    for name in names:
        if name.endswith(".rels"):
            kept = _without_dangling(archive.read(name), name, names)
            if kept is not None:
                changed[name] = kept
    return changed


def _without_dangling(rels: bytes, name: str, names: set[str]) -> bytes | None:
    """The relationships without those to parts that are not there; None if all are there.

    Some programs write a picture's target as "NULL", on which the libraries give up.
    """
    root = etree.fromstring(rels, etree.XMLParser(resolve_entities=False))
    folder = posixpath.dirname(posixpath.dirname(name))
    there = {n.lower() for n in names}
    dangling = [
        relation
        for relation in root
        if relation.get("TargetMode") != "External"
        and _target(folder, relation.get("Target") or "").lower() not in there
    ]
    for relation in dangling:
        root.remove(relation)
    return etree.tostring(root) if dangling else None


def _target(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _copy(archive: zipfile.ZipFile, changed: dict[str, bytes]) -> io.BytesIO:
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as new:
        for name in dict.fromkeys(archive.namelist()):
            new.writestr(name, changed.get(name) or archive.read(name))
    copy.seek(0)
    return copy
