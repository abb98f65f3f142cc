"""Images in a plane, each with the mark of its cluster, and arrows from center to center."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.core.charts.chart import HEIGHT, Chart, Values, series_style, values
from engine.core.charts.style import INK, laid, theme
from engine.core.result import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go

PAD = 0.06  # of each axis, around what is drawn
HEAD = 12  # px of an arrow's head


@dataclass(frozen=True, kw_only=True)
class ClusterMap(Chart):
    """The rows of a table as points; maps of one answer have the same axes.

    Args:
        centers: a row for each cluster; the columns `x` and `y`, and those of the arrows' ends.
        state: which columns of the points are drawn, such as "clean" for "clean x" and "clean y".
        ends: the columns of `centers` where an arrow from each center ends; without them it goes to
            the center of the cluster that `target` names.
        states: all that are drawn in other maps, for one pair of axes.
    """

    centers: Table
    state: str
    ends: tuple[str, str] | None = None
    states: tuple[str, ...] = ()

    def figure(self, table: Table) -> go.Figure:
        """The points, the numbers of the clusters at their centers, and the arrows."""
        import plotly.graph_objects as go

        figure, (x, y) = go.Figure(), self.places(table, self.state)
        for place, name in enumerate(self.centers.rows):
            members = table["cluster"] == place + 1
            figure.add_scatter(
                x=x[members],
                y=y[members],
                name=name,
                mode="markers",
                marker=series_style(place) | {"size": 5, "opacity": 0.6},
            )
        starts = np.stack([values(self.centers, axis) for axis in "xy"], 1)
        ends, gap = self.arrow_ends(starts), np.full_like(starts, np.nan)
        across, up = np.stack([starts, ends, gap], 1).reshape(-1, 2).T
        numbers = [text for place in range(len(starts)) for text in (f"<b>{place + 1}</b>", "", "")]
        ink = INK[theme()]
        figure.add_scatter(
            x=across,
            y=up,
            mode="lines+markers+text",
            text=numbers,
            hoverinfo="skip",
            textposition="top center",
            textfont={"color": ink, "size": 14},
            line={"color": ink, "width": 1.5},
            marker={
                "color": ink,
                "symbol": "arrow",
                "angleref": "previous",
                "size": [0, HEAD, 0] * len(starts),
            },
        )
        positions = [self.places(table, name) for name in (self.states or (self.state,))]
        for axis, update in enumerate((figure.update_xaxes, figure.update_yaxes)):
            coordinates = np.concatenate([starts[:, axis], *(pair[axis] for pair in positions)])
            pad = PAD * max(np.ptp(coordinates), 1e-9)
            update(range=(coordinates.min() - pad, coordinates.max() + pad), showticklabels=False)
        figure.update_xaxes(title="first principal component")
        figure.update_yaxes(title="second principal component")
        figure.update_layout(showlegend=False)
        return laid(figure, self.height or HEIGHT)

    def places(self, table: Table, state: str) -> tuple[Values, Values]:
        """Where the points lie, (n,) each."""
        return values(table, f"{state} x"), values(table, f"{state} y")

    def arrow_ends(self, starts: Values) -> Values:
        """Where the arrows from the centers end, (K, 2)."""
        if self.ends is None:
            result: Values = starts[self.centers["target"].astype(np.int64) - 1]
            return result
        return np.stack([values(self.centers, name) for name in self.ends], 1)
