"""Where SMOTE draws, and what can be chosen with fewer others: charts and their sentences."""

from __future__ import annotations

import numpy as np

from engine.core.charts.drawing import Drawing
from engine.core.charts.groups import PointGroups
from engine.core.charts.lines import Lines
from engine.core.result import Table

SEGMENTS, DRAWN, REAL = "between nearest images", "drawn by SMOTE", "real"  # of the projection


def projection_points(table: Table) -> PointGroups:
    """Segments as thin lines, the others as points."""
    names = dict.fromkeys(table.rows)
    return PointGroups(
        x=table.order[0],
        y=table.order[1],
        height=460,
        looks={name: "thin" if name == SEGMENTS else "dots" for name in names},
    )


def hulls(table: Table) -> str:
    """How many rare images can be found at a tenth of false alarms, by hull."""
    at = int(abs(table["false alarms"] - 0.1).argmin())
    results = [f"{name} {100 * table[name][at]:.0f} %" for name in table.order[1:]]
    return (
        "Hulls of ROC curves with all to a twentieth of the other images, with the first seed. "
        f"Found at 10 % false alarms: {', '.join(results)}."
    )


def smote_sentence(table: Table) -> str:
    """How many images there are in the plane, and how far SMOTE's spread in it."""
    *drawn, real = (name for name in dict.fromkeys(table.rows) if name != SEGMENTS)
    groups = [np.array(table.rows) == name for name in (real, *drawn)]
    spreads = [sum(float(table[column][rows].var()) for column in table.order) for rows in groups]
    words = f"{groups[0].sum()} real images, with the first seed"
    if drawn:
        words += (
            f", and {groups[1].sum()} of SMOTE's, with {100 * spreads[1] / spreads[0]:.0f} % of "
            "their spread in this plane"
        )
    words += ". The plane is that in which the real ones differ most; "
    if SEGMENTS in table.rows:
        return f"{words}a line leads from each to each of its nearest."
    return f"{words}each pixel is drawn on its own, so that no lines lead to where images may lie."


DRAWINGS = (
    Drawing(
        "projection",
        "Where SMOTE draws",
        chart=lambda result: projection_points(result["projection"]),
        finding=lambda result: smote_sentence(result["projection"]),
    ),
    Drawing(
        "hulls",
        "What can be chosen with fewer of the others",
        chart=lambda result: Lines(
            x="false alarms",
            series={column: column for column in result["hulls"].order[1:]},
            span=(-3, 103),
            title="rare images found (%)",
            x_title="false alarms (%)",
        ),
        finding=lambda result: hulls(result["hulls"]),
    ),
)
