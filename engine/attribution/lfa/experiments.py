"""The three experiments of the LFA paper, on one image.

recovery: on a model that is linear itself, an explainer should return that model's own weights
convergence: an explainer fitted to n samples against its exact form, or against eight times as many
perturbation: how far the score moves when the k features ranked strongest (weakest) are changed

Han, Srinivas and Lakkaraju 2022, https://arxiv.org/abs/2206.01254, section 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.attribution.lfa.findings import recovered
from engine.attribution.lfa.fit import (
    Evaluated,
    Linear,
    another,
    evaluate_neighborhood,
    fit_linear,
    predictions_at,
)
from engine.attribution.lfa.ground import Ground
from engine.attribution.lfa.methods import (
    COUNT,
    COUNT_HELP,
    FEATURES,
    FEATURES_HELP,
    KERNEL,
    KERNEL_HELP,
    LOW,
    LOW_HELP,
    NOISE,
    NOISE_HELP,
    PAPER,
    ROWS,
    SAMPLES,
    SAMPLES_HELP,
    partition_of,
    refuse_blank,
)
from engine.attribution.lfa.neighborhoods import NEIGHBORHOODS, NeighborhoodPoints, Radii, even
from engine.core.method import Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.vision.case import ImageCase

FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the samples, for the convergence
STEPS = 8  # numbers of features that are changed, up to half of them
TWIN = 8  # times as many samples for a twin that has no closed form
FADES = 200  # places between nothing and the image for the exact integrated gradients


@dataclass(frozen=True)
class LFAExperiments(Method[ImageCase]):
    """The paper's experiments: does each explainer find a linear model, itself, and what matters?

    Recovery: the network is replaced by its own tangent at this image, a linear model whose
    weights are known; 0 means that the explainer returns exactly those. Convergence: the distance
    between the explainer at n samples and its exact form where it has one (gradients), else itself
    with eight times as many other samples; it should fall as n grows. Perturbation: how far the
    score moves when the features that an explainer calls strongest, or weakest, are set to nothing
    or given noise. A good explainer moves it far by the strongest and little by the weakest; which
    is best depends on the change.
    """

    family = "attribution"
    name = "LFAExperiments"
    title = "Recovery, convergence, perturbation"
    cost = "wait"
    paper = PAPER
    needs = frozenset({"gradient"})
    revision = 2  # convergence is that of explainers fitted to fewer samples
    proof = (
        "tests/engine/attribution/lfa/test_lfa_experiments.py::"
        "test_strongest_and_weakest_features_are_changed_as_a_plain_loop_changes_them"
    )

    features: str = setting("grid", FEATURES, "Features", FEATURES_HELP)
    count: int = setting(49, COUNT, "How many features", COUNT_HELP)
    samples: int = setting(200, SAMPLES, "Samples", SAMPLES_HELP)
    noise: float = setting(0.1, NOISE, "Noise σ", NOISE_HELP)
    kernel: float = setting(0.5, KERNEL, "Kernel κ", KERNEL_HELP)
    low: float = setting(0.0, LOW, "Fading from α", LOW_HELP)
    draws: int = setting(
        20, Slider(1, 100, 1), "Draws of noise", "How often noise is added to the chosen features."
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Tables with a row for each explainer.

        Raises:
            BlindspotError: the image is all of the color that the model takes for nothing.
        """
        ground = Ground(case, partition_of(case, self.features, self.count))
        refuse_blank(ground)
        reach = Radii(self.noise, self.kernel, self.low, self.samples)
        looks: list[Evaluated] = []
        for number, name in enumerate(ROWS):
            part = part_of(progress, 0.4 * number / len(ROWS), 0.4 * (number + 1) / len(ROWS))
            slopes = not NEIGHBORHOODS[name].squared
            looks.append(
                evaluate_neighborhood(
                    ground, name, reach, case.seed, slopes=slopes, known=looks, progress=part
                )
            )
        models = [fit_linear(evaluated) for evaluated in looks]
        part = part_of(progress, 0.4, 0.7)
        return {
            "recovery": recovery(ground, reach, case.seed),
            "convergence": convergence(ground, reach, looks, part),
            **perturbed(ground, models, self.noise, self.draws, part_of(progress, 0.7, 1.0)),
        }

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Who recovers a linear model."""
        return recovered(result["recovery"])


def tangent(ground: Ground) -> tuple[float, Tensor]:
    """The score and its slopes ∇f, (3, H, W), at the image."""
    scores, slopes = ground.case.gradient(ground.case.image[None])
    return float(scores[0]), slopes[0]


def of_tangent(
    ground: Ground, points: NeighborhoodPoints, name: str, about: tuple[float, Tensor]
) -> Evaluated:
    """What a neighborhood would see if the network were its own tangent; no forward pass."""
    row = NEIGHBORHOODS[name]
    score, slopes = about
    weights = ground.pulled(slopes[None], multiplied=row.multiplied)[0].double()
    # the image itself is at 1 where ξ multiplies, at 0 where it is added
    moved = points.at.double() - 1 if row.multiplied else points.at.double()
    values = score + moved @ weights
    if row.drop:
        values = score - values
    return Evaluated(row, points, values, weights.expand(len(values), -1))


def recovery(ground: Ground, reach: Radii, seed: int) -> Table:
    """|w − w*| ÷ |w*| (sums over features) of each explainer on the network's tangent."""
    about = tangent(ground)
    errors = []
    for name in ROWS:
        row = NEIGHBORHOODS[name]
        points = row.draw(ground, reach, torch.Generator().manual_seed(seed))
        result = fit_linear(of_tangent(ground, points, name, about)).weights
        truth = ground.pulled(about[1][None], multiplied=row.multiplied)[0].double()
        errors.append(distance(result, truth))
    return Table.grid(np.array(errors, np.float32)[:, None], ROWS, ("error",), ("of the weights",))


def distance(weights: Tensor, other: Tensor) -> float:
    """Σ|one − other| ÷ Σ|other|; NaN where the other is nothing."""
    size = float(other.abs().sum())
    return float((weights - other).abs().sum()) / size if size else float("nan")


def convergence(
    ground: Ground, reach: Radii, looks: Sequence[Evaluated], progress: Progress
) -> Table:
    """The distance of each explainer to its twin, fitted to growing numbers of samples."""
    errors = []
    counts = [round(share * reach.samples) for share in FRACTIONS]
    for number, evaluated in enumerate(looks):
        part = part_of(progress, number / len(looks), (number + 1) / len(looks))
        if evaluated.row.drop:  # one fixed set of points, nothing to converge
            errors.append([float("nan")] * len(FRACTIONS))
            continue
        goal = twin(ground, reach, evaluated, part_of(part, 0.0, 0.8))
        sights: list[Evaluated] = []
        for count in counts:
            # drawn anew: the first of many may be a corner, as the beginning of a path is
            sight = evaluate_neighborhood(
                ground,
                evaluated.row.title,
                replace(reach, samples=count),
                ground.case.seed,
                slopes=not evaluated.row.squared,
                known=looks,
                progress=part_of(part, 0.8 + 0.04 * len(sights), 0.84 + 0.04 * len(sights)),
            )
            sights.append(sight)
        errors.append([distance(fit_linear(sight).weights, goal) for sight in sights])
    columns = tuple(f"{count} samples" for count in counts)
    units = ("of the weights",) * len(FRACTIONS)
    return Table.grid(np.array(errors, np.float32), ROWS, columns, units)


def twin(ground: Ground, reach: Radii, evaluated: Evaluated, progress: Progress) -> Tensor:
    """The explainer that a neighborhood stands for, (d,): its formula, or many more samples."""
    row = evaluated.row
    if row.title in {"Gradient", "Gradient × input"}:
        return ground.pulled(tangent(ground)[1][None], multiplied=row.multiplied)[0].double()
    if row.title == "Integrated gradients":  # the midpoint rule on the path from α to 1
        places = (torch.arange(FADES) + 0.5) / FADES
        alpha = (reach.low + (1 - reach.low) * places)[:, None].expand(-1, ground.count)
        path = predictions_at(ground, row, even(alpha.contiguous()), slopes=True, progress=progress)
        return fit_linear(path).weights
    dense_reach = replace(reach, samples=TWIN * reach.samples)
    # other draws than the explainer's own, with which it would share its error
    seed = another(ground.case.seed)
    return fit_linear(
        evaluate_neighborhood(
            ground, row.title, dense_reach, seed, slopes=not row.squared, progress=progress
        )
    ).weights


def perturbed(
    ground: Ground, models: Sequence[Linear], noise: float, draws: int, progress: Progress
) -> dict[str, Table]:
    """Mean |f(x') − f(x)| when the k strongest or weakest features are changed, four tables."""
    half = max(1, ground.count // 2)
    numbers = np.unique(np.linspace(1, half, STEPS).round().astype(int)).tolist()
    start = ground.scores(torch.ones(1, ground.count), multiplied=True)[0]
    # drawn once: all explainers and numbers then differ by the features that are changed alone
    shaken = (
        torch.randn(draws, ground.count, generator=torch.Generator().manual_seed(ground.case.seed))
        * noise
    )
    parts = [(end, kind) for end in ("strongest", "weakest") for kind in ("zeroed", "noised")]
    columns = tuple(f"{number} features" for number in numbers)
    views: dict[str, Table] = {}
    for at, (end, kind) in enumerate(parts):
        part = part_of(progress, at / len(parts), (at + 1) / len(parts))
        changes = torch.cat(
            [
                variant
                for model in models
                for variant in perturb_features(model, end, kind, numbers, shaken)
            ]
        )
        scores = ground.scores(changes, multiplied=kind == "zeroed", progress=part)
        moved = (scores - start).abs().reshape(len(models), len(numbers), -1).mean(2)
        units = (ground.case.target.unit,) * len(numbers)
        views[f"{end} {kind}"] = Table.grid(moved.float().numpy(), ROWS, columns, units)
    return views


def perturb_features(
    model: Linear, end: str, kind: str, numbers: Sequence[int], shaken: Tensor
) -> list[Tensor]:
    """For each number of features, ξ with those changed: (1, d) when zeroed, (draws, d) noised."""
    # by size: a strong feature may speak against the class
    order = model.weights.abs().argsort(descending=end == "strongest", stable=True)
    changes = []
    for number in numbers:
        chosen = torch.zeros(len(order), dtype=torch.bool)
        chosen[order[:number]] = True
        changes.append((~chosen).float()[None] if kind == "zeroed" else shaken * chosen)
    return changes
