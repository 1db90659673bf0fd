"""The grid of an HTML table: where its cells stand once their spans are laid out.

Leaves out what is in the cells.
"""

from __future__ import annotations

MAX_COLUMNS = 100
MAX_CELLS = 200_000
"""More is not a table for reading; what goes beyond is left out."""

Cell = tuple[int, int]
"""Row, and number of the cell in that row, as in the source."""


def lay_out(spans: list[list[tuple[int, int]]]) -> list[list[Cell | None]]:
    """The cell at each place of the grid.

    spans: for each row and cell its colspan and rowspan (0: to the end of the table). A
    cell over several rows or columns stands in each.
    """
    grid: list[list[Cell | None]] = []
    running: dict[int, tuple[int, Cell | None]] = {}  # column → rows to go, cell
    n_cells = 0
    for r, row in enumerate(spans):
        line: list[Cell | None] = []
        waiting = [(r, n) for n in reversed(range(len(row)))]
        while len(line) < MAX_COLUMNS and (waiting or any(c >= len(line) for c in running)):
            if len(line) in running:
                n_rows, cell = running.pop(len(line))
                _put(line, cell, n_rows, running)
            elif waiting:
                cell = waiting.pop()
                colspan, rowspan = row[cell[1]]
                n_rows = min(rowspan or len(spans), len(spans) - r)
                for _ in range(min(max(colspan, 1), MAX_COLUMNS - len(line))):
                    _put(line, cell, n_rows, running)
            else:
                line.append(None)
        grid.append(line)
        n_cells += len(line)
        if n_cells > MAX_CELLS:
            break
    return grid


def _put(
    line: list[Cell | None],
    cell: Cell | None,
    n_rows: int,
    running: dict[int, tuple[int, Cell | None]],
) -> None:
    """Set the next place of the line, and remember it for the rows that the cell goes on."""
    if n_rows > 1:
        running[len(line)] = (n_rows - 1, cell)
    line.append(cell)
