"""What a caption looks like: "Figure 3:", "Chart 2.", "Exhibit 1-4 —".

Leaves out captions without a number, those of tables, and to which figure one belongs.
"""

from __future__ import annotations

import re

CAPTION = re.compile(
    r"(?i:figure|fig|chart|exhibit|diagram|map|plate|photo(?:graph)?)\.?\s*"
    r"(?:[A-Z]?[.\-–]?\d+(?:[.\-–]\d+)*[a-z]?|[IVX]+)\b\s*"
    r"(?:[.:|—–-]|$|(?=[A-Z“\"(]))"
)
"""The number is followed by a mark or a capital: "Figure 3 shows" is a sentence."""
