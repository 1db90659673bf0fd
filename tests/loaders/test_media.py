"""The media store."""

import io
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile

from loaders.errors import BrokenPicture, LimitExceeded
from loaders.media import MediaStore


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def test_the_same_picture_has_one_key_one_file_and_one_url(media: MediaStore) -> None:
    content = encoded(Image.new("RGB", (60, 40), "red"), "PNG")
    first, second = media.put(content), media.put(content)
    assert first == second
    assert list(media.keys()) == [first.key]
    assert media.path(first.key).read_bytes() == content
    assert media.url(first.key) == media.path(first.key).as_uri()


def test_a_base_url_is_what_keys_are_appended_to(tmp_path: Path) -> None:
    media = MediaStore(tmp_path, base_url="https://cdn.example/figures/")
    picture = media.put(Image.new("RGB", (60, 40)))
    assert media.url(picture.key) == f"https://cdn.example/figures/{picture.key}"


def test_a_format_that_browsers_do_not_show_becomes_png(media: MediaStore) -> None:
    picture = media.put(encoded(Image.new("RGB", (60, 40), "blue"), "TIFF"))
    assert picture.key.endswith(".png")
    assert media.open(picture.key).getpixel((0, 0)) == (0, 0, 255)


def test_a_photo_taken_upright_is_upright(media: MediaStore) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = media.put(encoded(Image.new("RGB", (60, 40)), "JPEG", exif=exif))
    assert (picture.width, picture.height) == (40, 60)
    assert media.open(picture.key).size == (40, 60)


def test_transparency_is_laid_on_white(media: MediaStore) -> None:
    picture = media.put(encoded(Image.new("RGBA", (60, 40), (0, 0, 0, 0)), "PNG"))
    assert media.open(picture.key).getpixel((5, 5)) == (255, 255, 255)


def test_light_lettering_on_nothing_is_laid_on_black(media: MediaStore) -> None:
    image = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    image.paste((250, 250, 240, 255), (10, 10, 30, 20))
    shown = media.open(media.put(encoded(image, "PNG")).key)
    assert (shown.getpixel((5, 5)), shown.getpixel((15, 15))) == ((0, 0, 0), (250, 250, 240))


def test_a_sixteen_bit_picture_keeps_its_contrast(media: MediaStore) -> None:
    deep = Image.new("I;16", (60, 40), 1_000)
    deep.paste(2_000, (0, 0, 30, 40))
    picture = media.put(encoded(deep, "PNG"))
    shown = media.open(picture.key)
    assert shown.getpixel((0, 0)) == (255, 255, 255)
    assert shown.getpixel((59, 0)) == (0, 0, 0)


def test_a_thumbnail_lies_beside_the_picture(media: MediaStore) -> None:
    picture = media.put(Image.new("RGB", (1_000, 500)))
    with Image.open(media.thumbnail_path(picture.key)) as thumbnail:
        assert thumbnail.size == (320, 160)


def test_a_truncated_picture_is_refused_and_leaves_nothing(media: MediaStore) -> None:
    content = encoded(Image.effect_noise((100, 100), 50), "PNG")
    with pytest.raises(BrokenPicture, match="cannot be decoded"):
        media.put(content[: len(content) // 2])
    assert list(media.keys()) == []


def test_a_picture_over_the_pixel_limit_is_not_decoded(tmp_path: Path) -> None:
    media = MediaStore(tmp_path, max_pixels=100)
    with pytest.raises(LimitExceeded, match="60×40"):
        media.put(encoded(Image.new("RGB", (60, 40)), "PNG"))


def test_the_size_of_a_picture_is_known_without_storing_it(media: MediaStore) -> None:
    assert media.size(encoded(Image.new("RGB", (16, 300)), "PNG")) == (16, 300)
    assert list(media.keys()) == []


@pytest.mark.parametrize(
    "key", ["../library.sqlite", "a.png", "", "x" * 64 + ".png", "0" * 64 + ".svg"]
)
def test_only_keys_of_the_stores_own_form_become_paths(media: MediaStore, key: str) -> None:
    with pytest.raises(KeyError):
        media.path(key)


def test_removing_a_picture_removes_its_thumbnail_too(media: MediaStore) -> None:
    picture = media.put(Image.new("RGB", (60, 40)))
    media.remove(picture.key)
    assert [p for p in media.folder.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_picture_may_be_opened_scaled_down(media: MediaStore, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    key = media.put(encoded(Image.new("RGB", (1_200, 500), "red"), kind, exif=exif)).key
    assert media.open(key, max_side=100).size == (42, 100)
    assert media.open(key, max_side=2_000).size == media.open(key).size == (500, 1_200)


def test_a_photo_opened_small_is_never_decoded_large(
    media: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = media.put(encoded(Image.new("RGB", (1_600, 800), "red"), "JPEG")).key
    decoded: list[tuple[int, int]] = []
    load = JpegImageFile.load
    monkeypatch.setattr(JpegImageFile, "load", lambda i: (decoded.append(i.size), load(i))[1])
    media.open(key, max_side=150)
    assert max(decoded) == (200, 100)


def test_the_pixel_limit_counts_the_picture_before_it_is_scaled_down(media: MediaStore) -> None:
    key = media.put(encoded(Image.new("RGB", (1_600, 800)), "JPEG")).key
    media.max_pixels = 1_000
    with pytest.raises(LimitExceeded):
        media.open(key, max_side=10)


def test_what_was_read_on_pages_goes_with_their_source(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    kept, gone = media.page_readings("file:///a.pdf"), media.page_readings("file:///b.pdf")
    kept.put("0a", "kept")
    gone.put("0a", "secret")
    media.page_readings("file:///b.pdf").forget()
    assert media.page_readings("file:///b.pdf").get("0a") is None
    assert media.page_readings("file:///a.pdf").get("0a") == "kept"


def test_readings_of_pages_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    first = MediaStore(tmp_path).page_readings("file:///a.pdf")
    first.put("0a", "stays")
    first.put("0b", "goes")
    again = MediaStore(tmp_path).page_readings("file:///a.pdf")
    again.get("0a")
    again.forget_others()
    assert [first.get(key) for key in ("0a", "0b")] == ["stays", None]


@pytest.mark.parametrize(("orientation", "size"), [(1, (3_000, 2_000)), (6, (2_000, 3_000))])
def test_a_photograph_is_stored_without_being_decoded_as_a_whole(
    media: MediaStore, monkeypatch: pytest.MonkeyPatch, orientation: int, size: tuple[int, int]
) -> None:
    decoded: list[tuple[int, int]] = []
    load = JpegImageFile.load

    def loading(self: JpegImageFile) -> object:
        decoded.append(self.size)
        return load(self)

    monkeypatch.setattr(JpegImageFile, "load", loading)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    photograph = Image.linear_gradient("L").resize((3_000, 2_000)).convert("RGB")
    picture = media.put(encoded(photograph, "JPEG", exif=exif))
    assert max(max(sides) for sides in decoded) < 1_500
    assert (picture.width, picture.height) == size
    with Image.open(media.thumbnail_path(picture.key)) as thumbnail:
        assert (thumbnail.width > thumbnail.height) == (size[0] > size[1])


def test_what_is_no_picture_is_told_without_names_of_objects(media: MediaStore) -> None:
    with pytest.raises(BrokenPicture, match="or no PNG") as caught:
        media.put(b"no picture")
    assert "object at" not in str(caught.value)
