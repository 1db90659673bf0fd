"""Each limit on a source is a setting, is told in the README, and holds where it is lowered."""

import base64
import random
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from assistant.settings import Settings
from loaders.errors import LoaderError
from loaders.limits import Limits
from tests.loaders.hostile_files import honest, mail, packed, page, tiff_pages, unpacked
from tests.loaders.reading import picture, read
from tests.loaders.recordings import Hears, silence, write

README = Path(__file__).parents[2] / "README.md"
TABLE = "name,year\nquay,1871\nmole,1902\n"


def pictures(*colors: str) -> str:
    contents = [base64.b64encode(picture(color=color)).decode() for color in colors]
    return page("".join(f"<img src='data:image/png;base64,{c}' alt='A wall'>" for c in contents))


def well_packed() -> bytes:
    """A Word file that unpacks to about twenty times its size."""
    chance = random.Random(1)
    content = b"".join(chance.randbytes(200) + bytes(3_800) for _ in range(5_000))
    return packed(unpacked(honest("docx")) | {"x": content})


def sound(folder: Path) -> bytes:
    return write(folder / "whole.wav", silence(5)).read_bytes()


CASES: dict[str, tuple[str, object, Callable[[Path], bytes | str], str]] = {
    "max_bytes": ("a.txt", 10, lambda _: "Words of a text.", "the limit is"),
    "max_pages": ("a.tif", 2, lambda _: tiff_pages(3, width=60), "more than 2 pages"),
    "max_text_chars": ("a.txt", 10, lambda _: "Words of a text.", "limit of 10 characters"),
    "max_pixels": ("a.png", 100, lambda _: picture(), "the limit is 100 in all"),
    "max_figures": ("a.html", 1, lambda _: pictures("red", "blue"), "The limit is 1 figures"),
    "max_archive_members": ("a.docx", 3, lambda _: honest("docx"), "parts; the limit is 3"),
    "max_archive_ratio": ("a.docx", 2, lambda _: well_packed(), "would unpack to 20 MiB"),
    "max_attachments": (
        "a.eml",
        1,
        lambda _: mail(("b.txt", b"One."), ("c.txt", b"Two.")),
        "the limit is 1 attachments",
    ),
    "max_nesting": (
        "a.eml",
        1,
        lambda _: mail(("b.eml", mail(("c.txt", b"Two.")))),
        "it is attached 2 files deep; the limit is 1",
    ),
    "max_recorded_s": ("a.wav", 2, sound, "max_recorded_s"),
    "max_rows": ("a.csv", 1, lambda _: TABLE, "1 rows"),
}
"""Setting → file name, value, content, and what is said of what exceeds it."""
ELSEWHERE = {
    "min_figure_side",  # below: what is smaller is left out without a word
    *("max_memory", "max_seconds", "max_silence_s"),  # test_worker_pool
    "conversion_s",  # test_libre_office
    *("fetch_timeout_s", "fetch_total_s", "fetch_remote_images"),  # test_source, test_site
    *("max_site_pages", "max_site_s"),  # test_site
    "read_comments",
}


@pytest.mark.parametrize("setting", CASES)
def test_a_lowered_limit_holds(setting: str, tmp_path: Path) -> None:
    name, value, make, words = CASES[setting]
    content = make(tmp_path)
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)

    def told(limits: Limits) -> str:
        try:
            found = read(path, tmp_path, limits, transcriber=Hears(("Word.", 0.1)))
        except LoaderError as error:
            return str(error)
        return "\n".join(f"{s.what}: {s.reason}" for s in found.skipped)

    assert words not in told(Settings().limits)
    assert words in told(Settings(**{setting: value}).limits)


def test_what_counts_as_an_icon_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(pictures("red"))
    assert (
        len(read(tmp_path / "a.html", tmp_path, Settings(min_figure_side=60).limits).figures) == 1
    )
    assert not read(tmp_path / "a.html", tmp_path, Settings(min_figure_side=61).limits).figures


def test_every_limit_is_a_setting_that_the_readme_tells() -> None:
    names = {field.name for field in fields(Limits)}
    assert names <= set(Settings.model_fields)
    text = README.read_text("utf-8")
    assert not [name for name in names if f"`{name}`" not in text]
    assert names == set(CASES) | ELSEWHERE
