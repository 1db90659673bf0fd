"""How what takes long tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]
"""Is told what is being done ("chunks", "pictures", …), and how many of how many are."""
OnCount = Callable[[int, int], None]
"""Is told how many of how many are done, where it is all of one kind."""
