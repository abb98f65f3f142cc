"""Two charts of the study: cost against faithfulness, and how little the label matters."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from components.charts import plots
from components.charts.style import COLORS, GRAY, laid, theme
from components.charts.tables import as_table, signed
from components.study.form import KEY
from components.study.ranking import named, number
from engine.attribution.study.measure import RANDOM
from engine.result import Columns, Table

HEIGHT = 420  # px
INNER = 260, 310  # px of the plot in a narrow window
DECADES = -0.15, 3.1  # of the axis of costs
DOT, LETTER, LINE = 7, 6.2, 15  # px: half a point, a letter's width, a line's height
INSENSITIVE = 0.9  # a cosine from which maps of two labels are nearly one


def methods(table: Columns) -> list[str]:
    """The rows that are methods with figures."""
    return [row for row in table.rows if row != RANDOM and table.cell(row, "maps") > 0]


def cost(table: Columns) -> None:
    """Score left against images through the network."""
    rows = [row for row in methods(table) if np.isfinite(table.cell(row, "AUC-MoRF"))]
    if not rows:
        return
    numbers = as_table(table, ("passes", "seconds", "AUC-MoRF"), [named(r) for r in table.rows])
    plots.with_table(cost_figure(table, rows), cost_words(table, rows), {"cost": numbers},
                      f"{KEY}.cost")  # fmt: skip


def cost_figure(table: Columns, rows: list[str]) -> go.Figure:
    """A point for each method, with its name at a line beside it."""
    x = np.array([max(table.cell(row, "passes"), 1) for row in rows])
    y = np.array([table.cell(row, "AUC-MoRF") for row in rows])
    chance = table.cell(RANDOM, "AUC-MoRF")
    known = [*y, 0.0, *([chance] if np.isfinite(chance) else [])]
    room = 0.08 * (max(known) - min(known))
    low, high = min(known) - room, max(known) + room
    figure = go.Figure()
    figure.add_scatter(
        x=x, y=y, mode="markers", marker={"size": 12, "color": COLORS[theme()][0]},
        hovertext=[f"{named(r)}: {images(a)}, {b:.2f}" for r, a, b in zip(rows, x, y,
                   strict=True)], hoverinfo="text", showlegend=False,
    )  # fmt: skip
    if np.isfinite(chance):
        figure.add_hline(
            y=chance, line={"color": GRAY, "dash": "dash"}, annotation_text="random order",
            annotation_position="top right",
        )  # fmt: skip
    across = (np.log10(x) - DECADES[0]) / (DECADES[1] - DECADES[0])
    points = np.stack([across * INNER[0], (high - y) / (high - low) * INNER[1]], axis=1)
    for row, ten, value, (right, down) in zip(
        rows, np.log10(x), y, beside(points, [named(row) for row in rows]), strict=True
    ):
        figure.add_annotation(
            x=ten, y=value, ax=right, ay=down, text=named(row), arrowhead=0, arrowwidth=1,
            arrowcolor=GRAY, standoff=6, xanchor="center", yanchor="middle",
        )  # fmt: skip
    figure.update_xaxes(
        type="log", title="images through the network for one map", range=DECADES,
        tickvals=[1, 2, 5, 10, 20, 50, 100, 200, 500],
    )  # fmt: skip
    figure.update_yaxes(title="score left (AUC-MoRF), low is good", range=[low, high])
    return laid(figure, HEIGHT)


def beside(points: np.ndarray, names: list[str]) -> list[tuple[float, float]]:
    """Where a name's middle goes, from its point, so that neither names nor points are covered.

    Args:
        points: px from the left and the top, (n, 2), of a narrow plot; a wide one has more room.
        names: of the points.
    """
    taken = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in points]
    found: list[tuple[float, float]] = []
    for (x, y), name in zip(points, names, strict=True):
        half = LETTER * len(name) / 2
        spots = [
            (right, down)
            for down in (0, *(sign * LINE * k for k in range(1, 6) for sign in (-1, 1)))
            for right in (half + 2 * DOT, -half - 2 * DOT, 0)
            if right or down
        ]
        boxes = [
            (x + right - half, y + down - LINE / 2, x + right + half, y + down + LINE / 2)
            for right, down in spots
        ]
        covered = [
            sum(overlap(box, other) for other in taken)
            + outside(box)
            + crossed((x, y), spot, taken)
            for box, spot in zip(boxes, spots, strict=True)
        ]
        best = int(np.argmin(np.round(covered, 3)))  # the first of those that cover least
        found.append(spots[best])
        taken.append(boxes[best])
    return found


Box = tuple[float, float, float, float]  # left, top, right, bottom


def overlap(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0) * max(down, 0)


def crossed(point: tuple[float, float], spot: tuple[float, float], taken: list[Box]) -> float:
    """How much of the line from a point to its name lies on others, in px of its length × LINE."""
    steps = np.linspace(0, 1, 21)[:, None]
    places = np.asarray(point) + steps * np.asarray(spot)
    within = [
        (places >= box[:2]).all(1) & (places <= box[2:]).all(1)
        for box in taken
        if not (box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])
    ]
    return LINE * float(np.hypot(*spot)) * float(np.any(within, axis=0).mean()) if within else 0.0


def outside(box: Box) -> float:
    """The area of a box that lies outside the plot."""
    whole = (box[2] - box[0]) * (box[3] - box[1])
    return whole - overlap(box, (0, 0, *INNER))


def cost_words(table: Columns, rows: list[str]) -> str:
    """The most faithful, and what the cheapest near it costs."""
    first = min(rows, key=lambda row: table.cell(row, "AUC-MoRF"))
    least, own = table.cell(first, "AUC-MoRF"), table.cell(first, "passes")
    near = [row for row in rows if table.cell(row, "AUC-MoRF") <= least + 0.05]
    cheap = min(near, key=lambda row: table.cell(row, "passes"))
    told = f"{named(first)} lets the score fall soonest ({signed(least)}) at {images(own)} a map"
    if cheap != first:
        value, passes = table.cell(cheap, "AUC-MoRF"), table.cell(cheap, "passes")
        told += f"; {named(cheap)} comes near it ({signed(value)}) at {images(passes)}"
    return f"{told}. A random order leaves {signed(table.cell(RANDOM, 'AUC-MoRF'))}."


def images(count: float) -> str:
    """So many images."""
    return "1 image" if round(count) == 1 else f"{count:.0f} images"


def likeness(table: Columns) -> None:
    """The cosine of maps for different labels, a bar for each method."""
    rows = [row for row in methods(table) if np.isfinite(table.cell(row, "cross-label cosine"))]
    if not rows:
        return
    rows.sort(key=lambda row: table.cell(row, "cross-label cosine"))
    values = [table.cell(row, "cross-label cosine") for row in rows]
    color = COLORS[theme()]
    figure = go.Figure(
        go.Bar(
            y=[named(row) for row in rows], x=values, orientation="h",
            text=[number(value, "cross-label cosine") for value in values],
            textposition="outside",
            marker={"color": [color[value >= INSENSITIVE] for value in values]},
        )
    )  # fmt: skip
    figure.update_xaxes(title="cosine between the maps<br>of two labels", range=[-1.05, 1.15])
    held = np.array(values, np.float32)[:, None]
    twin = Table(held, tuple(named(row) for row in rows), ("cosine",), ("cosine",))
    plots.with_table(
        laid(figure, 60 + 34 * len(rows)), likeness_words(table, rows), {"cosine": twin},
        f"{KEY}.likeness",
    )  # fmt: skip


def likeness_words(table: Columns, rows: list[str]) -> str:
    """Which methods paint the same whatever is asked."""
    same = [row for row in rows if table.cell(row, "cross-label cosine") >= INSENSITIVE]
    most = rows[-1]
    value = table.cell(most, "cross-label cosine")
    told = (
        f"{' and '.join(named(row) for row in same)}: nearly the same map whatever is asked."
        if same
        else f"No method paints the same for every label; {named(most)} comes nearest to it "
        f"({signed(value)})."
    )
    return told + " Maps without negative values are always somewhat alike."
