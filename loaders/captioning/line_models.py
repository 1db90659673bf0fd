"""RapidOCR's two models: one finds the lines in a picture, the other reads a line.

RapidOCR carries the models in its wheel and turns the finder's map into boxes; how the
models are fed is ours, because that is where the time goes. Each model runs on one
thread. Leaves out which way up lines stand, and pictures: that is `ocr`.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loaders.captioning.onnx_weights import without_denormals
from loaders.errors import PartMissing

Pixels = NDArray[np.uint8]
"""(height, width, 3), blue first, as the models were trained."""
INK = 24
"""Shades by which a dot differs from the ground of its picture, if there may be text."""
MARGIN = 16
"""Pixels of ground that the finder sees around what is inked."""
STRIDE = 32
"""The finder takes pictures whose sides are multiples of it."""
LARGE = 500_000
"""Pixels. Pictures above it are looked at one at a time: a page takes 250 MB meanwhile."""
TILE, TILE_MARGIN = 960, 64
"""Pixels, of a part of a large picture, and of what the finder sees around it."""
LINE_HEIGHT = 48
"""Pixels; the recogniser takes lines of this height and any width."""
LINE_END = 16
LEAST_WIDTH, MOST_WIDTH = 64, 4_000
"""Pixels. Room after a line, and the least in all. RapidOCR fills lines up to 320, which costs
the labels of figures two fifths of their time; without any, more letters at their end are lost.
And the most: a hairline across a page would take a gigabyte."""
MISSING = "Text in pictures is not read: {}. Run: pip install --force-reinstall rapidocr"


class LineFinder:
    """Finds where lines stand in a picture. Safe for several threads."""

    def __init__(self) -> None:
        """Raises PartMissing."""
        # Without denormals it takes a third of its time.
        self._model = _Model(without_denormals(_model("det").read_bytes()))
        try:
            from rapidocr.ch_ppocr_det.utils import DBPostProcess
        except ImportError as error:
            raise PartMissing(MISSING.format(error)) from error
        # As RapidOCR itself has it for this model.
        self._boxes = DBPostProcess(0.3, 0.5, unclip_ratio=1.6, use_dilation=True)
        self._large = threading.Lock()

    def find(self, pixels: Pixels, side: int) -> NDArray[np.float64]:
        """(n, 4, 2): the corners of each line, clockwise from the top left one in the picture.

        side: pixels; a larger picture is looked at in this size.
        """
        import cv2

        height, width = pixels.shape[:2]
        factor = min(1.0, side / max(height, width))
        size = max(1, round(width * factor)), max(1, round(height * factor))
        seen = cv2.resize(pixels, size) if factor < 1.0 else pixels
        canvas, x0, y0 = _inked(seen)  # type: ignore[arg-type]
        if not canvas.size:
            return np.zeros((0, 4, 2))
        high, wide = canvas.shape[:2]
        boxes, _ = self._boxes(self._seen(canvas), (round(high / factor), round(wide / factor)))
        quads = np.asarray(boxes, np.float64).reshape(-1, 4, 2) + np.array([x0, y0]) / factor
        clipped: NDArray[np.float64] = quads.clip(0, (width, height))
        return clipped

    def find_in_tiles(self, pixels: Pixels, factor: float) -> NDArray[np.float64]:
        """As `find`, in a picture scaled by the factor and looked at in parts.

        What is seen in the parts is put together before lines are made of it: a line that
        goes over several parts is one.
        """
        import cv2

        height, width = pixels.shape[:2]
        size = max(1, round(width * factor)), max(1, round(height * factor))
        whole = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        chances = np.zeros(whole.shape[:2], np.float32)
        for y in range(0, size[1], TILE):
            for x in range(0, size[0], TILE):
                top, left = max(0, y - TILE_MARGIN), max(0, x - TILE_MARGIN)
                around = whole[top : y + TILE + TILE_MARGIN, left : x + TILE + TILE_MARGIN]
                part = self._seen_in(around)  # type: ignore[arg-type]
                chances[y : y + TILE, x : x + TILE] = part[
                    y - top : y - top + TILE, x - left : x - left + TILE
                ]
        boxes, _ = self._boxes(chances[None, None], (height, width))
        quads: NDArray[np.float64] = np.asarray(boxes, np.float64).reshape(-1, 4, 2)
        return quads

    def _seen_in(self, part: Pixels) -> NDArray[np.float32]:
        """(height, width): the chance of text at each dot of a part of a picture."""
        canvas, x0, y0 = _inked(part)
        chances = np.zeros(part.shape[:2], np.float32)
        if canvas.size:
            seen = self._seen(canvas)[0, 0, max(0, -y0) :, max(0, -x0) :]
            top, left = max(0, y0), max(0, x0)
            room = chances[top : top + seen.shape[0], left : left + seen.shape[1]]
            room[:] = seen[: room.shape[0], : room.shape[1]]
        return chances

    def _seen(self, canvas: Pixels) -> NDArray[np.float32]:
        """(1, 1, height, width): the chance of text at each dot of a canvas."""
        values = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        values *= np.float32(2 / 255)
        values -= np.float32(1)
        high, wide = canvas.shape[:2]
        if high * wide <= LARGE:
            return self._model.run(values)
        with self._large:
            _give_back()
            found = self._model.run(values)
            _give_back()
        return found


class LineRecogniser:
    """Reads one line. Safe for several threads."""

    def __init__(self) -> None:
        """Raises PartMissing."""
        self._model = _Model(_model("rec").read_bytes())
        letters = self._model.metadata["character"].splitlines()
        self._letters = ["", *letters, " "]

    def read(self, line: Pixels) -> tuple[str, float]:
        """The text of a line held upright, and the mean confidence in its letters, 0 to 1."""
        import cv2

        height, width = line.shape[:2]
        wide = min(MOST_WIDTH, max(1, round(width * LINE_HEIGHT / height)))
        values = np.zeros((1, 3, LINE_HEIGHT, max(LEAST_WIDTH, wide + LINE_END)), np.float32)
        scaled = cv2.resize(line, (wide, LINE_HEIGHT)).transpose(2, 0, 1)
        values[0, :, :, :wide] = scaled * np.float32(2 / 255) - np.float32(1)
        return self._decoded(self._model.run(values)[0])

    def _decoded(self, chances: NDArray[np.float32]) -> tuple[str, float]:
        """chances: (steps, letters); a letter that goes on over several steps is one."""
        best = chances.argmax(axis=1)
        is_new = np.r_[True, best[1:] != best[:-1]] & (best > 0)
        if not is_new.any():
            return "", 0.0
        text = "".join(self._letters[k] for k in best[is_new])
        sure = chances[np.flatnonzero(is_new), best[is_new]]
        return text.strip(), float(sure.mean())


class _Model:
    """An ONNX model with one input and one output, on one thread."""

    def __init__(self, content: bytes) -> None:
        try:
            from onnxruntime import InferenceSession, RunOptions, SessionOptions
        except ImportError as error:
            raise PartMissing(MISSING.format(error)) from error
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # What a run takes is taken in large pieces, and given back after it: with `_give_back`,
        # 60 figures read by two threads take 600 MB at most and not 750 to 950, in equal time.
        self._options = RunOptions()
        self._options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        provider = "CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"}
        self._session = InferenceSession(content, options, providers=[provider])
        self._input = self._session.get_inputs()[0].name
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        (found,) = self._session.run(None, {self._input: values}, self._options)
        result: NDArray[np.float32] = found
        return result


def _give_back() -> None:
    """Have glibc give freed memory back to the system: each of its threads keeps its own."""
    with suppress(OSError, AttributeError, TypeError):  # another C library has no such call
        ctypes.CDLL(None).malloc_trim(0)


def _model(task: str) -> Path:
    """The path of RapidOCR's model for the task."""
    try:
        names = [f for f in files("rapidocr") or () if f.match(f"models/*_{task}_*.onnx")]
    except PackageNotFoundError as error:
        raise PartMissing(MISSING.format(error)) from error
    here = [Path(str(name.locate())) for name in names]
    if len(here) != 1 or not here[0].is_file():
        raise PartMissing(MISSING.format(f"the model for '{task}' is not in its package"))
    return here[0]


def _inked(seen: Pixels) -> tuple[Pixels, int, int]:
    """The part of a picture that differs from its ground, and where it begins.

    With a margin, and filled up with ground to sides that the finder takes. What is blank costs
    as much as what is not: this leaves 74 % of 17 pages of print, 47 % of 5 scans.
    """
    grounds = np.median(seen.reshape(-1, 3)[:: max(1, seen.size // 300_000)], axis=0)
    ground = grounds.astype(np.uint8)
    differs = (np.maximum(seen, ground) - np.minimum(seen, ground)).max(axis=2) >= INK
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return seen[:0], 0, 0
    x0, y0 = int(columns[0]), int(rows[0])
    part = seen[y0 : rows[-1] + 1, x0 : columns[-1] + 1]
    high, wide = (-(-(n + 2 * MARGIN) // STRIDE) * STRIDE for n in part.shape[:2])
    canvas = np.empty((high, wide, 3), np.uint8)
    canvas[:] = ground
    canvas[MARGIN : MARGIN + part.shape[0], MARGIN : MARGIN + part.shape[1]] = part
    return canvas, x0 - MARGIN, y0 - MARGIN
