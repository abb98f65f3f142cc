"""LFA as methods: one explainer out of the eight, and all of them judged by each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.attribution.heatmaps.partition import Partition, square_tiles
from engine.attribution.lfa.findings import advice as advice_for
from engine.attribution.lfa.findings import free_lunch
from engine.attribution.lfa.fit import (
    Evaluated,
    Linear,
    crossed,
    evaluate_neighborhood,
    fit_linear,
    gradient_loss,
    look_again,
    squared_loss,
)
from engine.attribution.lfa.ground import Ground
from engine.attribution.lfa.neighborhoods import NEIGHBORHOODS, ROWS, Radii
from engine.attribution.lfa.shares import CHANGES
from engine.core.errors import BlindspotError
from engine.core.method import Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Floats, HeatMap, Result, Table, View
from engine.evaluation.measures.agreement import AGREEMENTS, matrix
from engine.evaluation.measures.ranks import ranks
from engine.vision.case import ImageCase

PAPER = "Han et al. 2022, https://arxiv.org/abs/2206.01254"
MOST = 1024  # features that a linear model is fitted to
BLANK = 1 / 512  # half a step of an 8-bit color
STILL = 1e-7  # a score that moves less does so by rounding

FEATURES = Choice(("grid", "superpixels", "pixels"))
FEATURES_HELP = "What is moved as one: tiles, regions of one color, or single pixels."
COUNT = Slider(4, 196, 1)
COUNT_HELP = "About how many tiles or regions; pixels are as many as they are."
SAMPLES = Slider(50, 5000, 10, log=True)
SAMPLES_HELP = "How many points of each neighborhood are looked at."
NOISE = Slider(0.005, 0.5, 0.005, log=True)
NOISE_HELP = "Standard deviation of Gaussian noise; SmoothGrad becomes the gradient towards 0."
KERNEL = Slider(0.1, 10.0, 0.1, log=True)
KERNEL_HELP = "How far from the image LIME looks, as a share of the way to nothing."
LOW = Slider(0.0, 0.99, 0.01)
LOW_HELP = "Where the fading begins; integrated gradients become gradient × input towards 1."


def partition_of(case: ImageCase, features: str, count: int) -> Partition:
    """The image's features. Raises BlindspotError when pixels are too many."""
    if features != "pixels":
        return Partition.of(case, features, count)
    size = case.image.shape[1] * case.image.shape[2]
    if size > MOST:
        raise BlindspotError(
            f"The image has {size} pixels, and a linear model of more than {MOST} features would "
            "need more samples than can be had: choose tiles or superpixels."
        )
    return square_tiles(case.image, size)


@dataclass(frozen=True)
class LocalModel(Method[ImageCase]):
    """One of eight explainers as what they all are: a linear model fitted around the image.

    They differ only in where they look (noise, fading, parts taken away) and in what they fit
    (scores or slopes). A feature's weight says by how much the score changes, in that
    neighborhood, for one unit of what is done to it: of brightness where noise is added, of being
    there where parts are taken away.
    """

    family = "attribution"
    name = "LocalModel"
    title = "Local model"
    cost = "live"
    paper = PAPER
    needs = frozenset({"gradient"})
    proof = "tests/engine/attribution/lfa/test_lfa.py::test_all_eight_find_a_linear_model"

    explainer: str = setting("SmoothGrad", Choice(ROWS), "Explainer", "Which of the eight.")
    features: str = setting("grid", FEATURES, "Features", FEATURES_HELP)
    count: int = setting(49, COUNT, "How many features", COUNT_HELP)
    samples: int = setting(200, SAMPLES, "Samples", SAMPLES_HELP)
    noise: float = setting(0.1, NOISE, "Noise σ", NOISE_HELP)
    kernel: float = setting(0.5, KERNEL, "Kernel κ", KERNEL_HELP)
    low: float = setting(0.0, LOW, "Fading from α", LOW_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """The weights on the image."""
        ground = Ground(case, partition_of(case, self.features, self.count))
        reach = Radii(self.noise, self.kernel, self.low, self.samples)
        row = NEIGHBORHOODS[self.explainer]
        evaluated = evaluate_neighborhood(
            ground, self.explainer, reach, case.seed, slopes=not row.squared, progress=progress
        )
        return {"map": on_image(ground, fit_linear(evaluated))}


@dataclass(frozen=True)
class LFA(Method[ImageCase]):
    """Eight explainers, each judged in the neighborhood of every other.

    A row is an explainer, a column the neighborhood it is tried in; the number is its loss there,
    by squared error of the score in one table and by distance to the slopes in the other. By its
    own loss each is best at the samples it was fitted to, which proves nothing. So what each
    predicts is judged at fresh samples of every neighborhood, to which no explainer was fitted:
    choose the explainer that predicts the change you care about. Seldom does one for all of them.

    KernelSHAP weighs two points, nothing at all and the whole image, each a hundred million times
    as much as all others together: the large numbers of its column are misses of that one
    difference, and at fresh samples both are left out. Where there is but one set of points, the
    fresh sample is that set again. Between maps of brightness and maps of parts a loss is exact
    only where a feature differs from nothing by one number all over, as a gray pixel does; else the
    closest weight is taken, and its error is mixed with the explainer's.
    """

    family = "attribution"
    name = "LFA"
    title = "Which explanation?"
    cost = "wait"
    paper = PAPER
    needs = frozenset({"gradient"})
    proof = "tests/engine/attribution/lfa/test_lfa.py::test_each_is_best_where_it_was_fitted"
    revision = 4

    features: str = setting("grid", FEATURES, "Features", FEATURES_HELP)
    count: int = setting(49, COUNT, "How many features", COUNT_HELP)
    samples: int = setting(200, SAMPLES, "Samples", SAMPLES_HELP)
    noise: float = setting(0.1, NOISE, "Noise σ", NOISE_HELP)
    kernel: float = setting(0.5, KERNEL, "Kernel κ", KERNEL_HELP)
    low: float = setting(0.0, LOW, "Fading from α", LOW_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """A map of each, both loss matrices, the trial at fresh samples, advice and agreement.

        Raises:
            BlindspotError: nothing moves the score, or taking parts away changes nothing.
        """
        ground = Ground(case, partition_of(case, self.features, self.count))
        refuse_blank(ground)
        reach = Radii(self.noise, self.kernel, self.low, self.samples)
        looks, fresh = look_twice(ground, reach, progress)
        models = [fit_linear(evaluated) for evaluated in looks]
        views = {**loss_views(ground, looks, models), **judged_fresh(ground, fresh, models)}
        views |= {f"map {model.row.title}": on_image(ground, model) for model in models}
        flat = [(model.row.title, model.weights.float().numpy()) for model in models]
        views |= {f"agreement {by}": matrix(flat, by) for by in AGREEMENTS}
        views["disagreement"] = disagreement(ground, models)
        progress(1.0, "judged each by all")
        return views

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Which explainer to trust for small changes, and whether it is the best for all kinds."""
        return f"{advice_for(result, next(iter(CHANGES)))} {free_lunch(result)}"


def look_twice(
    ground: Ground, reach: Radii, progress: Progress
) -> tuple[list[Evaluated], list[Evaluated]]:
    """All neighborhoods with slopes, to fit to, and again at fresh samples, to judge by.

    Raises:
        BlindspotError: nothing moves the score.
    """
    looks: list[Evaluated] = []
    fresh: list[Evaluated] = []
    seed, share = ground.case.seed, 1 / len(ROWS)
    for number, name in enumerate(ROWS):
        part = part_of(progress, 0.75 * number * share, 0.75 * (number + 1) * share, lead=name)
        looks.append(
            evaluate_neighborhood(
                ground, name, reach, seed, slopes=True, known=looks, progress=part
            )
        )
    refuse_still(ground.case, looks)
    for number, name in enumerate(ROWS):
        low, high = (0.75 + 0.25 * at * share for at in (number, number + 1))
        part = part_of(progress, low, high, lead=f"{name} again")
        fresh.append(look_again(ground, name, reach, seed, [*looks, *fresh], part))
    return looks, fresh


def loss_views(
    ground: Ground, looks: Sequence[Evaluated], models: Sequence[Linear]
) -> dict[str, View]:
    """Both loss matrices, at the samples that the models were fitted to."""
    unit = f"{ground.case.target.unit}²"
    slopes = f"({ground.case.target.unit} per step of a feature)²"
    return {
        "squared loss": table(crossed(ground, looks, models, squared_loss), unit),
        "gradient loss": table(crossed(ground, looks, models, gradient_loss), slopes),
        "no change": unmoved(
            looks, {"squared loss": squared_loss, "gradient loss": gradient_loss}, unit
        ),
    }


def judged_fresh(
    ground: Ground, fresh: Sequence[Evaluated], models: Sequence[Linear]
) -> dict[str, View]:
    """The squared loss at fresh samples, and the advice that follows from it."""
    unit = f"{ground.case.target.unit}²"
    fresh_losses = table(crossed(ground, fresh, models, squared_loss), unit)
    no_change = unmoved(fresh, {"squared loss": squared_loss}, unit)
    return {
        "fresh squared loss": fresh_losses,
        "fresh no change": no_change,
        "advice": advice_table(fresh_losses.values, no_change.values[0], unit),
    }


def on_image(ground: Ground, model: Linear) -> HeatMap:
    """The weights, each on its feature's pixels."""
    per = "feature" if model.row.multiplied else "brightness of the feature"
    unit = f"{ground.case.target.unit} per {per}"
    values = ground.partition.values(model.weights.float())
    return HeatMap(values.numpy(), unit, signed=True)


def table(values: Tensor, unit: str) -> Table:
    """A loss matrix: rows are explainers, columns the neighborhoods they are tried in."""
    columns = tuple(f"in {name}'s" for name in ROWS)
    return Table.grid(values.float().numpy(), ROWS, columns, (unit,) * len(ROWS))


def unmoved(
    looks: Sequence[Evaluated],
    losses: Mapping[str, Callable[[Evaluated, Tensor], float]],
    unit: str,
) -> Table:
    """The losses of a model that says that nothing changes, (losses, neighborhoods)."""
    nothing = torch.zeros(looks[0].points.by.shape[1], dtype=torch.float64)
    values = [[loss(evaluated, nothing) for evaluated in looks] for loss in losses.values()]
    columns = tuple(f"in {name}'s" for name in ROWS)
    return Table.grid(np.array(values, np.float32), tuple(losses), columns, (unit,) * len(ROWS))


def disagreement(ground: Ground, models: Sequence[Linear]) -> HeatMap:
    """How far the maps differ in how strong each feature is, from 0 to 0.5.

    Every map's sizes |w| are put in order, 0 for the weakest feature and 1 for the strongest; a
    feature's disagreement is the standard deviation of its places.
    """
    places = np.stack([ranks(model.weights.abs().numpy()) for model in models])
    spread = places.std(0) / max(ground.count - 1, 1)  # where places begin changes no spread
    values = ground.partition.values(torch.from_numpy(spread).float())
    return HeatMap(values.numpy(), "standard deviation of the place", signed=False)


def refuse_blank(ground: Ground) -> None:
    """Raise BlindspotError where the image is the baseline itself."""
    if ground.contrast.abs().max() < BLANK:
        raise BlindspotError(
            "The image is all of the color that the model takes for nothing, so taking parts of it "
            "away changes nothing, and most of the eight explainers cannot be asked. Choose "
            "another image."
        )


def refuse_still(case: ImageCase, looks: Sequence[Evaluated]) -> None:
    """Raise BlindspotError where the score moves in no neighborhood."""
    moved = max(float(evaluated.values.max() - evaluated.values.min()) for evaluated in looks)
    steepest = max(
        float(neighborhood.slopes.abs().max())
        for neighborhood in looks
        if neighborhood.slopes is not None
    )
    if moved < STILL and steepest < STILL:
        raise BlindspotError(
            f"The score of “{case.target.words(case.model.labels)}” is the same in every "
            "neighborhood of this image: there is nothing to explain. Ask about another class, or "
            "read the score as a logit."
        )


def advice_table(lost: Floats, still: Floats, unit: str) -> Table:
    """For each neighborhood: the change it stands for, and which explainer predicts it best.

    None where no explainer loses less than saying that nothing changes.

    Args:
        lost: squared losses at fresh samples, (explainers, neighborhoods).
        still: those of saying that nothing changes, (neighborhoods,).
        unit: of both.
    """
    least = lost.min(0)
    best = np.where(least < still, lost.argmin(0), np.nan)
    return Table.of(
        {"best": (best, "row"), "loss": (least, unit), "no change": (still, unit)},
        rows=[NEIGHBORHOODS[name].about for name in ROWS],
        notes=["none" if np.isnan(row) else ROWS[int(row)] for row in best],
    )


__all__ = ["LFA", "MOST", "ROWS", "LocalModel"]
