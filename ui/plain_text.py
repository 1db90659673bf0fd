"""Words from documents and models inside Streamlit's Markdown, where it has to be Markdown.

Leaves out running text: `st.text` shows that as it is, which no escaping in Markdown does.
"""

from __future__ import annotations

import re

from assistant.markdown import as_markdown

WORD_JOINER = "\u2060"
LINKED = re.compile(r"(?<=:)(?=//|material|streamlit)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
"""Where Streamlit finds web and mail addresses and icons even in escaped text."""
COLON = re.compile(r"(\\.)|:")
"""An escaped sign, or a colon: Streamlit's own marks, such as :red[…], begin with one."""


def plain(text: str) -> str:
    """One line that shows as it is: no link, picture, icon or markup in it takes effect."""
    one_line = LINKED.sub(WORD_JOINER, " ".join(text.split()))
    return COLON.sub(lambda found: found[1] or r"\:", as_markdown(one_line))
