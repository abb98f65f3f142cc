"""Where SMOTE draws, and what can be chosen with fewer others: charts and their sentences."""

import numpy as np

from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.groups import PointGroups
from engine.core.charts.lines import Lines
from engine.core.result import Table

SEGMENTS, DRAWN, REAL = "between nearest images", "drawn by SMOTE", "real"  # of the projection
FIRST, SECOND = "first direction", "second direction"


def hull_sentence(result: Views) -> str:
    """How many rare images can be found at a tenth of false alarms, by hull."""
    table: Table = result["hulls"]
    at = int(abs(table["false alarms"] - 0.1).argmin())
    shares = ", ".join(f"{name} {100 * table[name][at]:.0f} %" for name in table.order[1:])
    return (
        "Hulls of ROC curves with all to a twentieth of the other images, with the first seed. "
        f"Found at 10 % false alarms: {shares}."
    )


def plane_sentence(result: Views) -> str:
    """How many images there are in the plane, and how far SMOTE's spread in it."""
    table: Table = result["projection"]
    rows = np.array(table.rows)
    words = f"{(rows == REAL).sum()} real images, with the first seed"
    if DRAWN in table.rows:
        drawn, real = (
            float(table[FIRST][rows == name].var() + table[SECOND][rows == name].var())
            for name in (DRAWN, REAL)
        )
        words += (
            f", and {(rows == DRAWN).sum()} of SMOTE's, with {100 * drawn / real:.0f} % of "
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
        PointGroups(
            x=FIRST, y=SECOND, height=460, looks={SEGMENTS: "thin", DRAWN: "dots", REAL: "dots"}
        ),
        plane_sentence,
    ),
    Drawing(
        "hulls",
        "What can be chosen with fewer of the others",
        Lines(x="false alarms", span=(-3, 103), title="rare images found (%)"),
        hull_sentence,
    ),
)
