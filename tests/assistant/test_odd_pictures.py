"""Pictures that are broken, huge, tiny, animated or transparent: none of them stops a run."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from assistant.assistant import open_picture
from loaders import OcrReader
from retrievers import Library
from tests.assistant.desk import Desk
from tests.assistant.words import WordEmbeddings
from tests.loaders.hostile_files import png_head
from tests.loaders.reading import picture


class Sizes:
    """A captioner whose captions can be computed by hand."""

    fingerprint = "sizes:1"

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        return [f"a field of {image.width} by {image.height} paces" for image in images]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def transparent() -> bytes:
    image = Image.new("RGBA", (200, 120), (0, 0, 0, 0))
    ImageDraw.Draw(image).text((20, 30), "QUAY", fill=(0, 0, 0, 255), font_size=48)
    return encoded(image, "PNG")


def animated() -> bytes:
    frames = [Image.new("RGB", (90, 70), colour) for colour in ("red", "green", "blue")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)


ODD = {
    "broken": picture()[:60],
    "bomb": png_head(60_000, 60_000),
    "one pixel": encoded(Image.new("RGB", (1, 1)), "PNG"),
    "animated": animated(),
    "transparent": transparent(),
    "stripe": encoded(Image.linear_gradient("L").resize((5_000, 50)), "PNG"),
    "upright stripe": encoded(Image.linear_gradient("L").resize((48, 20_000)), "PNG"),
    "large": encoded(Image.radial_gradient("L").resize((9_000, 9_000)), "JPEG"),
    "for print": encoded(Image.linear_gradient("L").convert("CMYK"), "JPEG"),
    "of two colours": encoded(Image.linear_gradient("L").convert("1"), "PNG"),
    "of 16 bits": encoded(Image.linear_gradient("L").convert("I;16"), "PNG"),
    "black": encoded(Image.new("RGB", (120, 80)), "PNG"),
}
LEFT_OUT = {"broken": "cannot be decoded", "bomb": "too large", "one pixel": ""}
"""What is not a figure, and how the report says so; nothing is said of spacers."""


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    desk.library.close()
    compared = partial(open_picture, desk.media)
    desk.library = Library.open(desk.library.folder, WordEmbeddings(), open_picture=compared)
    yield desk
    desk.library.close()


@pytest.mark.real
@pytest.mark.timeout(180)
def test_odd_pictures_never_stop_a_run(desk: Desk) -> None:
    sent = {name: base64.b64encode(data).decode() for name, data in ODD.items()}
    figures = "".join(
        f"<h2>{name}</h2><p>The harbour, {name}.</p>"
        f'<img alt="The quay, {name}" src="data:image/png;base64,{data}">'
        for name, data in sent.items()
    )
    desk.write("harbour.html", f"<html><body><main>{figures}</main></body></html>")
    desk.write("next.md", "# Next\n\nThe run went on.")
    report = desk.add(captioner=Sizes(), reader=OcrReader())
    assert (report.added, report.failed) == (2, [])
    told = [reason for _, reason in report.skipped]
    assert len(told) == sum(bool(reason) for reason in LEFT_OUT.values())
    for reason in filter(None, LEFT_OUT.values()):
        assert any(reason in line for line in told), told
    source = (desk.documents / "harbour.html").as_uri()
    found = {
        d.metadata["section"].split(" › ")[-1]: d.metadata
        for d in desk.library.evidence(source)
        if d.metadata["modality"] == "figure"
    }
    assert set(found) == set(ODD) - set(LEFT_OUT)
    assert found["transparent"]["descriptions"]["ocr"] == "QUAY"
    assert found["stripe"]["descriptions"]["blip"] == "a field of 2000 by 20 paces"
    for metadata in found.values():
        assert desk.media.thumbnail_path(metadata["image_key"]).exists()
    for stripe in ("stripe", "upright stripe"):
        key = found[stripe]["image_key"]
        assert key in desk.library.pictures.copies(desk.media.open(key, max_side=512))
