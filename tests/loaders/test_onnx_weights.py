"""Denormal weights become zero; nothing else of an ONNX file changes."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.captioning.onnx_weights import without_denormals

TINY = float(np.finfo(np.float32).smallest_subnormal)
FLOAT, INT64 = 1, 7


def field(number: int, content: bytes) -> bytes:
    """A counted field of a Protocol Buffers message."""
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def model(values: list[float], kind: int = FLOAT) -> bytes:
    """An ONNX file with one weight: a name, a kind, and the numbers."""
    tensor = b"\x08\x02" + bytes([2 << 3, kind]) + field(8, b"w") + field(9, raw(values))
    return b"\x08\x07" + field(7, field(2, b"graph") + field(5, tensor)) + field(3, b"paddle")


def raw(values: list[float]) -> bytes:
    return np.array(values, "<f4").tobytes()


def test_denormal_weights_become_zero_and_the_others_stay() -> None:
    assert without_denormals(model([1.0, TINY, -TINY, 1e-37])) == model([1.0, 0.0, 0.0, 1e-37])


def test_other_kinds_of_weights_are_left_alone() -> None:
    assert without_denormals(model([TINY], INT64)) == model([TINY], INT64)


@given(st.binary(max_size=200))
def test_other_bytes_keep_their_length_or_raise_value_error(content: bytes) -> None:
    with suppress(ValueError):
        assert len(without_denormals(content)) == len(content)


def test_a_file_cut_off_is_told() -> None:
    with pytest.raises(ValueError, match="not an ONNX model"):
        without_denormals(model([1.0])[:-9])
