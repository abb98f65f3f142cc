"""Two charts of the study: cost against faithfulness, and how little the label matters."""

from __future__ import annotations

import numpy as np

from components.charts.tables import signed
from components.draw.bars import Bars
from components.draw.drawing import Drawing, Views
from components.draw.lines import Scatter
from components.study.ranking import named, number
from engine.attribution.study.measure import RANDOM
from engine.result import Table

SCORE, COSINE = "AUC-MoRF", "cross-label cosine"
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
DECADES = -0.15, 3.1  # of the axis of costs
NEAR = 0.05  # of the lowest score left, within which a cheaper method is nearly as faithful
INSENSITIVE = 0.9  # a cosine from which maps of two labels are nearly the same


def methods(table: Table, column: str) -> Table:
    """The rows of methods that have a figure in a column, in its order."""
    known = [
        place
        for place, row in enumerate(table.rows)
        if row != RANDOM and table["maps"][place] > 0 and np.isfinite(table[column][place])
    ]
    return table.take(sorted(known, key=lambda place: float(table[column][place])))


def cost_chart(found: Views) -> Scatter:
    """Score left against images through the network."""
    table: Table = found["table"]
    chance = table.cell(RANDOM, SCORE)
    return Scatter(
        x="passes", y=SCORE, log=True, shown=True, x_span=DECADES, ticks=TICKS,
        x_title="images through the network for one map",
        title="score left (AUC-MoRF, %), low is good",
        line=100 * chance if np.isfinite(chance) else None, line_name="random order",
        names=tuple(named(row) for row in methods(table, SCORE).rows), height=420,
    )  # fmt: skip


def cost_finding(found: Views) -> str:
    """The most faithful, and what the cheapest near it costs."""
    table = methods(found["table"], SCORE)
    scores, passes = table[SCORE], table["passes"]
    near = np.flatnonzero(scores <= scores[0] + NEAR)
    cheap = int(near[np.argmin(passes[near])])
    finding = (
        f"{named(table.rows[0])} lets the score fall fastest ({signed(scores[0])}) at "
        f"{images(passes[0])} per map"
    )
    if cheap:
        finding += (
            f"; {named(table.rows[cheap])} comes close ({signed(scores[cheap])}) at "
            f"{images(passes[cheap])}"
        )
    return f"{finding}. A random order leaves {signed(found['table'].cell(RANDOM, SCORE))}."


def images(count: float) -> str:
    """So many images."""
    return "1 image" if round(count) == 1 else f"{count:.0f} images"


def likeness_chart(found: Views) -> Bars:
    """The cosine of maps for different labels, a bar for each method."""
    table = methods(found["table"], COSINE)
    return Bars(
        value=COSINE, title="cosine between the maps<br>of two labels", span=(-1.05, 1.15),
        texts=tuple(number(value, COSINE) for value in table[COSINE]), line=INSENSITIVE,
        names=tuple(named(row) for row in table.rows),
    )  # fmt: skip


def likeness_finding(found: Views) -> str:
    """Which methods draw the same map whatever is asked."""
    table = methods(found["table"], COSINE)
    same = [named(row) for row in table.rows if table.cell(row, COSINE) >= INSENSITIVE]
    most = table.rows[-1]
    finding = (
        f"{' and '.join(same)}: nearly the same map for every label."
        if same
        else f"No method draws the same map for every label; {named(most)} comes closest "
        f"({signed(table.cell(most, COSINE))})."
    )
    return finding + " Maps without negative values are always somewhat alike."


DRAWINGS = (
    Drawing(
        "table", "What a faithful map costs", cost_chart, cost_finding,
        part=lambda table: methods(table, SCORE),
    ),
    Drawing(
        "table", "Does the map change with the label?", likeness_chart, likeness_finding,
        part=lambda table: methods(table, COSINE),
    ),
)  # fmt: skip
