"""The chat page in a real browser, served by a real `limner ui`."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.ui.orchard import CAPTION, GATE_QUESTION, WISH, draw_chart
from tests.ui.served_page import served

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason="needs Chromium: apt-get install chromium chromium-driver",
    ),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1280,1100",
]
WAIT_S = 90
PICTURES = "[data-testid=stChatMessage] [data-testid=stImage] img"
CHAT_BOX = "[data-testid=stChatInput] textarea"
T = TypeVar("T")


class Page:
    """A browser at the page."""

    def __init__(self, profile: Path, *flags: str) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or ""
        for flag in [*FLAGS, *flags, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        self.driver = webdriver.Chrome(options=options, service=Service(DRIVER))

    def find(self, selector: str):
        return self.driver.find_elements("css selector", selector)

    def wait_for(self, look: Callable[[], T]) -> T:
        """What look gives as soon as it is something."""
        from selenium.common.exceptions import StaleElementReferenceException

        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            try:
                if found := look():
                    return found
            except StaleElementReferenceException:
                pass
            time.sleep(0.2)
        raise AssertionError(f"not within {WAIT_S} s; the page says:\n{self.text}")

    @property
    def text(self) -> str:
        return str(self.driver.find_element("css selector", "body").text)

    def open(self, port: int) -> None:
        self.driver.get(f"http://localhost:{port}")
        self.wait_for(lambda: self.find(CHAT_BOX))

    def ask(self, question: str) -> None:
        """Ask, and wait until the answer is complete with its sources."""
        from selenium.webdriver.common.keys import Keys

        n_before = len(self.find("[data-testid=stExpander]"))
        box = self.wait_for(lambda: [b for b in self.find(CHAT_BOX) if b.is_enabled()])[0]
        box.send_keys(question, Keys.ENTER)
        self.wait_for(lambda: len(self.find("[data-testid=stExpander]")) > n_before)
        self.wait_for(lambda: self.find("[data-test-script-state=notRunning]"))

    def requested(self) -> list[str]:
        """All addresses from which the page loaded something."""
        return list(
            self.driver.execute_script(
                "return performance.getEntriesByType('resource').map(entry => entry.name)"
            )
        )


@pytest.fixture(scope="module")
def port(orchard: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    library = tmp_path_factory.mktemp("served") / "library"
    shutil.copytree(orchard, library)
    with served(library) as port:
        yield port


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page(tmp_path / "profile")
    yield page
    page.driver.quit()


def test_answer_shows_the_figure(port: int, page: Page) -> None:
    page.open(port)
    page.ask(WISH)
    picture = page.find(PICTURES)[0]
    page.wait_for(lambda: int(picture.get_property("naturalWidth")))
    assert int(picture.get_property("naturalWidth")) > 640  # sharp on a fine screen
    assert 600 <= picture.size["width"] <= 640
    assert CAPTION in page.text
    assert "Sources (1)" in page.text


def test_nothing_is_loaded_from_elsewhere(port: int, page: Page) -> None:
    page.open(port)
    page.ask(WISH)
    assert page.requested()
    assert not [a for a in page.requested() if not a.startswith(f"http://localhost:{port}/")]


def test_hostile_text_does_nothing(port: int, page: Page) -> None:
    page.open(port)
    page.ask(GATE_QUESTION)
    for summary in page.find("[data-testid=stExpander] summary"):
        summary.click()
    page.wait_for(lambda: "<img src=http://evil.example/y.png onerror=alert(1)>" in page.text)
    assert not [a for a in page.requested() if "evil" in a]
    assert not page.find("a[href*=evil], img[src*=evil]")
    assert "<b>bold</b>" in page.text  # the title, in the sidebar and among the sources


def test_upload_is_added_to_a_new_collection_and_answers(
    port: int, page: Page, tmp_path: Path
) -> None:
    from selenium.webdriver.common.keys import Keys

    bees = tmp_path / "bees.md"
    bees.write_text("# Bees of Vale\n\nThe orchard keeps 37 hives of bees behind the barn.\n")
    chart = tmp_path / "hives.png"
    draw_chart().save(chart)
    page.open(port)
    box = page.wait_for(lambda: page.find("[data-testid=stSelectbox] input"))[0]
    box.send_keys("Bees & hives", Keys.ENTER)
    page.wait_for(lambda: "Bees & hives is new" in page.text)
    chooser = page.wait_for(lambda: page.find("[data-testid=stFileUploader] input[type=file]"))[0]
    chooser.send_keys(f"{bees}\n{chart}")
    page.wait_for(lambda: "Read 2 documents with 1 figure." in page.text)
    page.wait_for(lambda: "2 documents in Bees & hives" in page.text)
    assert "Bees of Vale" in page.text
    page.ask("How many hives of bees does the orchard keep?")
    assert "37 hives" in page.text


def test_foreign_name_that_points_here_gets_no_page(port: int, tmp_path: Path) -> None:
    page = Page(tmp_path / "profile", "--host-resolver-rules=MAP evil.example 127.0.0.1")
    try:
        page.driver.get(f"http://evil.example:{port}")
        time.sleep(5)
        assert "Library" not in page.text
        page.open(port)
        page.wait_for(lambda: "Library" in page.text)
    finally:
        page.driver.quit()
