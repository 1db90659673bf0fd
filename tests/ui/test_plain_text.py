"""Foreign words inside Markdown."""

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ui.plain_text import WORD_JOINER, plain

MARKUP = st.text(alphabet="ab1 .:/@w*_`~[]()<>!#+-=|&;$\\\n\t", max_size=60)


@given(MARKUP)
@example("![x](http://evil.example/x.png)")
@example("<img src=x onerror=alert(1)>")
@example("2021. A title")
@example("    code")
@example("Title\n=====")
def test_markdown_shows_the_very_words(text: str) -> None:
    shown = MarkdownIt("commonmark").render(f"Heading: {plain(text)}")
    shown_first = MarkdownIt("commonmark").render(plain(text))
    assert _words_in(shown) == f"Heading: {' '.join(text.split())}".strip()
    assert _words_in(shown_first) == " ".join(text.split())


def test_addresses_and_icons_are_broken_up() -> None:
    shown = plain("https://a.example www.a.example me@a.example :material/home:")
    assert not re.search(r"://|www\\?\.|\w@|:material", shown.replace("\\", ""))


def _words_in(paragraph: str) -> str:
    """The text of one paragraph; nothing else may be in it."""
    if not paragraph:
        return ""
    found = re.fullmatch(r"<p>([^<>]*)</p>\n", paragraph)
    assert found, paragraph
    return html.unescape(found[1]).replace(WORD_JOINER, "")
