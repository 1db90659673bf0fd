"""A tiny library that limner itself read from files, with its own models."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from assistant.assistant import Assistant
from assistant.settings import Settings

REAL_QUESTION = "How many visitors did the lighthouse have in 2019?"
REAL_ANSWER = "48,210 visitors"
REAL_WISH = "Show me the chart of visitors to the lighthouse by year"
CAPTION = "Figure 1: Visitors to the lighthouse by year"
TEXT = f"""# The lighthouse of Vik

## Visitors

In 2019 the lighthouse had 48,210 visitors, more than in any year before.
The tower was closed in 2020.

![{CAPTION}](visitors.png)

## The lamp

The lamp was changed from paraffin to electricity in 1931.
"""


@pytest.fixture(scope="session")
def real_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a library of one Markdown file with one chart."""
    folder = tmp_path_factory.mktemp("lighthouse")
    (folder / "lighthouse.md").write_text(TEXT, "utf-8")
    _draw_chart().save(folder / "visitors.png")
    library = folder / "library"
    with Assistant.open(Settings(library=library, llm="embedded"), create=True) as assistant:
        report = assistant.add([folder / "lighthouse.md"])
    assert (report.added, report.figures, report.failed) == (1, 1, [])
    return library


def _draw_chart() -> Image.Image:
    image = Image.new("RGB", (1600, 900), "white")
    draw = ImageDraw.Draw(image)
    for n, (year, height) in enumerate({"2017": 520, "2018": 610, "2019": 760}.items()):
        left = 150 + 450 * n
        draw.rectangle((left, 800 - height, left + 250, 800), fill="steelblue")
        draw.text((left + 60, 810), year, fill="black", font_size=60)
    return image
