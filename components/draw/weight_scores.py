"""How much a network's weights count: the spread of the scores in each layer."""

import numpy as np

from components.draw import tables
from engine.core.charts.bars import Dots
from engine.core.result import Table, WeightScores

SHARES = {"lowest tenth": 0.1, "median": 0.5, "highest tenth": 0.9}


def draw_weight_scores(view: WeightScores, key: str, finding: str = "") -> None:
    table = spread_of(view)
    chart = Dots(
        series={"median": "median"},
        intervals={"median": ("lowest tenth", "highest tenth")},
        title=f"size of the scores ({view.unit})" if view.unit else "size of the scores",
    )
    tables.draw_chart(chart, table, finding or highest(table), key)


def spread_of(view: WeightScores) -> Table:
    sizes = [np.abs(scores).ravel() for scores in view.values.values()]
    quantiles = np.array([np.quantile(size, list(SHARES.values())) for size in sizes]).T
    columns = {name: (values, view.unit) for name, values in zip(SHARES, quantiles, strict=True)}
    columns["weights"] = (np.array([size.size for size in sizes]), "")
    return Table.of(columns, tuple(view.values))


def highest(table: Table) -> str:
    at = int(np.argmax(table["median"]))
    return (
        f"The weights of {table.rows[at]} have the largest scores (median "
        f"{table['median'][at]:.3g}). A line runs from the lowest to the highest tenth."
    )
