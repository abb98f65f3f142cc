"""A plain table of figures with a tint on each cell, which a screen reader can walk through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from components.charts.style import stays

TINT = "0,114,178"  # RGB, seen on either theme
FULL = 0.55  # opacity of the strongest tint
PAD = "padding:6px 8px;text-align:left"


@dataclass(frozen=True)
class TintedHead:
    """The head of a column: its word, the line below it, and what it means."""

    word: str
    under: str = ""
    about: str = ""


@dataclass(frozen=True)
class TintedCell:
    """One figure, a small line below it, and its tint from 0 to 1."""

    text: str
    small: str = ""
    tint: float = 0.0
    strong: bool = False


@dataclass(frozen=True)
class TintedRow:
    """The cells of one row; a row of another sort stands apart from those above it."""

    name: str
    cells: Sequence[TintedCell]
    apart: bool = False


def tinted_table(label: str, heads: Sequence[TintedHead], rows: Sequence[TintedRow]) -> str:
    """The table as HTML; every text is escaped.

    Args:
        label: what it is, for who does not see it.
        heads: of all columns, the names of the rows first.
        rows: from top to bottom.
    """
    shown = "".join(
        f'<th scope="col" style="{PAD};vertical-align:bottom;font-weight:600'
        f'{"" if at else f";{stays()}"}" title="{escape(head.about)}">{escape(head.word)}<br>'
        f'<span style="font-weight:400">{escape(head.under)}</span></th>'
        for at, head in enumerate(heads)
    )
    return (
        f'<div style="overflow-x:auto" tabindex="0" role="region" aria-label="{escape(label)}">'
        '<table style="border-collapse:separate;border-spacing:2px;width:100%;font-size:.88rem">'
        f"<thead><tr>{shown}</tr></thead><tbody>{''.join(map(line, rows))}</tbody></table></div>"
    )


def line(row: TintedRow) -> str:
    """One row."""
    edge = ";border-top:2px solid #808080" if row.apart else ""
    cells = "".join(
        f'<td style="{PAD};white-space:nowrap{edge}{colored(cell)}">{escape(cell.text)}'
        f"{f'<br><small>{escape(cell.small)}</small>' if cell.small else ''}</td>"
        for cell in row.cells
    )
    return (
        f'<tr><th scope="row" style="{PAD};font-weight:400{edge};{stays()}">{escape(row.name)}'
        f"</th>{cells}</tr>"
    )


def colored(cell: TintedCell) -> str:
    """The style of a cell: the more of its tint, the more color."""
    style = ";font-weight:600" if cell.strong else ""
    return f"{style};background:rgba({TINT},{FULL * cell.tint:.2f})" if cell.tint else style
