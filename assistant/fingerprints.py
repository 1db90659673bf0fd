"""What a source is known by: its content, what read it, and the files beside it that it shows.

A fingerprint is one line of words, the first the SHA-256 of the content, and one of JSON: the
files beside it (`loaders.companions`). Leaves out sources that other loaders read: theirs has
no second line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from loaders import FigureDescriber, Limits, Transcriber
from loaders.companions import Companions, are_the_same
from loaders.source import SourceFile
from loaders.worker_pool import Reading

READING_VERSION = 6
"""Raised when loaders read the same file differently, so that `add` reads files again."""
UNFINISHED = " unfinished"
"""Ends the line of a source that the next run reads again, though it is the same."""
PICTURES = " pictures"
"""Says that pictures on the web were fetched."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Makes and compares them, for the readers of one run."""

    describer: FigureDescriber
    transcriber: Transcriber
    limits: Limits

    def of(self, sha256: str, reading: Reading, *, fetches_pictures: bool) -> str:
        """That of a source which has just been read."""
        told = self._begin(sha256, fetches_pictures=fetches_pictures)
        if reading.is_commented:
            told += self._commented
        if reading.transcribes:
            told += self._spoken
        # Anew: a reader whose model turned out to be missing is dropped meanwhile.
        return f"{told}{self.described(reading)}\n{json.dumps(reading.companions)}"

    def of_adapted(self, sha256: str, reading: Reading) -> str:
        """That of what another loader read."""
        return f"{sha256} v{READING_VERSION}{self.described(reading)}"

    def described(self, reading: Reading) -> str:
        """How the line ends: by what described the pictures."""
        keys = {d.metadata["image_key"] for d in reading.documents if "image_key" in d.metadata}
        return f" {self.describer.fingerprint}{UNFINISHED * self.describer.is_unfinished(keys)}"

    def fits(self, known: str, sha256: str, file: SourceFile, *, fetches_pictures: bool) -> bool:
        """Whether reading the file would give what is in the library under this fingerprint."""
        line, _, _ = known.partition("\n")
        begin = self._begin(sha256, fetches_pictures=fetches_pictures)
        end = f" {self.describer.fingerprint}"
        # What was read with its remote pictures needs no reading without.
        if not any(
            told.startswith(begin)
            and told.endswith(end)
            and self._is_between(told.removeprefix(begin).removesuffix(end))
            for told in (line, line.replace(PICTURES, "", 1))
        ):
            return False
        beside = companions_of(known) or {}
        return are_the_same(beside, file.path.parent, file.figure_root, self.limits)

    def _is_between(self, told: str) -> bool:
        """Whether comments and speech, if any, would be read as they were."""
        told = told.removeprefix(self._commented)
        return not told or told == self._spoken

    def _begin(self, sha256: str, *, fetches_pictures: bool) -> str:
        return f"{sha256} v{READING_VERSION}{PICTURES * fetches_pictures}"

    @property
    def _commented(self) -> str:
        """What is said more where comments may be in it."""
        return " comments" if self.limits.read_comments else " no-comments"

    @property
    def _spoken(self) -> str:
        """What is said more where something is spoken in it."""
        return f" {self.transcriber.fingerprint}"


def companions_of(fingerprint: str) -> Companions | None:
    """The files beside it that a source was read with; None where that was not noted."""
    _, _, told = fingerprint.partition("\n")
    try:
        found = json.loads(told) if told else None
    except ValueError:  # the library may be another's
        return None
    if not isinstance(found, dict):
        return None
    return {name: digest for name, digest in found.items() if isinstance(digest, str | None)}
