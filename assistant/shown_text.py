"""Words from documents and models as they may be shown: nothing in them changes what is around.

Leaves out the signs of Markdown and HTML: those are escaped by `assistant.markdown` and
`assistant.html`.
"""

from __future__ import annotations

import re

BREAKS = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]")
UNSEEN = re.compile("[\x00-\x1b\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Controls, and signs that turn the direction of all text that follows."""
UNPAIRED = re.compile("[\ud800-\udfff]")


def one_line(text: str) -> str:
    """The text on one line. Of texts put together, the lines put together."""
    return UNPAIRED.sub("\ufffd", UNSEEN.sub("", BREAKS.sub(" ", text)))
