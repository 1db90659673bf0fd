"""Picture files: one figure each, pages of a TIFF, and files that are damaged or too large."""

import io
import sys
from pathlib import Path
from zlib import crc32

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from loaders.errors import BrokenDocument, EmptyDocument, LimitExceeded, UnsupportedFormat
from loaders.limits import Limits
from loaders.media import PICTURE_FORMATS, MediaStore
from tests.loaders.heic import DESCRIPTION as DESCRIBED
from tests.loaders.heic import PHOTOGRAPH
from tests.loaders.reading import CORPUS, picture, read, with_corpus, words

DESCRIPTION, WINDOWS_TITLE, ORIENTATION, SUBFILE_TYPE = 0x010E, 0x9C9B, 0x0112, 0x00FE


@pytest.mark.parametrize("kind", [*PICTURE_FORMATS, "MPO"])
def test_a_picture_is_one_figure_in_any_format(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"quay.{kind.lower()}"
    path.write_bytes(picture(64, 64, kind=kind))
    found = read(path, tmp_path)
    assert found.loader == "ImageLoader"
    assert (found.title, found.n_pages) == (path.name, None)
    (figure,) = found.documents
    assert (figure.metadata["width"], figure.metadata["height"]) == (64, 64)


def test_a_picture_is_stored_unchanged_and_shown_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    content = picture(96, 60, kind="JPEG", exif=exif)
    (tmp_path / "quay.jpg").write_bytes(content)
    metadata = read(tmp_path / "quay.jpg", tmp_path).documents[0].metadata
    assert (metadata["width"], metadata["height"]) == (60, 96)
    assert (tmp_path / "media" / metadata["image_key"]).read_bytes() == content


def frames(*colors: str, **saving: object) -> bytes:
    buffer = io.BytesIO()
    first, *others = [Image.new("RGB", (80, 60), color) for color in colors]
    first.save(buffer, save_all=True, append_images=others, **saving)
    return buffer.getvalue()


def test_each_page_of_a_tiff_is_a_figure(tmp_path: Path) -> None:
    (tmp_path / "fax.tif").write_bytes(frames("red", "green", "blue", format="TIFF"))
    found = read(tmp_path / "fax.tif", tmp_path)
    assert [f.metadata["page"] for f in found.figures] == [1, 2, 3]
    assert found.n_pages == 3


def test_a_damaged_page_of_a_tiff_costs_only_that_page(tmp_path: Path) -> None:
    content = frames("red", "green", "blue", format="TIFF", compression="tiff_lzw")
    with Image.open(io.BytesIO(content)) as image:
        image.seek(1)
        start = image.tag_v2[273][0]  # where the pixels of page 2 lie
    (tmp_path / "fax.tif").write_bytes(content[:start] + b"\xff" * 20 + content[start + 20 :])
    found = read(tmp_path / "fax.tif", tmp_path)
    assert [f.metadata["page"] for f in found.figures] == [1, 3]
    assert found.skipped[0].what == "Page 2"


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_an_animation_the_distinctive_frames_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "wave.bin"
    path.write_bytes(frames("red", "#fe0101", "blue", "red", format=kind, duration=500))
    first, second = read(path, tmp_path).figures
    assert "page" not in first.metadata
    assert "start" not in first.metadata
    assert second.metadata["start"] == 1.0


def test_of_an_animation_no_more_than_a_few_frames_are_shown(tmp_path: Path) -> None:
    colors = [f"#{r:02x}{g:02x}00" for r in range(0, 256, 50) for g in range(0, 256, 50)]
    (tmp_path / "wave.gif").write_bytes(frames(*colors, format="GIF"))
    assert len(read(tmp_path / "wave.gif", tmp_path).figures) == 8


@pytest.mark.parametrize("mode", ["I;16", "P", "PA", "LA", "RGBA", "1", "CMYK"])
def test_pictures_of_any_kind_of_pixels_are_shown(mode: str, tmp_path: Path) -> None:
    shades = Image.linear_gradient("L")
    if mode == "I;16":
        image = shades.convert("I").point(lambda v: v * 256).convert("I;16")
    else:
        image = shades.convert("RGB").convert(mode) if mode != "PA" else shades.convert("P")
    kind = {"CMYK": "JPEG", "PA": "GIF"}.get(mode, "PNG")
    image.save(tmp_path / "shades", kind)
    key = read(tmp_path / "shades", tmp_path).figures[0].metadata["image_key"]
    low, high = MediaStore(tmp_path / "media").open(key).convert("L").getextrema()
    assert low < 30
    assert high > 225


def test_a_heic_photograph_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    (tmp_path / "quay.heic").write_bytes(PHOTOGRAPH)
    (figure,) = read(tmp_path / "quay.heic", tmp_path).figures
    assert (figure.metadata["width"], figure.metadata["height"]) == (120, 80)
    assert figure.metadata["caption"] == DESCRIBED
    with pytest.raises(LimitExceeded, match=r"quay\.heic has"):
        read(tmp_path / "quay.heic", tmp_path, Limits(max_pixels=1_000))
    (tmp_path / "cut.heic").write_bytes(PHOTOGRAPH[:200])
    with pytest.raises(BrokenDocument, match=r"cut\.heic"):
        read(tmp_path / "cut.heic", tmp_path)


def test_a_heic_photograph_without_the_package_for_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    (tmp_path / "quay.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    with pytest.raises(UnsupportedFormat, match="pip install pi-heif"):
        read(tmp_path / "quay.heic", tmp_path)


def png_info(**texts: str) -> PngInfo:
    info = PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    return info


def exif(tag: int, value: object) -> Image.Exif:
    found = Image.Exif()
    found[tag] = value
    return found


@pytest.mark.parametrize(
    ("kind", "saving", "caption"),
    [
        ("PNG", {"pnginfo": png_info(Title="Oil", Description="Oil in 2024")}, "Oil in 2024"),
        ("PNG", {"pnginfo": png_info(Title="Ölpreise")}, "Ölpreise"),
        ("PNG", {"pnginfo": png_info(Software="Matplotlib", Title="Picture 1")}, None),
        ("JPEG", {"exif": exif(DESCRIPTION, "The quay at dawn")}, "The quay at dawn"),
        ("JPEG", {"exif": exif(DESCRIPTION, "OLYMPUS DIGITAL CAMERA")}, None),
        ("JPEG", {"exif": exif(WINDOWS_TITLE, "Der Kai".encode("utf-16-le") + b"\0\0")}, "Der Kai"),
        ("JPEG", {}, None),
    ],
)
def test_the_caption_is_what_a_person_wrote_into_the_file(
    tmp_path: Path, kind: str, saving: dict[str, object], caption: str | None
) -> None:
    (tmp_path / "quay.bin").write_bytes(picture(kind=kind, **saving))
    assert words(read(tmp_path / "quay.bin", tmp_path).figures[0]).get("document") == caption


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_metadata_does_not_cost_the_picture(tmp_path: Path) -> None:
    content = picture(kind="JPEG", exif=b"Exif\0\0MM\0\x2a\xff\xff\xff\xff")
    (tmp_path / "quay.jpg").write_bytes(content)
    assert len(read(tmp_path / "quay.jpg", tmp_path).figures) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_truncated_picture_is_refused(tmp_path: Path, kind: str) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 90).convert("RGB").save(buffer, kind)
    path = tmp_path / f"quay.{kind.lower()}"
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(BrokenDocument, match=f"{path.name} "):
        read(path, tmp_path)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "wall.png").write_bytes(picture(300, 300))
    with pytest.raises(LimitExceeded, match=r"wall\.png has 300×300 pixels"):
        read(tmp_path / "wall.png", tmp_path, Limits(max_pixels=50_000))


def test_a_header_that_claims_a_giant_picture_is_refused(tmp_path: Path) -> None:
    content = bytearray(picture())
    content[16:24] = (60_000).to_bytes(4, "big") * 2  # width and height in a PNG's header
    content[29:33] = crc32(bytes(content[12:29])).to_bytes(4, "big")
    (tmp_path / "wall.png").write_bytes(content)
    with pytest.raises(LimitExceeded, match=r"wall\.png is too large"):
        read(tmp_path / "wall.png", tmp_path)


def test_an_icon_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "icon.png").write_bytes(picture(16, 16))
    with pytest.raises(EmptyDocument, match="only 16×16 pixels"):
        read(tmp_path / "icon.png", tmp_path)


def test_a_tiff_of_too_many_pages_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fax.tif").write_bytes(frames("red", "green", "blue", format="TIFF"))
    with pytest.raises(LimitExceeded, match="has more than 2 pages"):
        read(tmp_path / "fax.tif", tmp_path, Limits(max_pages=2))


@with_corpus
@pytest.mark.parametrize(
    ("name", "size", "n_figures"),
    [
        ("chi.gif", (320, 240), 3),
        ("hopper_orientation_6.jpg", (128, 128), 1),
        ("flower.webp", (480, 360), 1),
        ("testTIFF_multipage.tif", (800, 600), 2),
    ],
)
def test_real_pictures_are_read(
    name: str, size: tuple[int, int], n_figures: int, tmp_path: Path
) -> None:
    figures = read(CORPUS / "docs" / name, tmp_path).figures
    assert len(figures) == n_figures
    assert (figures[0].metadata["width"], figures[0].metadata["height"]) == size


@with_corpus
def test_hostile_pictures_are_refused_or_read_without_harm(tmp_path: Path) -> None:
    bomb = read(CORPUS / "hostile" / "decompression_bomb_extents.gif", tmp_path)
    assert (bomb.figures[0].metadata["width"], bomb.figures[0].metadata["height"]) == (100, 100)
    for name in ("crash-0e16d3bfb83be87356d026d66919deaefca44dac.tif", "truncated_image.png"):
        with pytest.raises(BrokenDocument, match=name):
            read(CORPUS / "hostile" / name, tmp_path)
