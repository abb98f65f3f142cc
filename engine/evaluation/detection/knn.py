"""KNN: the distance to the k-th nearest normal image, features at length 1.

    score = ‖ẑ − ẑ_(k)‖₂,   ẑ = z / ‖z‖

Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors" (2022),
https://arxiv.org/abs/2204.06507
"""

from dataclasses import dataclass

import numpy as np
import torch

from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank, Doubles
from engine.evaluation.detection.detector import Detector, Fitted, Scored

CHUNK = 1024  # images whose distances are held at a time


@dataclass(frozen=True)
class KNN(Detector):
    """How far the k-th nearest normal image is, between directions of features: from 0 to 2.

    Its two terms are the distance to the very nearest normal image, and how much farther the k-th
    is. The nearest images are shown, so that one can see what the number rests on.
    """

    name = "KNN"
    title = "KNN"
    paper = (
        "Sun et al., Out-of-Distribution Detection with Deep Nearest Neighbors (2022), "
        "https://arxiv.org/abs/2204.06507"
    )
    needs = frozenset({"normal", "head"})
    unit = "distance"
    joined = "sum"
    proof = "tests/engine/anomaly/test_vim.py::test_distances_are_those_of_a_plain_search"

    k: int = setting(
        10,
        Slider(1, 1000, 1, log=True),
        "Neighbor",
        "Which nearest normal image is measured; the last one where there are fewer.",
    )

    def fit(self, train: Bank) -> Fitted:
        """The directions of the normal images."""
        k = min(self.k, len(train))
        notes = () if k == self.k else (f"There are {k} normal images, so the {k}-th is taken.",)
        reference = train.directions

        def rule(bank: Bank) -> Scored:
            near = distances(bank.directions, reference, k)
            return Scored(near[:, -1], {"nearest": near[:, 0], "spread": near[:, -1] - near[:, 0]})

        return Fitted(rule, notes)


def distances(queries: Doubles, reference: Doubles, k: int) -> Doubles:
    """Euclidean distances (N, k) to the k nearest rows, nearest first."""
    rows, others = torch.from_numpy(queries), torch.from_numpy(reference)
    # |x − y|² = |x|² − 2 (x·y − |y|²/2): the nearest y is where the bracket is largest
    half_squares = (others**2).sum(1) / -2
    nearest = np.empty((len(queries), k))
    for start in range(0, len(queries), CHUNK):
        chunk = rows[start : start + CHUNK]
        near = torch.addmm(half_squares, chunk, others.T).topk(k, dim=1).values  # x·y − |y|² / 2
        squared = (chunk**2).sum(1, keepdim=True) - 2 * near
        # a member of the bank can come out below 0 by rounding
        nearest[start : start + CHUNK] = squared.clamp_min(0).sqrt().numpy()
    return nearest
