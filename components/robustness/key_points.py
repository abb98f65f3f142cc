"""Key points of a search as circles over the image that was searched."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from components.draw.picture_points import PicturePoints
from engine.core.charts.drawing import Drawing, Views
from engine.core.pictures import Pixels
from engine.core.result import Table

SMALLEST, LARGEST = 5, 26  # px of a circle's width


@dataclass(frozen=True, kw_only=True)
class KeyPointCircles(PicturePoints):
    """An open circle for each row, as wide as the column `response` is large.

    Args:
        response: the column of the widths.
    """

    response: str

    def figure(self, table: Table) -> go.Figure:
        figure = super().figure(table)
        share = np.sqrt(table[self.response] / max(table[self.response].max(), 1e-12))
        marks = figure.data[0].marker
        marks.symbol = "circle-open"
        marks.size = SMALLEST + (LARGEST - SMALLEST) * share
        marks.line.width = 2.5
        return figure


def searched_image(result: Views) -> Pixels:
    pixels: Pixels = result["pictures"].images[0, 0]
    return pixels


def relative_points(result: Views) -> Table:
    points: Table = result["points"]
    height, width = searched_image(result).shape[:2]
    columns = {
        "left": ((points["column"] + 0.5) / width, "share"),
        "top": ((points["row"] + 0.5) / height, "share"),
        **{
            name: (points[name], unit)
            for name, unit in zip(points.order, points.units, strict=True)
        },
    }
    return Table.of(columns, rows=points.rows)


def reading_hint(result: Views) -> str:
    points: Table = result["points"]
    first = int(points["weight after"].argmax())
    if len(points) > 1 and not np.ptp(points["weight before"]):
        sentence = (
            f"Nothing stands out in this image, so {len(points)} places of a grid were taken."
        )
    else:
        sentence = f"{len(points)} SIFT key points: the larger, the more the place stands out."
    before, after = (100 * points[name][first] for name in ("weight before", "weight after"))
    counted = f"at most {after:.0f} % ({before:.0f} % before)"
    return f"{sentence} Color: how much it counted in the end, {counted}."


KEY_POINTS = Drawing(
    "points",
    "Key points: where it looked",
    lambda result: KeyPointCircles(
        picture=searched_image(result), value="weight after", response="weight before", chosen=-1
    ),
    reading_hint,
    made=relative_points,
)
CONTROL = Drawing(
    "game",
    "Beside it: the same game with pixels drawn anywhere",
    wide=True,
    finding=lambda result: (
        f"At most {result['game']['queries'].max():.0f} queries each; one game "
        "of each, so another seed may reverse this."
    ),
)
