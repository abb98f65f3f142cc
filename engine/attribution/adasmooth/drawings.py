"""Mixtures between accuracy and robustness, and certificates: charts and their sentences."""

import numpy as np

from engine.attribution.adasmooth.claims import (
    ADAPTIVE,
    ATTACKED,
    CLEAN,
    NORMAL,
    ROBUST,
    alpha_condition,
)
from engine.attribution.adasmooth.smoothed import RISK, SIGMA
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.groups import PointGroups
from engine.core.charts.lines import Lines
from engine.core.result import Table

MIXED, PICKED = "mixtures, α from 0 to 1", "one of both networks, picked by chance"
NONLINEAR = "nonlinear mixing (α by image)"
ENDS = {NORMAL: "normal network", ROBUST: "robust network"}


def in_plane(table: Table) -> Table:
    """Fixed mixtures as a path, what picking by chance gives, both ends, the adaptive mixture."""
    path = [row for row in table.rows if row != ADAPTIVE]
    ends = [row for row in ENDS if row in path]
    line = ends if len(ends) == len(ENDS) else []  # not while only one of them is measured
    last = [row for row in table.rows if row == ADAPTIVE]
    names = [MIXED] * len(path) + [PICKED] * len(line) + [ENDS[end] for end in ends]
    names += [NONLINEAR] * len(last)
    taken = table.take([table.rows.index(row) for row in (*path, *line, *ends, *last)])
    return Table.of({name: (taken[name], "share") for name in (CLEAN, ATTACKED)}, names)


def chance_mix(table: Table, alpha: float, measure: str) -> float:
    """What comes out when the robust network answers by chance, with a probability of α."""
    normal, robust = (table.cell(row, measure) for row in ENDS)
    return (1 - alpha) * normal + alpha * robust


def plane_words(result: Views) -> str:
    """Both ends and a mixture above one half, beside picking by chance with the same α."""
    table: Table = result["plane"]
    parts = []
    for alpha in (0.0, 0.6, 1.0):
        if (row := alpha_condition(alpha)) not in table.rows:
            continue
        chance = 100 * chance_mix(table, alpha, ATTACKED) if ROBUST in table.rows else np.nan
        by_chance = f" (by chance {chance:.0f} %)" if 0 < alpha < 1 and np.isfinite(chance) else ""
        parts.append(f"{alpha:g}: {100 * table.cell(row, ATTACKED):.0f} %{by_chance}")
    sentence = f"Right under attack (first seed) at α = {', '.join(parts)}"
    if ADAPTIVE in table.rows:
        sentence += f"; nonlinear: {100 * table.cell(ADAPTIVE, ATTACKED):.0f} %"
    return f"{sentence}."


def certified_words(result: Views) -> str:
    """How many images are certified at all, by α."""
    table: Table = result["certified"]
    parts = ", ".join(f"{name} {100 * table[name][0]:.0f} %" for name in table.order[1:])
    return (
        f"Right and certified, with the robust network smoothed by noise of σ = {SIGMA}: {parts}. "
        f"Each bound may err with {100 * RISK:g} %."
    )


PLANE = Drawing(
    "plane",
    "Accuracy and robustness, from one network to the other",
    lambda result: PointGroups(
        x=CLEAN,
        y=ATTACKED,
        x_title="clean images right (%)",
        title="attacked images right (%)",
        looks={
            MIXED: "path",
            PICKED: "thin",
            **dict.fromkeys(ENDS.values(), "large"),
            NONLINEAR: "own",
        },
        span=(-3, 103),
        x_span=(100 * float(result["plane"][CLEAN].min()) - 1, 100.5),
    ),
    plane_words,
    part=in_plane,
)
CERTIFICATES = Drawing(
    "certified",
    "Certificates by radius",
    Lines(
        x="radius",
        x_title="radius (L2, in pixels of 1)",
        title="certified right (%)",
        span=(-2, 102),
    ),
    certified_words,
)
