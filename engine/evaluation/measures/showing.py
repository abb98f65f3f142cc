"""Insertion and deletion: how the score moves as a map's strongest pixels are shown or hidden.

Petsiuk, Das and Saenko 2018, RISE, https://arxiv.org/abs/1806.07421, section 3.3. Pixels go in
steps of equal area, strongest first; the area under the curve is by trapezoids over the area shown,
both ends included. A map's curve means something only beside one of random order.

    insertion: from the cover to the image, high is good;  deletion: from the image to the cover,
    low is good. Ins of an order read backwards is Del of the reversed order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.errors import BlindspotError
from engine.core.method import Progress, quiet
from engine.core.result import Floats
from engine.vision.case import ImageCase
from engine.vision.case.scoring import as_drawn, in_memory, laid_out, score_renders

STEPS = 20
TIES = 0  # seed of the order among equal values
SMALL = 0.05  # of the score between both ends: below it a normalized curve would be noise

Ranks = NDArray[np.int64]


@dataclass(frozen=True)
class MapCurves:
    """One map's curves.

    Args:
        area: shares of the image, (steps + 1,), from 0 to 1.
        insertion, deletion: scores at those areas, shown and hidden.
        insertion_area, deletion_area: under the curves, in units of the score.
        gap: area between hiding the weakest first and hiding the strongest first, high is good.
        normalized: the insertion area with 0 at the cover's score and 1 at the image's; NaN where
            the two are less than SMALL apart.
    """

    area: Floats
    insertion: Floats
    deletion: Floats
    insertion_area: float
    deletion_area: float
    gap: float
    normalized: float


def ranks(values: Floats, ties: int = TIES) -> Ranks:
    """The place of every pixel, (H, W), 0 for the strongest; equal ones in a fixed random order.

    Raises:
        BlindspotError: the map is unknown somewhere, or the same everywhere.
    """
    flat = np.asarray(values, np.float64).ravel()
    if not np.isfinite(flat).all():
        raise BlindspotError("The map is not known everywhere: pixels cannot be put in order.")
    if not np.ptp(flat):
        raise BlindspotError("The map is the same everywhere: it puts no pixel before another.")
    # in reading order, flat parts of a map would always be shown from the top
    tie_order = np.random.default_rng(ties).permutation(flat.size)
    order = np.lexsort((tie_order, -flat))
    result = np.empty(flat.size, np.int64)
    result[order] = np.arange(flat.size)
    return result.reshape(values.shape)


def random_ranks(shape: tuple[int, int], *seeds: int) -> Ranks:
    """Pixels in random order."""
    size = shape[0] * shape[1]
    return np.random.default_rng(list(seeds)).permutation(size).reshape(shape).astype(np.int64)


def curves(
    case: ImageCase,
    orders: Mapping[str, Ranks],
    *,
    cover: str = "mean",
    steps: int = STEPS,
    progress: Progress = quiet,
) -> dict[str, MapCurves]:
    """Insertion and deletion of several orders in one batched pass.

    Args:
        case: image, model, target.
        orders: the ranks (H, W) of each map, 0 for the pixel that goes first.
        cover: what hidden pixels become: "mean", "black" or "blur".
        steps: of equal area.
        progress: told after each batch.

    Returns:
        The curves by name. The two ends are looked at once for all.
    """
    size = case.image.shape[1] * case.image.shape[2]
    limits = np.rint(np.linspace(0, size, steps + 1)).astype(np.int64)
    stepped_orders = {name: Stepped(order, limits, limits / size) for name, order in orders.items()}
    return stepwise(case, stepped_orders, cover, progress)


def region_curves(
    case: ImageCase, orders: Mapping[str, Ranks], *, cover: str = "mean", progress: Progress = quiet
) -> dict[str, MapCurves]:
    """Insertion and deletion of several orders of regions, a region at each step.

    Args:
        case: image, model, target.
        orders: for every pixel the place of its region, (H, W), 0 for the region that goes first.
        cover: what hidden pixels become: "mean", "black" or "blur".
        progress: told after each batch.

    Returns:
        The curves by name, each over the area of its own regions.
    """
    return stepwise(
        case, {name: by_region(order) for name, order in orders.items()}, cover, progress
    )


@dataclass(frozen=True)
class Stepped:
    """An order and where its steps end.

    Args:
        ranks: (H, W).
        limits: a step shows the pixels whose rank is below, (steps + 1,), from none to all.
        area: the share of the image that these are, (steps + 1,).
    """

    ranks: Ranks
    limits: NDArray[np.int64]
    area: NDArray[np.float64]


def by_region(ranks: Ranks) -> Stepped:
    sizes = np.bincount(ranks.ravel())
    area = np.concatenate([[0], np.cumsum(sizes)]) / ranks.size
    return Stepped(ranks, np.arange(len(sizes) + 1), area)


def stepwise(
    case: ImageCase, orders: Mapping[str, Stepped], cover: str, progress: Progress
) -> dict[str, MapCurves]:
    """Every step of every order, shown and hidden, in one batched pass."""
    rank_tensors = [
        in_memory(laid_out(case, channel_ranks(order.ranks))) for order in orders.values()
    ]
    image = in_memory(as_drawn(case, case.image))
    hidden = in_memory(as_drawn(case, case.baseline(cover)))
    renders = [
        (index, pair, int(limit))
        for index, order in enumerate(orders.values())
        for pair in ((image, hidden), (hidden, image))
        for limit in order.limits[1:-1]
    ]

    def draw(index: int, out: Tensor) -> None:
        flat = in_memory(out)
        if index < 2:
            flat.copy_((hidden, image)[index])
            return
        order_index, pair, limit = renders[index - 2]
        torch.where(rank_tensors[order_index] < limit, *pair, out=flat)

    words = "showing and hiding pixels"
    scores = score_renders(case, 2 + len(renders), draw, progress, words).numpy()
    nothing, everything = scores[:2]
    result, start = {}, 2
    for name, order in orders.items():
        inner = len(order.limits) - 2
        insertion, deletion = (
            scores[start : start + inner],
            scores[start + inner : start + 2 * inner],
        )
        start += 2 * inner
        result[name] = shown_of(
            order.area,
            np.concatenate([[nothing], insertion, [everything]]),
            np.concatenate([[everything], deletion, [nothing]]),
        )
    return result


def channel_ranks(order_ranks: Ranks) -> Tensor:
    return torch.from_numpy(order_ranks).expand(3, -1, -1)


def shown_of(area: NDArray[np.float64], insertion: Floats, deletion: Floats) -> MapCurves:
    """Curves with their areas, which are added up in 64 bits."""
    exact = [curve.astype(np.float64) for curve in (insertion, deletion)]
    insertion_area, deletion_area = (float(np.trapezoid(curve, area)) for curve in exact)
    rise = float(insertion[-1] - insertion[0])
    normalized = (
        (insertion_area - float(insertion[0])) / rise if abs(rise) >= SMALL else float("nan")
    )
    return MapCurves(
        area.astype(np.float32),
        insertion.astype(np.float32),
        deletion.astype(np.float32),
        insertion_area,
        deletion_area,
        # insertion read backwards is the deletion of the weakest first, with the same area
        insertion_area - deletion_area,
        normalized,
    )


def band(curve_sets: Sequence[MapCurves], *, deletion: bool = False) -> tuple[Floats, Floats]:
    """The lowest and highest of several curves at each area, (steps + 1,) each."""
    scores = np.stack([curve.deletion if deletion else curve.insertion for curve in curve_sets])
    return scores.min(0), scores.max(0)
