"""What can go wrong with a library and its models.

LibraryError
├── LibraryMissing       the folder holds no library
├── LibraryDamaged       a file of the library cannot be read as one
├── LibraryLocked        another process is writing and did not finish in time
├── LibraryUnwritable    read-only, no permission, or the disk is full
├── SchemaMismatch       made by another version of limner
├── ModelMismatch        made with another embedding model
├── MetadataInvalid      metadata that JSON cannot hold, or a text that is too long
├── ImportInvalid        what is to be imported is damaged, hostile or of an unknown kind
├── PartOfDocument       evidence that changes only with its whole document
├── ExportRefused        an export cannot be written where it should be
├── InvalidFilter        what is asked of evidence makes no sense
├── InvalidCollection    a collection cannot have this name
├── UnknownCollection    no such collection in the library
└── UnknownSource        no such document in the library
ModelMissing             the weights of an embedding model are not on this machine

Errors of SQLite and of the file system are mapped to these in `retrievers.database`;
any other exception out of this package is a bug in limner.
"""

from __future__ import annotations


class LibraryError(Exception):
    """The library cannot do what was asked. The text says what happened and what to do."""


class LibraryMissing(LibraryError):
    """The folder holds no library."""


class LibraryDamaged(LibraryError):
    """A file of the library cannot be read as one."""


class LibraryLocked(LibraryError):
    """Another process is writing to the library and did not finish in time."""


class LibraryUnwritable(LibraryError):
    """The library is read-only, may not be written, or its disk is full."""


class SchemaMismatch(LibraryError):
    """The library was made by another version of limner."""


class ModelMismatch(LibraryError):
    """The library was made with another embedding model."""


class MetadataInvalid(LibraryError, ValueError):
    """Metadata hold what JSON cannot, or a text is too long."""


class ImportInvalid(LibraryError):
    """What is to be imported is damaged, hostile or of an unknown kind."""


class PartOfDocument(LibraryError):
    """Evidence that limner has read itself changes only with its whole document."""


class ExportRefused(LibraryError):
    """An export cannot be written where it should be."""


class InvalidFilter(LibraryError):
    """What is asked of the evidence to be found makes no sense."""


class InvalidCollection(LibraryError):
    """A collection cannot have this name."""


class UnknownCollection(LibraryError):
    """The library holds no collection of this name."""


class UnknownSource(LibraryError):
    """The library holds no document from this source."""


ASKED_WRONGLY = (InvalidFilter, InvalidCollection, UnknownCollection)
"""Nothing is wrong with the library: asked otherwise, it answers."""


class ModelMissing(Exception):
    """The weights of an embedding model are not on this machine. The text says how to get them."""
