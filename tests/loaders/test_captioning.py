"""BLIP, OCR and the describer, with real models where one can be had."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from loaders.captioning.blip import BlipCaptioner, missing_weights
from loaders.captioning.describer import FigureDescriber
from loaders.captioning.ocr import OcrReader
from loaders.captioning.readings import ReadingCache
from loaders.errors import PartMissing
from loaders.media import MediaStore

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "a", "red", "blue", "square"]


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


@pytest.fixture(scope="session")
def blip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real BLIP with random weights, small enough for a test: its words mean nothing."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    folder = tmp_path_factory.mktemp("blip")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"))
    small = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    torch.manual_seed(0)
    config = BlipConfig(
        text_config=small
        | {
            "vocab_size": len(VOCABULARY),
            "encoder_hidden_size": 16,
            "bos_token_id": 5,
            "pad_token_id": 0,
            "eos_token_id": 3,
            "sep_token_id": 3,
        },
        vision_config=small | {"image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(
        folder
    )
    return folder


def test_blip_captions_a_batch_as_it_captions_each_picture(blip_folder: Path) -> None:
    blip = BlipCaptioner(str(blip_folder), device="cpu")
    images = [Image.new("RGB", (50 + n, 60), (n * 20, 0, 90)) for n in range(10)]
    together = blip.read(images)
    assert together == [blip.read([image])[0] for image in images]
    assert len(together) == 10


def test_blip_never_repeats_a_phrase(blip_folder: Path) -> None:
    (caption,) = BlipCaptioner(str(blip_folder), device="cpu").read([Image.new("RGB", (50, 60))])
    words = caption.split()
    trigrams = [tuple(words[n : n + 3]) for n in range(len(words) - 2)]
    assert len(trigrams) == len(set(trigrams))


def test_blip_is_available_only_where_its_weights_are(blip_folder: Path, tmp_path: Path) -> None:
    assert BlipCaptioner.is_available(str(blip_folder))
    assert not BlipCaptioner.is_available(str(tmp_path))
    assert not BlipCaptioner.is_available("limner/no-such-model")


@pytest.mark.parametrize(
    "missing", ["config.json", "model.safetensors", "processor_config.json", "tokenizer.json"]
)
def test_blip_is_not_available_with_a_part_of_its_files(
    blip_folder: Path, tmp_path: Path, missing: str
) -> None:
    for path in blip_folder.iterdir():
        if path.name not in {missing, "vocab.txt"}:
            (tmp_path / path.name).symlink_to(path)
    assert not BlipCaptioner.is_available(str(tmp_path))
    (tmp_path / missing).symlink_to(blip_folder / missing)
    assert BlipCaptioner.is_available(str(tmp_path))


def test_a_part_of_blip_in_the_cache_is_not_blip(
    blip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--limner--small"
    snapshot = repository / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1")
    for name in ("config.json", "model.safetensors", "processor_config.json", "tokenizer.json"):
        assert not BlipCaptioner.is_available("limner/small")
        (snapshot / name).symlink_to(blip_folder / name)
    assert BlipCaptioner.is_available("limner/small")


def test_a_folder_that_is_not_there_holds_no_blip() -> None:
    assert not BlipCaptioner.is_available("/no/such/folder")


def test_missing_blip_weights_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PartMissing, match="limner models pull limner/no-such-model") as raised:
        BlipCaptioner("limner/no-such-model").read([Image.new("RGB", (50, 60))])
    assert "\n" not in str(raised.value)
    assert missing_weights("x").endswith("limner models pull x")


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
