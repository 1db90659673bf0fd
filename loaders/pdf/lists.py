"""How an item of a list begins: its bullet, or its number.

Leaves out which items belong to one list.
"""

from __future__ import annotations

import re

BULLET = re.compile(r"[•▪◦‣▸●○■□➢✓⁃·*–—-]\s")
NUMBERING = re.compile(r"(?:\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]|\[\d{1,3}\])\s")
