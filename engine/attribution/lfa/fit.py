"""Fitting linear models in their neighborhoods, in closed form, and judging them in others'.

squared error: ½ Σ π_j (w·ξ_j + b − y_j)², by weighted least squares
gradient matching: mean ‖∇_ξ f − w‖², whose best w is the mean gradient
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.attribution.lfa.ground import Ground
from engine.attribution.lfa.neighborhoods import (
    NEIGHBORHOODS,
    Neighborhood,
    NeighborhoodPoints,
    Radii,
)
from engine.core.method import Progress, quiet


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A neighborhood, looked at.

    Args:
        row: which.
        points: where.
        values: the target y, (n,) float64.
        slopes: ∇_ξ y, (n, d) float64; None where they were not asked for.
    """

    row: Neighborhood
    points: NeighborhoodPoints
    values: Tensor
    slopes: Tensor | None


@dataclass(frozen=True, eq=False)
class Linear:
    """A fitted model: w (d,) in its neighborhood's coordinates, and b."""

    row: Neighborhood
    weights: Tensor
    constant: float


def evaluate_neighborhood(
    ground: Ground,
    name: str,
    reach: Radii,
    seed: int,
    *,
    slopes: bool,
    known: Sequence[Evaluated] = (),
    progress: Progress = quiet,
) -> Evaluated:
    """Look around in a neighborhood.

    Args:
        ground: image and features.
        name: a key of NEIGHBORHOODS.
        reach: how far it goes.
        seed: of what is drawn; neighborhoods with the same noise draw the same.
        slopes: whether gradients are wanted too; they cost about twice as much again.
        known: what has been seen; the model is not asked again about the same points.
        progress: told on the way.
    """
    row = NEIGHBORHOODS[name]
    points = row.draw(ground, reach, torch.Generator().manual_seed(seed))
    return predictions_at(ground, row, points, slopes=slopes, known=known, progress=progress)


def look_again(
    ground: Ground,
    name: str,
    reach: Radii,
    seed: int,
    known: Sequence[Evaluated] = (),
    progress: Progress = quiet,
) -> Evaluated:
    """Look around in a neighborhood at a fresh sample, scores only: it judges, and fits nothing.

    It has nothing to do with what `evaluate_neighborhood` draws from the same seed, where
    anything is drawn at all.
    """
    row = NEIGHBORHOODS[name]
    points = (row.redraw or row.draw)(ground, reach, torch.Generator().manual_seed(another(seed)))
    return predictions_at(ground, row, points, slopes=False, known=known, progress=progress)


def another(seed: int) -> int:
    """A seed that follows from this one, for random numbers that do not."""
    return int(torch.randint(2**62, (), generator=torch.Generator().manual_seed(seed)))


def predictions_at(
    ground: Ground,
    row: Neighborhood,
    points: NeighborhoodPoints,
    *,
    slopes: bool,
    known: Sequence[Evaluated] = (),
    progress: Progress = quiet,
) -> Evaluated:
    """What the model says at these points."""
    for evaluated in known:
        same_row = (evaluated.row.multiplied, evaluated.row.drop) == (row.multiplied, row.drop)
        enough = evaluated.slopes is not None or not slopes
        if same_row and enough and torch.equal(evaluated.points.at, points.at):
            return Evaluated(row, points, evaluated.values, evaluated.slopes if slopes else None)
    if slopes:
        values, pulled = ground.slopes(points.at, multiplied=row.multiplied, progress=progress)
    else:
        values = ground.scores(points.at, multiplied=row.multiplied, progress=progress)
        pulled = None
    if row.drop:  # y = f(x) − f(x ⊙ (1 − ξ)), whose slope in ξ is f's in 1 − ξ
        values = ground.case.score(ground.case.image[None]).double() - values
    return Evaluated(row, points, values, pulled)


def fit_linear(evaluated: Evaluated) -> Linear:
    """The linear model that fits best by the neighborhood's own loss."""
    if not evaluated.row.squared:
        assert evaluated.slopes is not None  # noqa: S101  # whoever fits by gradients looks at them
        weights = evaluated.slopes.mean(0)
        return Linear(evaluated.row, weights, refit(evaluated, weights))
    # √π on both sides makes it a plain problem; by SVD, dependent columns get the least norm
    root = evaluated.points.weights.sqrt()[:, None]
    inputs = evaluated.points.by.double()
    if evaluated.row.intercept:
        inputs = torch.cat([inputs, torch.ones(len(inputs), 1, dtype=inputs.dtype)], 1)
    solved = torch.linalg.lstsq(
        inputs * root, evaluated.values[:, None] * root, driver="gelsd"
    ).solution[:, 0]
    if evaluated.row.intercept:
        return Linear(evaluated.row, solved[:-1], float(solved[-1]))
    return Linear(evaluated.row, solved, 0.0)


def refit(evaluated: Evaluated, weights: Tensor) -> float:
    """The constant alone: the weighted mean of what w leaves over; 0 where there is none."""
    if not evaluated.row.intercept:
        return 0.0
    left = evaluated.values - evaluated.points.by.double() @ weights
    shares = evaluated.points.weights
    return float((left * shares).sum() / shares.sum())


def change_coordinates(model: Linear, to: Neighborhood, ground: Ground) -> Tensor:
    """w in another neighborhood's coordinates, + or ×.

    Exact where x − b is one number all over a feature, as in a gray pixel. Else a feature's weight
    does not say how it is shared among its pixels, and the least-norm sharing is taken.
    """
    if model.row.multiplied == to.multiplied:
        return model.weights
    return model.weights * (ground.feature if to.multiplied else ground.restored)


def squared_loss(evaluated: Evaluated, weights: Tensor) -> float:
    """½ Σ π (w·ξ + b − y)² with the best constant for these weights, unit²."""
    left = evaluated.points.by.double() @ weights + refit(evaluated, weights) - evaluated.values
    return float(0.5 * (evaluated.points.weights * left**2).sum())


def gradient_loss(evaluated: Evaluated, weights: Tensor) -> float:
    """Mean ‖∇_ξ y − w‖², unit²."""
    assert evaluated.slopes is not None  # noqa: S101  # asked for with slopes
    return float(((evaluated.slopes - weights) ** 2).sum(1).mean())


def crossed(
    ground: Ground,
    looks: Sequence[Evaluated],
    models: Sequence[Linear],
    loss: Callable[[Evaluated, Tensor], float],
) -> Tensor:
    """A cross-loss matrix, (rows: models, columns: neighborhoods), float64."""
    return torch.tensor(
        [
            [
                loss(evaluated, change_coordinates(model, evaluated.row, ground))
                for evaluated in looks
            ]
            for model in models
        ],
        dtype=torch.float64,
    )
