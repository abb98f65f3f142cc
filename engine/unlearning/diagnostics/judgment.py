"""All figures of the three models side by side, and where they lie in the space of weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.method import Progress, quiet
from engine.models.classifier import Classifier
from engine.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import Diagnostic, three
from engine.unlearning.protocol.metrics import (
    GAP,
    attack_rate,
    attacks,
    figures,
    gap,
    judged,
    nearness,
    zero_forgetting,
)
from engine.unlearning.ways.network import named, untrained

NATS = {"KL forget", "KL test"}


@dataclass(frozen=True)
class Judged(Diagnostic):
    """Every figure of the original, of what the unlearner made of it, and of the retrained model.

    Forgetting is good where the second line is like the third; no figure is good by being large.
    Distances between weights say how far a model moved, not how well: networks that answer alike
    can lie far apart.
    """

    name = "Judged"
    title = "All figures"
    revision = 2
    proof = (
        "tests/engine/unlearning/test_diagnostics.py"
        "::test_all_figures_are_those_of_the_three_models"
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: figures, a row for each model; plane, places of the three models' weights.

        Figures are shares, but KL in nats and distances in the weights' unit. In the plane the
        original is at 0 and the retrained model on the x axis.
        """
        models = three(case, progress)
        said = {name: judged(model, case.case) for name, model in models.items()}
        chance = judged(untrained(case.model, case.case.seed + 1), case.case)
        wanted = figures(said["retrained"])
        rows: list[dict[str, float]] = []
        for name, model in models.items():
            own = figures(said[name])
            rows.append(
                {
                    **own,
                    "gap": gap(own, wanted),
                    **attacks(said[name]),
                    **nearness(said[name], said["retrained"]),
                    "ZRF": zero_forgetting(said[name].forget, chance.forget),
                    "attack rate": attack_rate(model, case.case),
                    "from original": distance(model, models["original"]),
                    "from retrained": distance(model, models["retrained"]),
                }
            )
        first = [*GAP, "gap"]
        order = [*first, *(name for name in rows[0] if name not in first)]
        columns = {name: ([row[name] for row in rows], unit_of(name)) for name in order}
        progress(1.0, "judged")
        return {"figures": Table.of(columns, tuple(models)), "plane": plane(models)}


def unit_of(name: str) -> str:
    """Of a figure."""
    return "nat" if name in NATS else "" if name.startswith("from ") else "share"


def row(model: Classifier) -> torch.Tensor:
    """All weights in one row, double."""
    return torch.cat([one.detach().flatten().double() for one in named(model).values()]).cpu()


def distance(one: Classifier, two: Classifier) -> float:
    """‖θ − θ'‖₂ over all weights."""
    return float((row(one) - row(two)).norm())


def plane(models: dict[str, Classifier]) -> Table:
    """Places in the plane through the original and the retrained, towards the unlearned."""
    start = row(models["original"])
    moved = {name: row(model) - start for name, model in models.items()}
    along = moved["retrained"] / moved["retrained"].norm().clamp(min=1e-30)
    x = {name: float(one @ along) for name, one in moved.items()}
    y = {name: float((one - x[name] * along).norm()) for name, one in moved.items()}
    return Table.of({"x": (list(x.values()), ""), "y": (list(y.values()), "")}, tuple(models))
