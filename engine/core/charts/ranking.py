"""A ranking as a plain table, which a screen reader can walk through: cells are tinted."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from engine.core.charts.drawing import DrawnAs
from engine.core.charts.words import NONE

ORANGE, BLUE = "230,120,0", "0,114,178"
PAD = "padding:6px 9px;text-align:left"
LOW = "padding:3px 9px;text-align:left;line-height:1.2"  # rows of two lines, so that ten are seen
GRAY_CELL = "background:rgba(128,128,128,.18);font-style:italic"
EDGE = "2px solid #808080"


@dataclass(frozen=True)
class RankingHead:
    """The head of a column.

    Args:
        name: of the column.
        below: what stands smaller under it.
        about: what the column means, shown when the pointer rests on it.
    """

    name: str
    below: str = ""
    about: str = ""


@dataclass(frozen=True)
class RankingCell:
    """A cell of the table.

    Args:
        text: the figure.
        small: what stands smaller beside it, or under it where the table says so.
        tint: how much of the table's color it has, from 0 to 1.
        bold: whether the rows stand in its order.
        ignored: whether it plays no part in the ranking and is gray.
        about: shown when the pointer rests on it.
    """

    text: str = NONE
    small: str = ""
    tint: float = 0.0
    bold: bool = False
    ignored: bool = False
    about: str = ""


@dataclass(frozen=True)
class RankingRow:
    """A row; the line that parts the reference from the others is under or over it."""

    name: str
    cells: Sequence[RankingCell]
    edge: str = ""  # "top" or "bottom"


@dataclass(frozen=True)
class RankingTable(DrawnAs):
    """Rows in their order.

    Args:
        label: what the table is called for a screen reader.
        heads: of all columns; the first is that of the rows' names.
        rows: from the best.
        color: of the tint, as red, green and blue.
        stacked: whether the small text stands under the figure; rows are then set closer.
        names: of the rows of the numbers below, where they are not the numbers' own.
        columns: those of the numbers below; all if not given.
    """

    label: str
    heads: Sequence[RankingHead]
    rows: Sequence[RankingRow]
    color: str = ORANGE
    stacked: bool = False
    names: Sequence[str] = ()
    columns: Sequence[str] = ()

    def html(self, sticky: str = "") -> str:
        """The table; names and texts are escaped.

        Args:
            sticky: the style of a first column that stays in sight.
        """
        heads = "".join(
            head(heading, self.pad, "" if at else sticky) for at, heading in enumerate(self.heads)
        )
        body = "".join(self.line(row, sticky) for row in self.rows)
        return (
            f'<div style="overflow-x:auto" tabindex="0" role="region" '
            f'aria-label="{escape(self.label)}"><table style="border-collapse:separate;'
            f'border-spacing:2px;width:100%;font-size:.9rem"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    @property
    def pad(self) -> str:
        """The room around a cell's text."""
        return LOW if self.stacked else PAD

    def line(self, row: RankingRow, sticky: str) -> str:
        edge = f";border-{row.edge}:{EDGE}" if row.edge else ""
        cells = "".join(self.cell(cell, edge) for cell in row.cells)
        return (
            f'<tr><th scope="row" style="{self.pad};font-weight:400{edge};{sticky}">'
            f"{escape(row.name)}</th>{cells}</tr>"
        )

    def cell(self, cell: RankingCell, edge: str) -> str:
        style = f"{self.pad};white-space:nowrap{edge}"
        if cell.bold:
            style += ";font-weight:600"
        if cell.ignored:
            style += f";{GRAY_CELL}"
        elif cell.tint > 0:
            style += f";background:rgba({self.color},{cell.tint:.2f})"
        about = f' title="{escape(cell.about)}"' if cell.about else ""
        small = f"<small>{escape(cell.small)}</small>" if cell.small else ""
        between = ("<br>" if self.stacked else " ") if small else ""
        return f'<td style="{style}"{about}>{escape(cell.text)}{between}{small}</td>'


def head(ranking_head: RankingHead, pad: str, sticky: str) -> str:
    below = (
        f'<br><span style="font-weight:400">{escape(ranking_head.below)}</span>'
        if ranking_head.below
        else ""
    )
    about = f' title="{escape(ranking_head.about)}"' if ranking_head.about else ""
    style = f"{pad};vertical-align:bottom;font-weight:600{f';{sticky}' if sticky else ''}"
    return f'<th scope="col" style="{style}"{about}>{escape(ranking_head.name)}{below}</th>'


def tint(share: float, full: float, power: float = 1.0) -> float:
    """How much color a share from 0 to 1 has, none where it is not known."""
    return full * min(abs(share), 1.0) ** power if np.isfinite(share) else 0.0
