"""The plane of level sets: the walk and the straight line over the probability around them."""

import numpy as np

from components.draw.fields import FieldChart
from engine.core.charts.curves import PROBABILITY
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Points, Table

ACROSS = "way from source to target"
NAMES = {"line": "straight line", "walk": "walk"}


def sentence(result: Views) -> str:
    walk, line = (float(np.nanmin(result[name].values)) for name in ("walk", "line"))
    return (
        f"Along the walk the probability is nowhere below {walk:.2f}; along the straight line to "
        f"the target it falls to {line:.2f}."
    )


def ground(result: Views) -> str:
    bend = 100 * float(np.abs(result["walk"].places[:, 1]).max())
    return (
        f"Source at 0, target at 1. In this plane the walk (white) and the straight line (gray) "
        f"part by at most {bend:.2g} % of the way; the upright axis is stretched. The ground is "
        "the plane; the walk's images lie a little beside it, so that a bright point may stand on "
        "dark ground."
    )


def ways(result: Views) -> dict[str, Points]:
    return {words: result[name] for name, words in NAMES.items()}


def profile(result: Views) -> Table:
    along = {name: (points.places[:, 0], points.values) for name, points in ways(result).items()}
    across = np.unique(np.concatenate([x for x, _ in along.values()]))
    columns = {ACROSS: (across, "")}
    for name, (x, values) in along.items():
        order = np.argsort(x)
        columns[name] = (np.interp(across, x[order], values[order]), "probability")
    return Table.of(columns)


GROUND = Drawing("field", "", lambda result: FieldChart(level=0.5, ways=ways(result)), ground)
PROFILE = Drawing(
    "walk",
    "Along the way",
    Lines(
        x=ACROSS,
        series={name: name for name in NAMES.values()},
        title="probability",
        span=PROBABILITY,
    ),
    sentence,
    made=profile,
)
