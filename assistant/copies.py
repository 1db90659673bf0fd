"""Of a picture that is found at several places, those where a person wrote a caption for it.

A chart may stand in a report, and in the file that it was made from. Leaves out pictures that
are only alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from loaders.captioning.fusion import is_guess
from retrievers import Hit


def without_bare_copies(hits: Sequence[Hit]) -> list[Hit]:
    """The hits; for a picture without caption comes the first hit that has it with one."""
    captioned = {_picture(hit): hit for hit in reversed(hits) if _is_captioned(hit)}
    chosen = (hit if _is_captioned(hit) else captioned.get(_picture(hit), hit) for hit in hits)
    return list({id(hit): hit for hit in chosen}.values())


def _picture(hit: Hit) -> str | None:
    metadata = hit.document.metadata
    return metadata.get("image_key") if metadata["modality"] == "figure" else None


def _is_captioned(hit: Hit) -> bool:
    told = hit.document.metadata.get("descriptions", {})
    return (
        _picture(hit) is not None and bool({"document", "alt"} & told.keys()) and not is_guess(told)
    )
