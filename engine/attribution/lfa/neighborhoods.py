"""The eight neighborhoods of LFA: where an explainer looks, and by which loss it fits.

Han, Srinivas and Lakkaraju 2022, Which Explanation Should I Choose? A Function Approximation
Perspective to Characterizing Post Hoc Explanations, https://arxiv.org/abs/2206.01254, table 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import comb

import torch
from torch import Tensor

from engine.attribution.lfa.ground import Ground

ENDS = 1e8  # KernelSHAP's weight of nothing and of everything; the authors' code has 1e6
FEW = 50  # points where all of them say nearly the same
NEAR = 1e-3  # σ that stands for "to zero", and how near α comes to 1


@dataclass(frozen=True)
class Radii:
    """How far the neighborhoods go.

    Args:
        noise: σ of Gaussian noise, in brightness.
        kernel: κ of LIME's kernel exp(−D²/κ²), D as a share of ‖x − b‖.
        low: the smallest α on the way from nothing to the image.
        samples: how many are drawn.
    """

    noise: float = 0.1
    kernel: float = 0.5
    low: float = 0.0
    samples: int = 1000


@dataclass(frozen=True)
class NeighborhoodPoints:
    """Points of a neighborhood.

    Args:
        by: ξ as the linear model sees it, (n, d).
        at: what the image is moved by, (n, d); another than ξ for occlusion only.
        weights: π, (n,), adding up to 1 without KernelSHAP's two ends.
    """

    by: Tensor
    at: Tensor
    weights: Tensor


Draw = Callable[[Ground, Radii, torch.Generator], NeighborhoodPoints]


@dataclass(frozen=True)
class Neighborhood:
    """One row of the table.

    Args:
        title: the explainer that comes out.
        multiplied: whether ξ multiplies, and takes features away, or is added.
        squared: fitted by squared error, or by matching gradients.
        draw: where it looks.
        about: what a person should fear to choose it for.
        intercept: whether the linear model has a constant.
        drop: the target is the fall f(x) − f(x_ξ) and not the score.
        redraw: how a sample to judge by is drawn, where not by `draw`.
    """

    title: str
    multiplied: bool
    squared: bool
    draw: Draw
    about: str
    intercept: bool = True
    drop: bool = False
    redraw: Draw | None = None


def even(by: Tensor) -> NeighborhoodPoints:
    """All points count alike."""
    return NeighborhoodPoints(by, by, torch.full((len(by),), 1 / len(by), dtype=torch.float64))


def gaussian(ground: Ground, reach: Radii, generator: torch.Generator) -> NeighborhoodPoints:
    """Noise on every feature by itself."""
    noise = torch.randn(reach.samples, ground.count, generator=generator)
    return even(noise * reach.noise)


def tiny_noise(ground: Ground, reach: Radii, generator: torch.Generator) -> NeighborhoodPoints:
    """Noise that is next to none; a few points (at most FEW) say what a thousand would."""
    count = min(reach.samples, FEW)
    return even(torch.randn(count, ground.count, generator=generator) * NEAR)


def fade_points(ground: Ground, reach: Radii, generator: torch.Generator) -> NeighborhoodPoints:
    """The whole image faded together: α even from `low` to 1, one draw in each equal part."""
    # stratified: a mean over α varies far less than over independent draws
    places = (torch.arange(reach.samples) + torch.rand(reach.samples, generator=generator)) / (
        reach.samples
    )
    alpha = reach.low + (1 - reach.low) * places
    return even(alpha[:, None].expand(-1, ground.count).contiguous())


def at_the_end(ground: Ground, reach: Radii, generator: torch.Generator) -> NeighborhoodPoints:
    """α next to 1; at most FEW points."""
    count = min(reach.samples, FEW)
    alpha = 1 - NEAR * torch.rand(count, generator=generator)
    return even(alpha[:, None].expand(-1, ground.count).contiguous())


def coins(ground: Ground, reach: Radii, generator: torch.Generator) -> NeighborhoodPoints:
    """Each feature kept or taken away by the toss of a coin, weighed by how near the image is."""
    by = torch.randint(2, (reach.samples, ground.count), generator=generator).float()
    # no ½ in the exponent; with captum's kernel, which has one, the width would be κ / √2
    weights = (-((ground.distances(by) / reach.kernel) ** 2)).exp()
    return NeighborhoodPoints(by, by, weights / weights.sum())


def shapley(ground: Ground, reach: Radii, generator: torch.Generator) -> NeighborhoodPoints:
    """Coalitions weighed by Shapley's kernel, and nothing and everything with next to all weight.

    With as many samples as there are coalitions all of them are taken; else coins are tossed.
    """
    d = ground.count
    if can_have_all(d, reach):
        by = all_coalitions(d)
    else:
        by = torch.randint(2, (reach.samples, d), generator=generator).float()
    sizes = by.sum(1).long()
    inside = (sizes > 0) & (sizes < d)
    by, sizes = by[inside], sizes[inside]
    kernel = torch.tensor([kernel_of(d, k) for k in sizes.tolist()], dtype=torch.float64)
    # coins toss every coalition with one chance, so the kernel comes in as a weight
    weights = kernel / kernel.sum()
    ends = torch.tensor([[0.0], [1.0]]).expand(2, d)
    end_weights = torch.full((2,), ENDS, dtype=torch.float64)
    # the ends first, where `coalitions` cuts them off
    by = torch.cat([ends, by])
    return NeighborhoodPoints(by, by, torch.cat([end_weights, weights]))


def coalitions(ground: Ground, reach: Radii, generator: torch.Generator) -> NeighborhoodPoints:
    """What `shapley` stands for, to judge by: without its two ends, and every number drawn.

    The ends outweigh all else and are not drawn, so any map that was fitted to them would look
    right. And coins hardly ever keep few or nearly all features, which the kernel weighs most: so
    how many are kept is drawn first, as often as the kernel weighs that number in all, 1/k(d − k).
    """
    d = ground.count
    if can_have_all(d, reach):
        points = shapley(ground, reach, generator)
        return NeighborhoodPoints(points.by[2:], points.at[2:], points.weights[2:])
    sizes = torch.arange(1, d)
    often = 1 / (sizes * (d - sizes)).double()
    size = sizes[torch.multinomial(often, reach.samples, replacement=True, generator=generator)]
    # ranks of random numbers: those below `size` are a random subset of that size
    places = torch.rand(reach.samples, d, generator=generator).argsort(1).argsort(1)
    return even((places < size[:, None]).float())


def can_have_all(d: int, reach: Radii) -> bool:
    """Whether there are as many samples as coalitions of d features."""
    return 2**d <= reach.samples


def all_coalitions(d: int) -> Tensor:
    """Every one but nothing and everything, (2^d − 2, d)."""
    numbers = torch.arange(1, 2**d - 1)
    return (numbers[:, None] >> torch.arange(d) & 1).float()


def kernel_of(d: int, k: int) -> float:
    """Shapley's kernel for a coalition of k out of d."""
    return (d - 1) / (comb(d, k) * k * (d - k))


def one_by_one(ground: Ground, _reach: Radii, _generator: torch.Generator) -> NeighborhoodPoints:
    """Each feature alone is taken away."""
    by = torch.eye(ground.count)
    return NeighborhoodPoints(
        by, 1 - by, torch.full((ground.count,), 1 / ground.count, dtype=torch.float64)
    )


SMALL_CHANGES = "small changes of brightness anywhere"
TAKEN = "parts of the image taken away"

NEIGHBORHOODS: Mapping[str, Neighborhood] = {
    "C-LIME": Neighborhood("C-LIME", False, True, gaussian, SMALL_CHANGES),
    "SmoothGrad": Neighborhood("SmoothGrad", False, False, gaussian, SMALL_CHANGES),
    "Gradient": Neighborhood("Gradient", False, False, tiny_noise, "the smallest changes alone"),
    "Integrated gradients": Neighborhood(
        "Integrated gradients", True, False, fade_points, "the whole image fading in from nothing"
    ),
    "Gradient × input": Neighborhood(
        "Gradient × input", True, False, at_the_end, "the whole image fading, at its very end"
    ),
    "LIME": Neighborhood("LIME", True, True, coins, f"{TAKEN}, many at once, near the image"),
    "KernelSHAP": Neighborhood(
        "KernelSHAP", True, True, shapley, f"{TAKEN}, in every number", redraw=coalitions
    ),
    "Occlusion": Neighborhood(
        "Occlusion", True, True, one_by_one, f"{TAKEN}, one at a time", intercept=False, drop=True
    ),
}
ROWS = tuple(NEIGHBORHOODS)
