"""Two charts of the study: cost against faithfulness, and how little the label matters."""

import numpy as np

from engine.attribution.study import NAMED
from engine.attribution.study.findings import (
    INSENSITIVE,
    cost_sentence,
    likeness,
    row_label,
    with_figure,
)
from engine.attribution.study.measure import RANDOM
from engine.attribution.study.ranking import COSINE, SCORE
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Scatter

TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
DECADES = -0.15, 3.1  # of the axis of costs


def cost_chart(result: Views) -> Scatter:
    table = result["table"]
    chance = table.cell(RANDOM, SCORE)
    return Scatter(
        x="passes",
        y=SCORE,
        log=True,
        shown=True,
        x_span=DECADES,
        ticks=TICKS,
        x_title="images through the network for one map",
        title="score left (AUC-MoRF, %), low is good",
        line=100 * chance if np.isfinite(chance) else None,
        line_name="random order",
        names=tuple(map(row_label, with_figure(table, SCORE).rows)),
        height=420,
    )


def likeness_chart(result: Views) -> Bars:
    table = with_figure(result["table"], COSINE)
    return Bars(
        value=COSINE,
        title="cosine between the maps<br>of two labels",
        span=(-1.05, 1.15),
        texts=tuple(map(NAMED[COSINE].text, table[COSINE])),
        line=INSENSITIVE,
        names=tuple(map(row_label, table.rows)),
    )


DRAWINGS = (
    Drawing(
        "table",
        "What a faithful map costs",
        cost_chart,
        lambda result: cost_sentence(result["table"]),
        part=lambda table: with_figure(table, SCORE),
    ),
    Drawing(
        "table",
        "Does the map change with the label?",
        likeness_chart,
        lambda result: likeness(result["table"]),
        part=lambda table: with_figure(table, COSINE),
    ),
)
