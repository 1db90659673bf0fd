"""Takes documents out of the library with all that belongs to them.

Leaves out which documents a name means: that is `assistant.named_sources`.
"""

from __future__ import annotations

from collections.abc import Sequence

from assistant import uploads
from loaders import MediaStore
from loaders.captioning.readings import ReadingCache
from loaders.disused import DisusedPictures
from retrievers import Library


def remove_documents(
    sources: Sequence[str], library: Library, media: MediaStore, readings: ReadingCache
) -> None:
    """Take documents out one by one, and at the end the pictures of all of them.

    Raises UnknownSource.
    """
    disused = DisusedPictures(media)
    try:
        for source in sources:
            for key in library.image_keys(source):  # before: a process may be killed
                disused.add(key)
            media.page_readings(source).forget()
            with uploads.taken_away(library.folder, source):
                orphans = library.remove(source).orphan_keys
            readings.forget(orphans)
    finally:
        # Of a removal that was killed before its end, the pictures are left.
        disused.delete(library.image_keys)
