"""What commands print: tables for people, whose control characters become visible; JSON for scripts. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from api.visible import visible

Cell = str | None  # None is NULL


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, heading: bool = True) -> Iterator[str]:
    """Lines with the columns one below the other. Nothing is cut off. `heading`: names above the rows."""
    head = [_cell(name) for name in columns] if heading else []
    body = [[_cell(value) for value in row] for row in rows]
    shown = [head, *body] if head else body
    widths = [
        max(len(row[i]) for row in shown if i < len(row)) for i in range(max(map(len, shown), default=0))
    ]
    if head:
        yield _line(head, widths)
        yield "-" + "-+-".join("-" * width for width in widths) + "-"
    for row in body:
        yield _line(row, widths)


def array(items: Iterable[Any]) -> Iterator[str]:
    """The text of one JSON array, an item a line, as the items come."""
    yield "["
    first = True
    for item in items:
        yield ("\n" if first else ",\n") + json.dumps(item)
        first = False
    yield "\n]\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return " " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip()


def _cell(value: Cell) -> str:
    return "NULL" if value is None else visible(value).replace("\n", "\\n").replace("\t", "\\t")
