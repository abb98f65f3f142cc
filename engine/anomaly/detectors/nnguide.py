"""NNGuide: the energy, guided by how like the image is to normal ones that have high energy.

    score = − lse(l) · mean over the k largest of ⟨ẑ, lse(l_j) ẑ_j⟩

The guide is the mean of the k largest, where KNN takes the k-th. Park, Jung and Teoh, "Nearest
Neighbor Guidance for Out-of-Distribution Detection" (2023), https://arxiv.org/abs/2309.14888
"""

from dataclasses import dataclass

import numpy as np
import torch

from engine.core.method import Slider, setting
from engine.evaluation.detection.bank import Bank
from engine.evaluation.detection.detector import Detector, Fitted, Scored

SEED = 0  # of the draw where only a share of the normal images is used


@dataclass(frozen=True)
class NNGuide(Detector):
    """Minus the soft maximum of the logits, times how like the image is to normal ones.

    Its two factors are the energy and the guidance: the mean likeness to the k most alike normal
    images, each weighed by its own energy. Both are high on familiar images. The unit is a squared
    logit, so only the order counts.
    """

    name = "NNGuide"
    title = "NNGuide"
    paper = (
        "Park, Jung and Teoh, Nearest Neighbor Guidance for Out-of-Distribution Detection (2023), "
        "https://arxiv.org/abs/2309.14888"
    )
    needs = frozenset({"normal", "head", "one of many"})
    unit = "squared logit"
    joined = "product"
    proof = (
        "tests/engine/anomaly/test_vim.py::test_with_a_bank_of_one_it_is_two_energies_and_a_cosine"
    )

    k: int = setting(
        10, Slider(1, 1000, 1, log=True), "Neighbors", "So many of the most alike are averaged."
    )
    share: float = setting(
        1.0,
        Slider(0.01, 1.0, 0.01),
        "Share used",
        "Of the normal images; the paper takes 0.01 of a million, and banks here are small.",
    )

    def fit(self, train: Bank) -> Fitted:
        """The guide: normal directions, as long as their energies."""
        count = max(1, round(self.share * len(train)))
        # a permutation's beginning: a larger share contains the smaller one's images
        rows = np.sort(np.random.default_rng(SEED).permutation(len(train))[:count])
        guide = torch.from_numpy(train.energy[rows, None] * train.directions[rows])
        k = min(self.k, count)
        notes: tuple[str, ...] = ()
        if k < self.k:
            notes = (f"The bank has {count} images, so {k} are averaged.",)
        below = int((train.energy[rows] < 0).sum())
        if count - below < k:
            # the authors' code has no guard either; a few below 0 are never among the most alike
            notes += (
                f"The energy (log Σ exp of the logits) of {below} of {count} normal images is "
                "below 0. NNGuide takes it to be positive: two negative factors make an image of "
                "little energy look familiar, so its score says little here.",
            )

        def rule(bank: Bank) -> Scored:
            likeness = torch.from_numpy(bank.directions) @ guide.T
            # the mean of the k nearest, where KNN takes the k-th alone
            guidance = likeness.topk(k, dim=1, sorted=False).values.mean(1).numpy()
            # energy is the positive log-sum-exp here: familiar images have much of both factors
            score = -bank.energy * guidance
            return Scored(score, {"energy": bank.energy, "guidance": guidance})

        return Fitted(rule, notes)
