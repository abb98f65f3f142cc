"""Right answers over confidence: whether models are as sure as they are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.core.charts.chart import HEIGHT, Chart, series_style
from engine.core.charts.style import GRAY, laid
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

BIN = ("confidence", "right", "images")  # columns of a model's bins


@dataclass(frozen=True, kw_only=True)
class Reliability(Chart):
    """A line for each model, its points the larger the more images are there; see `models_in_bins`.

    Args:
        models: the names of models in the table, with their names in the legend.
    """

    models: Mapping[str, str]

    def figure(self, table: Table) -> go.Figure:
        """The lines; on the dotted one a model is as sure as it is right."""
        import plotly.graph_objects as go

        figure = go.Figure()
        even = {"color": GRAY, "dash": "dot", "width": 2}
        figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line=even, name="as sure as right")
        for at, (model, name) in enumerate(self.models.items()):
            confidence, right, images = (np.asarray(table[f"{model} {field}"]) for field in BIN)
            filled, look = images > 0, series_style(at)
            counts = images[filled]
            figure.add_scatter(
                x=100 * confidence[filled],
                y=100 * right[filled],
                name=name,
                mode="lines+markers",
                line={"color": look["color"], "width": 2},
                marker=look | {"size": 7 + 15 * np.sqrt(counts / counts.max())},
                hovertext=[f"{count:.0f} images" for count in counts],
            )
        figure.update_xaxes(title="confidence (%)", range=[-2, 102])
        figure.update_yaxes(title="right (%)", range=[-2, 102])
        return laid(figure, self.height or HEIGHT)


def models_in_bins(models: Mapping[str, Table]) -> Table:
    """The bins of several models as one table, by the model's name in each column's."""
    first = next(iter(models.values()))
    units = {"confidence": "probability", "right": "share", "images": ""}
    columns = {
        f"{model} {field}": (table[field], units[field])
        for model, table in models.items()
        for field in BIN
    }
    return Table.of(columns, first.rows)
