"""Who was swayed by fake users, by how well the recommender fits them."""

from __future__ import annotations

import numpy as np

from engine.charts.drawing import Drawing
from engine.charts.groups import PointGroups
from engine.result import Table
from engine.unlearning.experiments.vat import NOT_SWAYED, SWAYED

PART = 4  # users are compared in quarters


def quarters(table: Table) -> str:
    """The share of swayed users among those who are fitted best, and worst."""
    swayed = np.array(table.rows)[np.argsort(table["loss"], kind="stable")] == SWAYED
    size = max(1, len(swayed) // PART)
    best, worst = (100 * part.mean() for part in (swayed[:size], swayed[-size:]))
    return (
        f"A simulation: {len(swayed)} users without defense, first seed. With a target in their "
        f"top 10 (swayed): {best:.0f} % of the quarter that is fitted best, {worst:.0f} % of the "
        "quarter that is fitted worst."
    )


SWAYED_USERS = Drawing(
    "users",
    "Who is swayed, by how well they are fitted",
    chart=PointGroups(
        x="loss",
        y="weight",
        looks={NOT_SWAYED: "dots", SWAYED: "dots"},
        height=440,
        x_title="loss of the user (small: fitted well)",
        title="weight of VAT's noise",
    ),
    finding=lambda result: quarters(result["users"]),
)
