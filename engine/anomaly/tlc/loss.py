"""The loss that experts on long-tailed data learn by (TLC), as the authors' code has it."""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.anomaly.cosine import from_no_evidence
from engine.anomaly.tlc.experts import ENGAGED, SCALE, Experts, chain, engaged, together
from engine.core.device import in_double
from engine.vision.models.classifier import Classifier
from engine.vision.training import Batch

LATE = 0.8  # share of the training after which classes are weighed: epoch 160 of 200
ANNEALED = 66  # trainings after which the regularizer would have its full weight: 13,200 epochs
EFFECTIVE = 0.9999
FLATTER = 0.05  # how far the temperature follows a class's share
DIVERSITY = 0.01


@dataclass
class TlcLoss:
    """The objective of `train`; it counts the steps, since parts of it change on the way.

    Args:
        counts: training images of each class, (K,); one without any plays no part.
        steps: of the whole training.
        per_epoch: steps to an epoch.
        margin: the largest margin, that of the rarest class, in cosines.
        regular: whether evidence for wrong classes is drawn to none.
        diverse: whether experts are driven apart.
        least: what of a batch's most must be left for an image to engage an expert; 0 engages all.
    """

    counts: NDArray[np.int64]
    steps: int
    per_epoch: int
    margin: float = 0.5
    regular: bool = True
    diverse: bool = True
    least: float = ENGAGED
    done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        counts, present = torch.from_numpy(self.counts).double(), torch.from_numpy(self.counts > 0)
        # LDAM: margins go with n_c^(−1/4), the largest one for the rarest class
        rare = torch.where(present, counts**-0.25, 0.0)
        self.margins = self.margin * rare / rare.max()
        # one over the effective number of images (1 − β^n) / (1 − β), with mean 1
        weights = torch.where(present, (1 - EFFECTIVE) / (1 - EFFECTIVE**counts), 0.0)
        self.weights = weights / weights[present].mean()
        heat = int(present.sum()) * FLATTER * counts / counts.sum() + 1 - FLATTER
        self.heat = heat / heat.max()

    def count(self, model: Classifier, rate: float) -> None:  # noqa: ARG002
        """Called after each step."""
        self.done += 1

    @property
    def late(self) -> bool:
        """Whether classes are weighed by now."""
        return self.done // self.per_epoch > LATE * self.steps / self.per_epoch

    def __call__(self, model: Classifier, batch: Batch) -> Tensor:
        """The loss of a batch: over experts, the mean over the images that engage each."""
        network = cast(Experts, model.network)
        logits = network.each((batch.pixels - model.mean) / model.std)
        left = chain(logits).left
        # the mean of all experts is a target that each is driven from: it must not follow
        whole = together(logits, left, over="batch").detach()
        engagement = engaged(left, self.least).to(logits[0])
        parts = [
            # never ÷ 0: the image of which most is left always engages
            (self.of_expert(logit, whole, batch.targets) * mask).sum() / mask.sum()
            for logit, mask in zip(logits, engagement, strict=True)
        ]
        return torch.stack(parts).sum()

    def of_expert(self, logits: Tensor, whole: Tensor, labels: Tensor) -> Tensor:
        """The loss of one expert on each image, (N,).

        Args:
            logits: its own, (N, K).
            whole: those of all experts together, without gradient.
            labels: (N,).
        """
        targets = F.one_hot(labels, logits.shape[1]).to(logits)
        # margins are in cosines, so in logits they are as much larger as the scale
        lowered = logits - SCALE * targets * self.margins.to(logits)
        weights = self.weights.to(logits) if self.late else None
        loss = F.cross_entropy(lowered, labels, weight=weights, reduction="none")
        if self.regular:
            one_hot = in_double(targets)  # exp(30) is too much for float32
            # α̃ is 1 on the true class, so that its evidence is not held against it
            alpha = one_hot + (1 - one_hot) * (in_double(lowered).exp() + 1)
            epoch, epochs = self.done // self.per_epoch, self.steps / self.per_epoch
            regularizer = epoch / (ANNEALED * epochs) * from_no_evidence(alpha)
            loss = loss + regularizer.to(loss)
        if self.diverse:
            heat = self.heat.to(logits) if self.late else torch.ones_like(logits[0])
            log_shares, mean = (logits / heat).log_softmax(1), (whole / heat).softmax(1)
            divergence = F.kl_div(log_shares, mean, reduction="none").sum(1)
            # minus: experts are driven apart; τ² undoes that τ shrinks gradients by 1/τ²
            loss = loss - DIVERSITY * float(heat.mean()) ** 2 * divergence
        return loss
