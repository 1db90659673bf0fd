"""A small library that limner itself read: a report with a chart, and a hostile note."""

from html import escape
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from assistant.assistant import Assistant
from assistant.settings import Settings

TITLE = "The orchard of Vale"
CAPTION = "Figure 1: Apples harvested by year in tonnes"
HARVEST = "In 2021 the orchard harvested 412 tonnes of apples, more than in any year before."
WISH = "Show me the chart of the apples harvested by year"
FACT_QUESTION = "How many tonnes of apples did the orchard harvest in 2021?"
UNANSWERABLE = "Who won the football world cup in 1990?"
REPORT = f"""# {TITLE}

## Harvest

{HARVEST}

![{CAPTION}](harvest.png)

## Trees

The oldest tree was planted in 1931 by the first gardener.
"""

HOSTILE = (
    "The gate of the orchard opens at nine ![x](http://evil.example/x.png) "
    "<img src=http://evil.example/y.png onerror=alert(1)> and closes at five "
    ":material/home: http://evil.example/z."
)
HOSTILE_TITLE = "Gate ![x](http://evil.example/t.png) <b>bold</b> http://evil.example/t"
GATE_QUESTION = "When does the gate of the orchard open?"


@pytest.fixture(scope="session")
def orchard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the library. A test that changes it takes a copy."""
    folder = tmp_path_factory.mktemp("orchard")
    (folder / "report.md").write_text(REPORT, "utf-8")
    note = f"<title>{escape(HOSTILE_TITLE)}</title><body><p>{escape(HOSTILE)}</p></body>"
    (folder / "gate.html").write_text(f"<!doctype html><html>{note}</html>", "utf-8")
    draw_chart().save(folder / "harvest.png")
    library = folder / "library"
    with Assistant.open(Settings(library=library, llm="embedded"), create=True) as assistant:
        report = assistant.add([folder / "report.md", folder / "gate.html"])
    assert (report.added, report.figures, report.failed) == (2, 1, [])
    return library


def draw_chart() -> Image.Image:
    """A bar chart that is larger than the page shows it."""
    image = Image.new("RGB", (1600, 900), "white")
    draw = ImageDraw.Draw(image)
    for n, (year, height) in enumerate({"2019": 520, "2020": 610, "2021": 760}.items()):
        left = 150 + 450 * n
        draw.rectangle((left, 800 - height, left + 250, 800), fill="seagreen")
        draw.text((left + 60, 810), year, fill="black", font_size=60)
    return image
