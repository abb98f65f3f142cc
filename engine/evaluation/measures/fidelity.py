"""Infidelity and max-sensitivity: does a map predict the score, and does it hold still?

Yeh et al. 2019, On the (In)fidelity and Sensitivity of Explanations,
https://arxiv.org/abs/1901.09392, definitions 2.1 and 2.2.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import Method, Progress, part_of, quiet
from engine.core.result import Floats
from engine.vision.case import ImageCase

RADIUS = 0.02  # of the changes that max-sensitivity makes, in brightness
CHANGING = "changing the image a little"
DRAWS = 10
NOISE = 0.1  # standard deviation of the changes that infidelity makes

Score = Callable[[Tensor], Tensor]


def infidelity(
    score: Score, image: Tensor, attribution: Tensor, changes: Tensor, *, scaled: bool = False
) -> float:
    """E over changes I of (Iᵀa − (f(x) − f(x − I)))².

    Args:
        score: images (n, C, H, W) to scores (n,).
        image: (C, H, W).
        attribution: slopes in score per brightness, (C, H, W). A map that already holds the
            image's brightness (gradient × input) is none.
        changes: I, (n, C, H, W).
        scaled: multiply a by β = E[Iᵀa Δf] / E[(Iᵀa)²] first, so that only its direction counts.
    """
    drops = (score(image[None]) - score(image[None] - changes)).double()
    predicted = (changes.double() * attribution.double()).flatten(1).sum(1)
    # the β of least squares: no other multiple of this map predicts better
    if scaled and (power := (predicted**2).mean()) > 0:
        predicted = predicted * (predicted * drops).mean() / power
    return float(((predicted - drops) ** 2).mean())


def missed(predicted: NDArray[np.float64], drops: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scaled infidelity as a share of what a map of zeros gets, (…,): 0 predicts all, 1 nothing.

    Args:
        predicted: Iᵀa of the changes, (…, n).
        drops: f(x) − f(x − I), (n,), not all 0.

    The best scale is β ≥ 0, so that a map that predicts the opposite gets 1.
    """
    # 1 − cos² of the two: what the best multiple leaves of Σ Δf²
    inner_products = np.maximum((predicted * drops).sum(-1), 0.0)
    power = (predicted**2).sum(-1) * (drops**2).sum()
    return np.asarray(
        1 - np.divide(inner_products**2, power, out=np.zeros_like(power), where=power > 0)
    )


def max_sensitivity(
    method: Method[ImageCase],
    case: ImageCase,
    *,
    radius: float = RADIUS,
    draws: int = DRAWS,
    plain: Floats | None = None,
    progress: Progress = quiet,
) -> float:
    """The largest ‖a(x + δ) − a(x)‖ / ‖a(x)‖ over drawn changes, ‖δ‖∞ ≤ radius.

    The method's own random numbers are the same each time, so that only the image differs. NaN
    for a map of zeros, and for one that is not known somewhere before or after a change. `plain` is
    the map of the image as it is, where it is known.
    """
    plain_map = method(case)["map"].values if plain is None else plain  # type: ignore[attr-defined]
    vector = flat(plain_map)
    length = float(np.linalg.norm(vector))
    generator = torch.Generator().manual_seed(case.seed)
    largest = 0.0
    for number in range(draws):
        change = (2 * torch.rand(case.image.shape, generator=generator) - 1) * radius
        changed_case = replace(case, image=case.image + change)
        part = part_of(progress, number / draws, (number + 1) / draws, CHANGING, CHANGING)
        result = flat(method(changed_case, part)["map"].values)  # type: ignore[attr-defined]
        largest = float(np.maximum(largest, np.linalg.norm(result - vector)))  # NaN stays
    return largest / length if length > 0 else float("nan")


def flat(values: Floats) -> np.ndarray:
    """A map as one row in 64 bits."""
    row: np.ndarray = values.astype(np.float64).ravel()
    return row
