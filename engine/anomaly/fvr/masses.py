"""Opinions: what of the belief goes to one class, to several at once, and to none.

Each class k has a plausibility pl_k = σ(l_k), told apart from the other classes'. Combining these K
binary opinions gives a mass to every subset A of the classes,

    m(A) = Π_{k ∈ A} pl_k · Π_{k ∉ A} (1 − pl_k)

Ignorance is m(∅), belief in k is m({k}), and confusion is all that is left, the mass of subsets of
two classes and more. All three have a closed form, so that nobody goes through 2^K subsets:

    ignorance = exp(−Σ softplus(l_k)),   belief_k = ignorance · exp(l_k)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.detection.bank import Doubles

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Masses:
    """Of N images: ignorance (N,), confusion (N,) and belief (N, K), which add up to one."""

    ignorance: Doubles
    confusion: Doubles
    belief: Doubles
    plausibility: Doubles  # (N, K), of each class by itself

    def __len__(self) -> int:
        return len(self.ignorance)


def masses(logits: Doubles) -> Masses:
    """The opinions of logits (N, K), each the log odds of one class against all else."""
    logits = np.asarray(logits, np.float64)
    # log m(∅) = −Σ softplus(l_k): in logarithms, since e^l overflows and products of 1 − pl vanish
    log_ignorance = -np.logaddexp(0, logits).sum(1)
    # b_k = m({k}) = pl_k Π_{j≠k} (1 − pl_j) = I e^{l_k}
    belief = np.exp(log_ignorance[:, None] + logits)
    ignorance = np.exp(log_ignorance)
    confusion = np.clip(1 - ignorance - belief.sum(1), 0, 1)  # below 0 by rounding only
    return Masses(ignorance, confusion, belief, np.exp(-np.logaddexp(0, -logits)))


@dataclass(frozen=True)
class DoubtLines:
    """From where on an image is rejected, and from where on it is answered by several classes.

    Both lie at a quantile of normal images, since masses of two heads are on no common scale.
    """

    ignorance: float
    confusion: float

    @classmethod
    def of(cls, normal: Masses, alarms: float) -> DoubtLines:
        """Lines that so large a share of normal images lies above."""
        quantiles = (
            np.quantile(doubts, 1 - alarms) for doubts in (normal.ignorance, normal.confusion)
        )
        return cls(*map(float, quantiles))


def answer_sets(image_masses: Masses, lines: DoubtLines, near: float) -> Flags:
    """The classes that each image is answered by, (N, K): none, one or several.

    Args:
        image_masses: the opinions.
        lines: above the first an image is rejected, above the second it may have several answers.
        near: of the highest plausibility, how much a class needs to be among these.
    """
    best = image_masses.plausibility.max(1, keepdims=True)
    several = image_masses.plausibility >= near * best
    # by argmax and not by equality, so that a tie is still answered by one class
    single = np.arange(several.shape[1]) == image_masses.plausibility.argmax(1)[:, None]
    chosen = np.where((image_masses.confusion > lines.confusion)[:, None], several, single)
    return np.asarray(chosen & (image_masses.ignorance <= lines.ignorance)[:, None])
