"""All figures of the three models side by side, and where they lie in the space of weights."""

from dataclasses import dataclass

import numpy as np
import torch

from engine.core.method import Progress, part_of, quiet
from engine.core.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import MODELS_READY, Diagnostic, blank, compared_models
from engine.unlearning.protocol.metrics import (
    GAP,
    ModelAnswers,
    attack_rate,
    attacks,
    evaluate_model,
    figures,
    gap,
    nearness,
    zero_forgetting,
)
from engine.unlearning.ways.network import named_weights
from engine.vision.models.classifier import Classifier

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
        models = compared_models(case, progress)
        answers: dict[str, ModelAnswers] = {}
        for number, (name, model) in enumerate(models.items()):
            low, high = (
                MODELS_READY + (0.9 - MODELS_READY) * (number + offset) / len(models)
                for offset in (0, 1)
            )
            answers[name] = evaluate_model(
                model, case.case, part_of(progress, low, high, lead=name)
            )
            progress(high, f"asked the {name} model")
        blank_model, goal = blank(case), answers.get("retrained")
        goal_figures = None if goal is None else figures(goal)
        blank_answers = None if blank_model is None else evaluate_model(blank_model, case.case)
        rows: list[dict[str, float]] = []
        for name, model in models.items():
            model_figures = figures(answers[name])
            rows.append(
                {
                    **model_figures,
                    "gap": np.nan if goal_figures is None else gap(model_figures, goal_figures),
                    **attacks(answers[name]),
                    **distances(answers[name], goal),
                    "ZRF": np.nan
                    if blank_answers is None
                    else zero_forgetting(answers[name].forget, blank_answers.forget),
                    "attack rate": attack_rate(model, case.case),
                    "from original": distance(model, models["original"]),
                    "from retrained": distance(model, models["retrained"]) if goal else np.nan,
                }
            )
        leading_columns = [*GAP, "gap"]
        order = [*leading_columns, *(name for name in rows[0] if name not in leading_columns)]
        columns = {name: ([row[name] for row in rows], unit_of(name)) for name in order}
        progress(1.0, "judged")
        return {"figures": Table.of(columns, tuple(models)), "plane": plane(models)}


def distances(answers: ModelAnswers, goal: ModelAnswers | None) -> dict[str, float]:
    """How far its answers are from the retrained model's; NaN where there is none."""
    result = nearness(answers, answers if goal is None else goal)
    return result if goal else dict.fromkeys(result, np.nan)


def unit_of(name: str) -> str:
    """Of a figure."""
    return "nat" if name in NATS else "" if name.startswith("from ") else "share"


def flat_weights(model: Classifier) -> torch.Tensor:
    """All weights in one row, double; NaN for a network that only answers and has none."""
    weights = [weight.detach().flatten().cpu().double() for weight in named_weights(model).values()]
    return torch.cat(weights or [torch.full((1,), torch.nan)])


def distance(first: Classifier, second: Classifier) -> float:
    """‖θ − θ'‖₂ over all weights."""
    return float((flat_weights(first) - flat_weights(second)).norm())


def plane(models: dict[str, Classifier]) -> Table:
    """Places in the plane through the original and the retrained, towards the unlearned.

    Without a retrained model the unlearned one is on the x axis.
    """
    start = flat_weights(models["original"])
    shifts = {name: flat_weights(model) - start for name, model in models.items()}
    last_shift = shifts[list(models)[-1]]
    # what is left beside this axis has a length but no side: y is never below 0
    direction = last_shift / last_shift.norm().clamp(min=1e-30)
    x = {name: float(shift @ direction) for name, shift in shifts.items()}
    y = {name: float((shift - x[name] * direction).norm()) for name, shift in shifts.items()}
    return Table.of({"x": (list(x.values()), ""), "y": (list(y.values()), "")}, tuple(models))
