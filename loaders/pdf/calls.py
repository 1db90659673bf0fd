"""PDFium's functions, declared again with plain integers for pointers.

Called for every character or object through `map`, they cost a third of pypdfium2's own
declarations, which build a pointer object for each argument.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import pypdfium2.raw as pdfium
from numpy.typing import NDArray


def declared(function: Any, result: Any, *arguments: Any) -> Callable[..., Any]:
    """The function with these ctypes for its result and arguments."""
    # They take a millionth of a second: letting other threads run meanwhile costs a tenth of it.
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    called: Callable[..., Any] = ctypes.PYFUNCTYPE(result, *arguments)(address)
    return called


def fill_rows(call: Callable[..., int], handles: Sequence[int], rows: NDArray[Any]) -> None:
    """Have the call write one row for each handle, through pointers into the array."""
    start, stride = rows.ctypes.data, rows.itemsize * rows.shape[1]
    columns = [
        range(start + rows.itemsize * k, start + rows.itemsize * k + rows.nbytes, stride)
        for k in range(rows.shape[1])
    ]
    deque(map(call, handles, *columns), maxlen=0)


def as_object(handle: int) -> Any:
    """The page object at an address, for pypdfium2's own declarations."""
    return ctypes.cast(handle, pdfium.FPDF_PAGEOBJECT)
