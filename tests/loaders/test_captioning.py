"""OCR and the describer, with real models where one can be had; BLIP is in test_blip."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from loaders.captioning.describer import FigureDescriber
from loaders.captioning.ocr import OcrReader
from loaders.captioning.readings import ReadingCache
from loaders.errors import PartMissing
from loaders.media import MediaStore


def picture_with(text: str, size: tuple[int, int] = (420, 90)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((15, 20), text, fill="black", font=ImageFont.load_default(36))
    return image


class Echo:
    """Reads a picture as its size, and counts how many it was given."""

    fingerprint = "echo:1"

    def __init__(self) -> None:
        self.n_read = 0

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        self.n_read += len(images)
        return [f"{i.width}x{i.height}" for i in images]


@pytest.mark.real
def test_ocr_reads_text_in_reading_order() -> None:
    image = Image.new("RGB", (600, 220), "white")
    image.paste(picture_with("Atlanta", (280, 80)), (0, 10))
    image.paste(picture_with("72,861", (280, 80)), (300, 10))
    image.paste(picture_with("Phoenix", (280, 80)), (0, 120))
    (text,) = OcrReader().read([image])
    assert text.splitlines() == ["Atlanta  72,861", "Phoenix"]


@pytest.mark.real
def test_ocr_says_nothing_of_a_picture_without_text() -> None:
    assert OcrReader().read([Image.new("RGB", (200, 200), "white")]) == [""]


def test_each_picture_is_read_once_whatever_the_library(tmp_path: Path) -> None:
    one, other, echo = MediaStore(tmp_path / "a"), MediaStore(tmp_path / "b"), Echo()
    (key,) = {media.put(Image.new("RGB", (60, 40))).key for media in (one, other)}
    readings = ReadingCache(tmp_path)
    first = FigureDescriber(one, reader=echo, readings=readings).describe([key])
    again = FigureDescriber(other, reader=echo, readings=readings).describe([key])
    assert first == again == {key: {"ocr": "60x40"}}
    assert echo.n_read == 1


def test_another_version_of_a_reader_reads_again(tmp_path: Path) -> None:
    media, echo = MediaStore(tmp_path), Echo()
    key = media.put(Image.new("RGB", (60, 40))).key
    describer = FigureDescriber(media, reader=echo, readings=ReadingCache(tmp_path))
    describer.describe([key])
    echo.fingerprint = "echo:2"  # type: ignore[misc]
    describer.describe([key])
    assert echo.n_read == 2


def test_progress_is_told_batch_by_batch(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    keys = [media.put(Image.new("RGB", (60, 50 + n))).key for n in range(10)]
    steps: list[tuple[int, int]] = []
    FigureDescriber(media, reader=Echo()).describe(keys, lambda done, n: steps.append((done, n)))
    assert steps == [(8, 10), (10, 10)]


class Missing:
    """A reader whose weights turn out not to be here."""

    fingerprint = "missing:1"

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        raise PartMissing("No weights. To add them: pull x")


def test_a_reader_without_its_model_is_dropped_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media = MediaStore(tmp_path)
    keys = [media.put(Image.new("RGB", (60, 50 + n))).key for n in range(10)]
    describer = FigureDescriber(media, captioner=Missing(), reader=Echo())
    assert describer.describe(keys) == {k: {"ocr": f"60x{50 + n}"} for n, k in enumerate(keys)}
    assert [r.getMessage() for r in caplog.records] == ["No weights. To add them: pull x"]
    assert describer.fingerprint == "echo:1"


def test_a_picture_is_decoded_once_for_all_readers_and_not_at_full_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = MediaStore(tmp_path)
    key = media.put(Image.new("RGB", (4_000, 50))).key
    opened: list[str] = []
    real = media.open
    monkeypatch.setattr(media, "open", lambda k, **n: (opened.append(k), real(k, **n))[1])
    other = Echo()
    other.fingerprint = "other:1"  # type: ignore[misc]
    readings = ReadingCache(tmp_path)
    describer = FigureDescriber(media, captioner=other, reader=Echo(), readings=readings)
    assert describer.describe([key]) == {key: {"blip": "2000x25", "ocr": "2000x25"}}
    describer.describe([key])
    assert opened == [key]
