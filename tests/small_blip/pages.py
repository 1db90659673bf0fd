"""What stands on pages: tables, text, formulas.

Leaves out charts, diagrams and screens.
"""

from __future__ import annotations

import itertools

from tests.small_blip.ink import (
    BARS,
    WHITE,
    Box,
    Canvas,
    Colour,
    counted,
    figure,
    mixed,
    phrase,
)


def table(canvas: Canvas, box: Box) -> str:
    """Rows and columns of words and numbers, ruled, striped or bare."""
    rng = canvas.rng
    wordy = rng.random() < 0.25
    rows = rng.choice(
        (2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 10, 14, 20, 30, 45)[: 10 if wordy else None]
    )
    columns = rng.choice((2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 10)[: 6 if wordy else None])
    if rng.random() < 0.3:
        canvas.text((box.x0, box.y0), phrase(rng, 6), size=1.05)
        box = box.inner(0, canvas.letter * 2, 0, 0)
    rules = rng.choice(("grid", "grid", "rows", "book", "stripes", "none", "frame"))
    head = rng.choice((None, None, *BARS[:6])) if rules != "book" else None
    first = rng.choice((1.0, 1.0, 1.6, 2.5))
    widths = [first] + [
        rng.uniform(0.8, 1.2) if rng.random() < 0.3 else 1.0 for _ in range(columns - 1)
    ]
    edges = [sum(widths[:k]) / sum(widths) for k in range(columns + 1)]
    pale = mixed(WHITE, rng.choice(BARS), 0.15)
    line = rng.choice((canvas.ink, mixed(WHITE, canvas.ink, 0.3)))
    for r in range(rows):
        row = Box(*box.at(0, r / rows), *box.at(1, (r + 1) / rows))
        if r == 0 and head:
            canvas.rect(row, head)
        elif rules == "stripes" and r % 2:
            canvas.rect(row, pale)
        if wordy and r:
            _wordy_cells(canvas, row, edges)
            continue
        _cells(
            canvas, row, edges, is_head=r == 0, dark=r == 0 and head is not None and sum(head) < 380
        )
    _rules(canvas, box, rules, rows, edges, line)
    told = counted(rows, "row", most=8), counted(columns, "column", most=8)
    if told[0].split()[0] == told[1].split()[0]:
        return f"a table with {told[0]} and columns"
    return f"a table with {told[0]} and {told[1]}"


def _cells(canvas: Canvas, row: Box, edges: list[float], *, is_head: bool, dark: bool) -> None:
    rng = canvas.rng
    size = min(1.0, row.height / canvas.letter / 1.35)
    centred = rng.random() < 0.3
    for k in range(len(edges) - 1):
        cell = Box(*row.at(edges[k], 0), *row.at(edges[k + 1], 1))
        text = (
            phrase(rng, rng.randint(1, 3))
            if is_head or k == 0 or rng.random() < 0.2
            else figure(rng)
        )
        text = text[: max(2, int(cell.width / (canvas.letter * size * 0.58)) - 1)]
        bold = "DejaVuSans-Bold" if is_head and canvas.font.startswith("DejaVuSans") else None
        ink = WHITE if dark else None
        n_lines = (
            min(3, int(cell.height / (canvas.letter * size * 1.4)))
            if k and rng.random() < 0.15
            else 1
        )
        for j in range(max(1, n_lines)):
            y = cell.middle[1] + (j - (n_lines - 1) / 2) * canvas.letter * size * 1.2
            at, anchor = ((cell.middle[0], y), "mm") if centred and k else ((cell.x0 + 3, y), "lm")
            canvas.text(at, text, size=size, anchor=anchor, colour=ink, font=bold)


def _wordy_cells(canvas: Canvas, row: Box, edges: list[float]) -> None:
    """Cells full of sentences, as tables of rules and categories have."""
    for start, end in itertools.pairwise(edges):
        cell = Box(*row.at(start, 0), *row.at(end, canvas.rng.uniform(0.5, 1)))
        canvas.lines_of_text(cell.inner(3, 2, 3, 1), 0.8)


def _rules(
    canvas: Canvas, box: Box, rules: str, rows: int, edges: list[float], line: Colour
) -> None:
    width = canvas.line
    if rules == "grid":
        for edge in edges:
            canvas.path([box.at(edge, 0), box.at(edge, 1)], line, width)
    if rules in {"grid", "rows"}:
        for r in range(rows + 1):
            canvas.path([box.at(0, r / rows), box.at(1, r / rows)], line, width)
    if rules == "book":
        for y, thick in ((0.0, 2), (1 / rows, 1), (1.0, 2)):
            canvas.path([box.at(0, y), box.at(1, y)], line, width * thick)
    if rules == "frame":
        canvas.rect(box, None, line, width)


def text(canvas: Canvas, box: Box) -> str:
    """Lines of text: a scanned page, a paragraph, a heading, a formula."""
    rng, unit = canvas.rng, canvas.letter
    kind = rng.random()
    if kind < 0.2:
        _formula(canvas, box)
        return "a picture of text"
    if kind < 0.4:
        size = min(4.0, box.height / unit / rng.uniform(1.4, 4.0))
        canvas.lines_of_text(box, max(1.0, size))
        return "a picture of text"
    y = box.y0
    if rng.random() < 0.5:
        where, anchor = rng.choice(((box.x0, "la"), (box.middle[0], "ma")))
        canvas.text(
            (where, y), phrase(rng, rng.randint(2, 6)), size=rng.uniform(1.2, 2.2), anchor=anchor
        )
        y += unit * 3
    n_columns = rng.choice((1, 1, 1, 2)) if box.width > unit * 25 else 1
    for c in range(n_columns):
        x0 = box.x0 + c * box.width / n_columns
        at = y
        while at < box.y1 - unit * 2:
            high = unit * rng.uniform(4, 14)
            column = Box(
                x0, at, x0 + box.width / n_columns - unit * (n_columns > 1), min(at + high, box.y1)
            )
            canvas.lines_of_text(column)
            at += high + unit * rng.uniform(0.3, 1.8)
            if rng.random() < 0.15:
                canvas.text((x0, at), phrase(rng, 3), size=1.2)
                at += unit * 2
    return "a picture of text"


def _formula(canvas: Canvas, box: Box) -> None:
    """Letters, signs and fractions in a row."""
    rng = canvas.rng
    for r in range(n := rng.randint(1, 3)):
        size = min(box.height / n / canvas.letter * 0.4, 4.0)
        step, x = canvas.letter * size, box.x0 + box.width * 0.04
        y = box.at(0, (r + 0.5) / n)[1]
        while x < box.x1 - step * 2:
            sign = rng.choice("αβγxyzijkL=+−(∑∫√)π∂·nθ")
            if rng.random() < 0.18:
                canvas.path([(x, y), (x + step * 2, y)], width=1)
                for up, anchor in ((-0.15, "mb"), (0.15, "mt")):
                    at = (x + step, y + up * step)
                    canvas.text(
                        at,
                        rng.choice(("x+1", "n", "∂f", "2π", "a−b")),
                        size=size * 0.8,
                        anchor=anchor,
                    )
                x += step * 2.3
            else:
                canvas.text((x, y), sign, size=size, anchor="lm", font="DejaVuSerif")
                x += step * 0.75
                if rng.random() < 0.3:
                    canvas.text(
                        (x, y + step * rng.choice((-0.4, 0.35))),
                        rng.choice("ij2kn"),
                        size=size * 0.6,
                        anchor="lm",
                    )
                    x += step * 0.5
