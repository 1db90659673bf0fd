"""What can go wrong while a source is read.

LoaderError
├── SourceMissing        the file or page is not there or may not be read
├── FetchRefused         a URL that limner will not or could not fetch
├── UnsupportedFormat    a kind of file that limner does not read
├── EncryptedDocument    protected, and limner cannot open it
│   └── PasswordNeeded   a password would open it
├── BrokenDocument       damaged, or not what its name says
├── EmptyDocument        read without error, but holds no text and no figure
├── LimitExceeded        larger than the limits allow
└── BrokenPicture        one picture in a document cannot be decoded
StoreUnusable            the store of pictures cannot be used: no place, not allowed
PartMissing              a model or package that a feature needs is not installed
WorkerFailed             a fault of limner's own in a process that reads files

A LoaderError is about the user's source: a run reports it and goes on. StoreUnusable and
PartMissing are about every source: they end it. Any other exception out of a loader is a bug in
limner.
"""

from __future__ import annotations


class LoaderError(Exception):
    """A source could not be read. The text says what happened, the value and what to do."""


class SourceMissing(LoaderError):
    """The file or page is not there, or may not be read."""


class FetchRefused(LoaderError):
    """The URL is not one that limner fetches, or the server did not deliver it."""


class UnsupportedFormat(LoaderError):
    """No loader reads this kind of file."""


class EncryptedDocument(LoaderError):
    """The document is protected, and limner cannot open it."""


class PasswordNeeded(EncryptedDocument):
    """A password would open the document; none was given, or not the right one."""


class BrokenDocument(LoaderError):
    """The file is damaged, or is not what its name says."""


class EmptyDocument(LoaderError):
    """The file was read without error but holds no text and no figure."""


class LimitExceeded(LoaderError):
    """The source is larger than the limits allow."""


class BrokenPicture(LoaderError):
    """A picture cannot be decoded; the rest of its document can still be read."""


class StoreUnusable(Exception):
    """The store of pictures cannot be used, whatever the source. The text says what to do."""


class PartMissing(Exception):
    """A model or package that a feature needs is not here. The text says how to get it."""


class WorkerFailed(Exception):
    """A bug of limner's in a worker process; its traceback is in a note."""
