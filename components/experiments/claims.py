"""The figures behind an experiment's claims."""

from collections.abc import Sequence

import numpy as np

from engine.core.charts.bars import Dots
from engine.core.charts.chart import column_unit
from engine.core.charts.drawing import Drawing
from engine.core.result import Table
from engine.evaluation.experiment import deviation_column


def measures_drawing(measures: Sequence[str], axis: str) -> Drawing:
    return Drawing(
        "table",
        chart=lambda result: Dots(
            series={name: name for name in measures},
            intervals={name: (deviation_column(name),) for name in measures},
            title=axis,
            span=(-4, 104) if column_unit(result["table"], measures[0]) == "%" else None,
        ),
        finding=lambda result: measure_sentence(
            result["table"], first_known(result["table"], measures)
        ),
    )


def first_known(table: Table, measures: Sequence[str]) -> str:
    return next((measure for measure in measures if np.isfinite(table[measure]).any()), measures[0])


def measure_sentence(table: Table, measure: str) -> str:
    cells = ((row, table.cell(row, measure)) for row in table.rows)
    unit = column_unit(table, measure)
    values = [
        f"{row} {100 * value:.0f} %" if unit == "%" else f"{row} {value:.1f} {unit}"
        for row, value in cells
        if np.isfinite(value)
    ]
    if not values:
        return f"{measure[:1].upper()}{measure[1:]} is not known."
    return f"{measure[:1].upper()}{measure[1:]}, by condition: {', '.join(values)}."
