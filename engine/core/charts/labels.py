"""Where names of points go, so that neither names nor points cover each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.core.charts.style import GRAY

if TYPE_CHECKING:
    import plotly.graph_objects as go

INNER = 260, 310  # px of the plot in a narrow window; a wide one has more room
DOT, LETTER, LINE = 7, 6.2, 15  # px: half a point, a letter's width, a line's height
Box = tuple[float, float, float, float]  # left, top, right, bottom
Spot = tuple[float, float]  # px to the right and down


def annotate(
    figure: go.Figure,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    names: Sequence[str],
    spans: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    """Write a name at a line beside each point.

    Args:
        figure: that shows the points.
        x, y: of the points, (n,); decades where an axis has a scale of decades.
        names: of the points.
        spans: of the two axes.
    """
    (left, right), (low, high) = spans
    across, down = (x - left) / (right - left), (high - y) / (high - low)
    points = np.stack([across * INNER[0], down * INNER[1]], 1)
    for name, at, value, (dx, dy) in zip(names, x, y, label_spots(points, names), strict=True):
        figure.add_annotation(
            x=at,
            y=value,
            ax=dx,
            ay=dy,
            text=name,
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=GRAY,
            standoff=6,
            xanchor="center",
            yanchor="middle",
        )


def label_spots(points: NDArray[np.float64], names: Sequence[str]) -> list[Spot]:
    """Where each name's middle goes, from its point.

    Args:
        points: px from the left and the top of the plot, (n, 2).
        names: of the points.
    """
    taken: list[Box] = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in points]
    chosen: list[Spot] = []
    for (x, y), name in zip(points, names, strict=True):
        half = LETTER * len(name) / 2
        offered = spots(half)
        boxes: list[Box] = [
            (x + right - half, y + down - LINE / 2, x + right + half, y + down + LINE / 2)
            for right, down in offered
        ]
        covered = [
            sum(shared_area(box, other) for other in taken)
            + outside(box)
            + crossed((x, y), spot, taken)
            for box, spot in zip(boxes, offered, strict=True)
        ]
        best = int(np.argmin(np.round(covered, 3)))  # the first of those that cover least
        chosen.append(offered[best])
        taken.append(boxes[best])
    return chosen


def spots(half: float) -> list[Spot]:
    """The spots that are tried for a name of so much half width, the nearest first."""
    heights = (0, *(sign * LINE * k for k in range(1, 6) for sign in (-1, 1)))
    return [
        (right, down)
        for down in heights
        for right in (half + 2 * DOT, -half - 2 * DOT, 0)
        if right or down
    ]


def shared_area(box: Box, other: Box) -> float:
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    return max(across, 0) * max(down, 0)


def crossed(point: Spot, spot: Spot, taken: Sequence[Box]) -> float:
    """How much of the line from a point to its name lies on others, in px of its length × LINE."""
    steps = np.linspace(0, 1, 21)[:, None]
    along = np.asarray(point) + steps * np.asarray(spot)
    within = [
        (along >= box[:2]).all(1) & (along <= box[2:]).all(1)
        for box in taken
        if not (box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])
    ]
    return LINE * float(np.hypot(*spot)) * float(np.any(within, axis=0).mean()) if within else 0.0


def outside(box: Box) -> float:
    """The area of a box that lies outside the plot."""
    whole = (box[2] - box[0]) * (box[3] - box[1])
    return whole - shared_area(box, (0, 0, *INNER))


def free_side(x: float, low: float, high: float) -> str:
    """On which side of a vertical line its text has more room, on an axis from low to high."""
    return "left" if x > (low + high) / 2 else "right"
