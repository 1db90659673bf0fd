"""The pictures of a library by how they look: their copies and crops, and what CLIP sees in them.

All of it is made from the pictures themselves, after their documents are in, and goes with them.
Leaves out where the pictures lie, and their words: those are found as text is.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import nlargest, nsmallest
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from retrievers import catalogue
from retrievers.database import Database, add_generation, setting
from retrievers.errors import LibraryError, ModelMissing
from retrievers.filters import EVERYTHING, Filter
from retrievers.picture_likeness import (
    MAX_HASH_BITS,
    MIN_LIKENESS,
    MIN_SHARED,
    AskedPicture,
    Laid,
)
from retrievers.picture_marks import VERSION, Marks
from retrievers.progress import OnCount
from retrievers.vectors import Ids, VectorIndex, Vectors

PICTURES_AT_ONCE = 1_024
"""Whose marks are in memory, about 4 MB."""
EMBEDDED_AT_ONCE = 16
MAX_LAID, MAX_COMPARED = 100, 12
"""Pictures whose marks, and whose pixels, are compared one by one with those of another."""
MAX_TOLD = 10
"""Pictures that CLIP may add to what a text finds."""
MIN_LEAD, MIN_SPREADS = 0.05, 3.0
"""By how much a picture that a text tells leads the middle one of the library: in cosine, and in

standard deviations. Of CLIP ViT-B/32 a text and a picture that have nothing to do with each other
have a cosine of about 0.20 ± 0.02, those that have, of 0.25 to 0.35.
"""

OpenPicture = Callable[[str], Image.Image | None]
"""The picture with a key, about 512 pixels or larger; None where it cannot be had."""

logger = logging.getLogger(__name__)


class PictureEmbeddings(Protocol):
    """Puts pictures and words into one space; see `retrievers.clip`."""

    @property
    def name(self) -> str:
        """Of the model; another one means that all pictures are embedded anew."""

    def embed_pictures(self, images: Sequence[Image.Image]) -> Vectors:
        """Unit rows. Raises ModelMissing."""

    def embed_text(self, text: str) -> Vectors:
        """One unit row. Raises ModelMissing."""


class Pictures:
    """What a library knows of its pictures. Safe for threads and processes."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        open_picture: OpenPicture | None,
        embeddings: PictureEmbeddings | None,
    ) -> None:
        """open_picture: without it nothing is learnt of pictures, and none is found by another."""
        self._database = database
        self._open = open_picture
        self._embeddings = embeddings
        self._index = VectorIndex(
            folder / "pictures.faiss",
            table="picture_vectors",
            dimension_setting="picture_dimension",
        )
        self._has_removed = False

    def learn(self, on_progress: OnCount = lambda _, __: None) -> None:
        """Look at the pictures that are not known yet, or not by this CLIP model.

        on_progress: is told how many are done of how many. Raises LibraryLocked or
        LibraryUnwritable; what was learnt until then stays.
        """
        if self._open is None or not self._lacks_any():
            self.flush_removed()
            return
        self._mark_new(self._open, on_progress)
        if self._embeddings is not None:
            self._embed_new(self._open, self._embeddings, on_progress)
        self.flush()

    def flush(self) -> None:
        """Save the index over CLIP's vectors if it has changed."""
        self._has_removed = False
        with self._database.reading() as connection, self._index.in_step(connection):
            pass
        if self._index.n_unsaved:
            self._index.save(self._database)

    def forget(
        self, connection: sqlite3.Connection, image_keys: Sequence[str]
    ) -> list[tuple[int, int]]:
        """Forget what pictures look like to which no chunk refers any more.

        Gives the ids of their vectors, first to last.
        """
        self._has_removed = self._has_removed or bool(image_keys)
        return catalogue.forget_pictures(connection, image_keys)

    def flush_removed(self) -> None:
        """Save the index if pictures were forgotten: its file would keep their vectors."""
        if self._has_removed:
            self.flush()

    def copies(self, asked: Image.Image, *, but: str | None = None) -> dict[str, float]:
        """Image key → likeness, in [0.85, 1], of copies and crops, most alike first.

        but: the key of a picture that is not meant.
        """
        picture = AskedPicture(asked)
        return {} if self._open is None else self._copies(picture, but, self._open)

    def links(self, image_key: str) -> dict[str, float]:
        """Image key → likeness of the copies and crops of a picture in the library."""
        with self._database.reading() as connection:
            return dict(
                connection.execute(
                    "SELECT other_key, likeness FROM picture_links WHERE image_key = ? "
                    "ORDER BY likeness DESC, other_key",
                    (image_key,),
                )
            )

    def near_picture(self, asked: Image.Image, n: int, where: Filter = EVERYTHING) -> list[str]:
        """The keys of at most n pictures that show what this one shows, by CLIP."""
        return self._near(lambda model: model.embed_pictures([asked]), n, where)

    def told_by(self, text: str, where: Filter = EVERYTHING) -> list[str]:
        """The keys of the few pictures, if any, that stand out as what the text says, by CLIP."""
        return self._near(lambda model: model.embed_text(text), None, where)

    # Copies

    def _mark_new(self, open_picture: OpenPicture, on_progress: OnCount) -> None:
        new = self._lacking("pictures")
        for n_done, key in enumerate(new):
            on_progress(n_done, len(new))
            if (image := open_picture(key)) is None:
                continue  # it may be had the next time
            stored, found = self._looked_at(image, key, open_picture)
            with self._database.writing() as connection:
                # Its document may be gone meanwhile.
                connection.execute(
                    "INSERT OR REPLACE INTO pictures (image_key, marks) SELECT ?, ? "
                    "WHERE EXISTS (SELECT 1 FROM chunks WHERE image_key = ?)",
                    (key, stored or bytes([VERSION]), key),
                )
                for other, likeness in found.items():
                    connection.executemany(
                        "INSERT OR REPLACE INTO picture_links SELECT ?, ?, ? WHERE "
                        "(SELECT count(*) FROM pictures WHERE image_key IN (?, ?)) = 2",
                        [
                            (key, other, likeness, key, other),
                            (other, key, likeness, key, other),
                        ],
                    )

    def _looked_at(
        self, image: Image.Image, key: str, open_picture: OpenPicture
    ) -> tuple[bytes, dict[str, float]]:
        """What is kept of a picture, and its copies. One that cannot be compared has none."""
        try:
            picture = AskedPicture(image)
            return picture.stored, self._copies(picture, key, open_picture)
        except LibraryError:
            raise
        except Exception:  # OpenCV's, of a picture that nobody thought of
            logger.warning("The picture %s could not be compared with others", key, exc_info=True)
            return b"", {}

    def _copies(
        self, asked: AskedPicture, but: str | None, open_picture: OpenPicture
    ) -> dict[str, float]:
        if asked.is_blank:
            return {}
        found: dict[str, float] = {}
        for key, laid in self._proposed(asked):
            if key == but or (image := open_picture(key)) is None:
                continue
            likeness = asked.likeness(image, laid)
            if likeness >= MIN_LIKENESS:
                found[key] = max(round(likeness, 4), found.get(key, 0.0))
        return dict(sorted(found.items(), key=lambda entry: -entry[1]))

    def _proposed(self, asked: AskedPicture) -> list[tuple[str, Laid | None]]:
        """Pictures whose pixels are worth to be compared, and how they lie to each other."""
        by_marks: list[tuple[int, str, Marks]] = []
        by_hash: list[tuple[int, str]] = []
        for keys, stored in self._blocks():
            shared = zip(asked.shared(stored), keys, stored, strict=True)
            near = [entry for entry in shared if entry[0] >= MIN_SHARED]
            by_marks = nlargest(MAX_LAID, by_marks + near, key=lambda entry: entry[0])
            bits = zip(asked.hash_bits(stored), keys, strict=True)
            by_hash = nsmallest(MAX_COMPARED, by_hash + [e for e in bits if e[0] <= MAX_HASH_BITS])
        laid = [(asked.laid_by_marks(marks), key) for _, key, marks in by_marks]
        agreed = [(found, key) for found, key in laid if found is not None]
        best = nlargest(MAX_COMPARED, agreed, key=lambda entry: entry[0].weight)
        return [(key, found) for found, key in best] + [(key, None) for _, key in by_hash]

    def _blocks(self) -> Iterator[tuple[list[str], list[Marks]]]:
        """The marks of all pictures that have some, a block at a time."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT image_key, marks FROM pictures WHERE substr(marks, 1, 1) = ? "
                "AND length(marks) > 1",
                (bytes([VERSION]),),
            )
            while block := rows.fetchmany(PICTURES_AT_ONCE):
                yield [key for key, _ in block], [Marks.from_bytes(marks) for _, marks in block]

    # CLIP

    def _embed_new(
        self, open_picture: OpenPicture, model: PictureEmbeddings, on_progress: OnCount
    ) -> None:
        self._forget_other_model(model.name)
        new = self._lacking("picture_vectors")
        for start in range(0, len(new), EMBEDDED_AT_ONCE):
            on_progress(start, len(new))
            opened = [(key, open_picture(key)) for key in new[start : start + EMBEDDED_AT_ONCE]]
            images = {key: image for key, image in opened if image is not None}
            if not images:
                continue
            vectors = self._embedded(partial(_of_pictures, list(images.values())), model)
            if vectors is None:
                return
            with self._database.writing() as connection:
                if setting(connection, "picture_model") != model.name:
                    return  # another process has begun with another model
                connection.execute(
                    "INSERT OR IGNORE INTO settings VALUES ('picture_dimension', ?)",
                    (str(vectors.shape[1]),),
                )
                connection.executemany(
                    "INSERT OR IGNORE INTO picture_vectors (image_key, vector) SELECT ?, ? "
                    "WHERE EXISTS (SELECT 1 FROM chunks WHERE image_key = ?)",
                    [
                        (key, vector.astype("<f4").tobytes(), key)
                        for key, vector in zip(images, vectors, strict=True)
                    ],
                )
                add_generation(connection)

    def _forget_other_model(self, name: str) -> None:
        """Begin anew where the vectors are of another model: they do not compare."""
        with self._database.writing() as connection:
            if setting(connection, "picture_model") == name:
                return
            first, last = connection.execute(
                "SELECT min(id), max(id) FROM picture_vectors"
            ).fetchone()
            connection.execute("DELETE FROM picture_vectors")
            connection.execute("DELETE FROM settings WHERE key = 'picture_dimension'")
            connection.execute(
                "INSERT OR REPLACE INTO settings VALUES ('picture_model', ?)", (name,)
            )
            add_generation(connection, picture_vectors=[] if first is None else [(first, last)])

    def _near(
        self, embed: Callable[[PictureEmbeddings], Vectors], n: int | None, where: Filter
    ) -> list[str]:
        """n: of the nearest; those that stand out when None."""
        model = self._embeddings
        if model is None or not self._has_vectors_of(model.name):
            return []
        vector = self._embedded(embed, model)
        if vector is None:
            return []
        with self._database.reading() as connection, self._index.in_step(connection) as index:
            if setting(connection, "picture_dimension") != str(vector.shape[1]):
                return []
            among = where.pictures(connection)
            if n is None:
                found = _standing_out(index.scored(vector, len(index)), among)
            else:
                found = index.nearest(vector, n, among)
            keys = dict(
                connection.execute(
                    "SELECT id, image_key FROM picture_vectors "
                    "WHERE id IN (SELECT value FROM json_each(?))",
                    (json.dumps(found),),
                )
            )
        return [keys[number] for number in found if number in keys]

    def _has_vectors_of(self, model: str) -> bool:
        """Whether there is anything to find: the model is not loaded for nothing."""
        with self._database.reading() as connection:
            if setting(connection, "picture_model") != model:
                return False
            return connection.execute("SELECT 1 FROM picture_vectors").fetchone() is not None

    def _embedded(
        self, embed: Callable[[PictureEmbeddings], Vectors], model: PictureEmbeddings
    ) -> Vectors | None:
        """What CLIP makes of it; None where it fails, and is not asked again."""
        try:
            return embed(model)
        except ModelMissing as error:
            logger.warning("%s", error)
        except Exception as error:  # noqa: BLE001 - torch and its devices have many
            logger.warning(
                "CLIP failed (%s: %s). Pictures are found without it until limner is started "
                "again.",
                type(error).__name__,
                error,
            )
        self._embeddings = None
        return None

    # What is not known yet

    def _lacks_any(self) -> bool:
        with self._database.reading() as connection:
            model = setting(connection, "picture_model")
        is_other = self._embeddings is not None and model != self._embeddings.name
        return is_other or any(
            self._lacking(table)
            for table in ("pictures", "picture_vectors")
            if table == "pictures" or self._embeddings is not None
        )

    def _lacking(self, table: str) -> list[str]:
        """The keys of pictures without a row in the table, oldest first."""
        known = f"SELECT image_key FROM {table}"  # noqa: S608 - a constant
        if table == "pictures":
            known += f" WHERE substr(marks, 1, 1) = x'{VERSION:02x}'"
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT image_key FROM chunks WHERE image_key IS NOT NULL AND image_key NOT IN "  # noqa: S608
                f"({known}) GROUP BY image_key ORDER BY min(id)"
            )
            return [row[0] for row in rows]


def _of_pictures(images: Sequence[Image.Image], model: PictureEmbeddings) -> Vectors:
    return model.embed_pictures(images)


def _standing_out(scored: Sequence[tuple[int, float]], among: Ids | None) -> list[int]:
    """The ids of pictures that lead those of the whole library. among: only these.

    By the median, which the few that lead do not move; it takes three to tell.
    """
    if not scored:
        return []
    cosines = np.array([cosine for _, cosine in scored])
    middle = np.median(cosines)
    # Of a normal distribution the median deviation is 0.6745 standard deviations.
    spread = float(np.median(np.abs(cosines - middle))) / 0.6745
    least = float(middle) + max(MIN_LEAD, MIN_SPREADS * spread)
    wanted = None if among is None else set(among.tolist())
    leading = [n for n, cosine in scored if cosine >= least and (wanted is None or n in wanted)]
    return leading[:MAX_TOLD]
