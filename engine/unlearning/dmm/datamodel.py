"""A datamodel: what a network would answer, as a sum over the images that it learned from.

Ilyas et al., "Datamodels" (2022), https://arxiv.org/abs/2202.00622: an output of networks that
learned from random halves is regressed on which images each had. Here by ridge regression with an
intercept, solved among the K networks instead of the N images: with centered inclusions Z (K, N)
and outputs Y (K, M), β = Zᵀ (Z Zᵀ + λ I)⁻¹ Y. A request needs only the sum of its images' rows of
β, in which each network's outputs count with one number.
"""

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.method import Progress, Slider, quiet, setting
from engine.core.run import Answer
from engine.unlearning.case import ForgetCase
from engine.unlearning.dmm.trainings import (
    HALF,
    PART,
    SEEDS,
    every_part,
    half,
    logits_of,
    seconds_of,
)
from engine.vision.data import Rows

Doubles = NDArray[np.float64]


def networks_setting() -> int:
    """How many networks a datamodel is made of."""
    return setting(
        100,
        Slider(PART, 400, PART),
        "Networks",
        "Of how many networks, each trained on another half of the images, the datamodel is made. "
        "They are trained once and serve every request.",
    )


def ridge_setting() -> float:
    """How strongly the datamodel is held back."""
    return setting(
        10.0,
        Slider(0.01, 1000.0, 0.01, log=True),
        "Ridge",
        "How strongly the datamodel's numbers are drawn to 0.",
    )


def inclusions(train: Rows, seeds: list[int]) -> Doubles:
    """Which training images the network of each seed had, (K, N) of 0 and 1."""
    return np.stack([np.isin(train, half(train, seed)) for seed in seeds]).astype(np.float64)


def removal_effect(had: Doubles, gone: NDArray[np.bool_], ridge: float) -> Doubles:
    """What each network's outputs count in −Σ β over the images that go, (K,).

    Args:
        had: which image each network had, (K, N).
        gone: the images that go, (N,).
        ridge: λ.

    Raises:
        BlindspotError: the arrays do not fit, or there are fewer than two networks.
    """
    if len(had) < 2:
        raise BlindspotError(f"A datamodel needs several networks, and there are {len(had)}.")
    if gone.shape != had.shape[1:]:
        raise BlindspotError(f"There are {had.shape[1]} images: {len(gone)} are said to go or not.")
    # centered inclusions stand for the intercept, which is not to be shrunk
    centered = had - had.mean(0)
    # Zᵀ(Z Zᵀ + λI)⁻¹ is (ZᵀZ + λI)⁻¹Zᵀ: a system of K networks in place of N images
    inner = centered @ centered.T + ridge * np.eye(len(had))
    solution = np.linalg.solve(inner, centered[:, gone].sum(1))
    result: Doubles = solution.mean() - solution  # less their mean: that centers the outputs
    return result


def shift_of(
    case: ForgetCase, count: int, ridge: float, progress: Progress = quiet
) -> tuple[Doubles, float]:
    """What a datamodel of so many networks says that logits gain when the images go.

    Returns:
        The gain of every image of the data, (images, classes), and the seconds that the networks
        once took.
    """
    trained_parts = every_part(case, HALF, range(-(-count // PART)), progress)
    return of_parts(case, trained_parts, count, ridge), seconds_of(trained_parts)


def of_parts(case: ForgetCase, trained_parts: list[Answer], count: int, ridge: float) -> Doubles:
    """The gain by the first `count` networks of some parts, (images, classes)."""
    train = case.splits.train
    seeds = [SEEDS[HALF] + number for number in range(min(count, PART * len(trained_parts)))]
    is_forgotten = np.isin(train, case.splits.forget)
    counts = removal_effect(inclusions(train, seeds), is_forgotten, ridge)
    gained: Doubles = np.zeros(())
    for place, part in enumerate(trained_parts):
        part_counts = counts[PART * place : PART * (place + 1)]
        gained = gained + np.tensordot(
            part_counts, logits_of(part)[: len(part_counts)].astype(np.float64), 1
        )
    return gained
