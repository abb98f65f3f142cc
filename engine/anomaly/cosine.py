"""A head whose logits cannot grow without bound, and the two losses it is trained by.

With a linear head an image far from everything has large logits, so that its ignorance is zero. A
cosine head sees only the direction of the features: its logits lie within bias ± scale.
"""

from collections.abc import Iterator
from copy import deepcopy
from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.core.method import Choice, setting
from engine.evaluation.detection.bank import Doubles, Ints
from engine.vision.models.classifier import Classifier
from engine.vision.training import Batch, descend

SCALE, BIAS, SPREAD = 10.0, -5.0, 0.1  # where training begins
RATE = 0.03
ANNEALED = 0.25  # share of a training after which the regularizer has its full weight
HIGHEST = 20.0  # of a logit that is raised to a power


class CosineHead(nn.Linear):
    """Logits (N, classes) from the directions of features (N, D): scale · cosine + bias."""

    def __init__(self, features: int, classes: int, seed: int = 0) -> None:
        super().__init__(features, classes)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.weight.normal_(std=SPREAD, generator=generator)
            # σ(−5) < 0.01: before anything is learned no class is plausible, and all is ignorance
            self.bias.fill_(BIAS)
        self.scale = nn.Parameter(torch.tensor(SCALE))

    def forward(self, features: Tensor) -> Tensor:
        """Logits."""
        # logits that grow without bound leave no ignorance far from all data
        cosines = F.normalize(features, dim=1) @ F.normalize(self.weight, dim=1).T
        return self.scale * cosines + self.bias


def loss_setting() -> Any:
    """The setting of every method that learns a head: its loss, as `fit_head` has it."""
    return setting(
        "binary",
        Choice(("binary", "evidential")),
        "Learned by",
        "A binary cross-entropy for each class, or the paper's loss on a Dirichlet of evidence.",
    )


def binary_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """A binary cross-entropy for each class, added up, (N,)."""
    targets = F.one_hot(labels, logits.shape[1]).to(logits)
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)


def evidential_loss(logits: Tensor, labels: Tensor, share: float = 1.0) -> Tensor:
    """The expected cross-entropy under the opinion's Dirichlet, regularized, (N,).

    Its evidence is K exp(l); that for wrong classes is drawn to none by a divergence.

    Args:
        logits: (N, K).
        labels: (N,).
        share: of the training that is done; the regularizer grows with it.
    """
    classes = logits.shape[1]
    # e_k = K b_k / I = K e^{l_k} and α = e + 1
    alpha = classes * logits.clamp(max=HIGHEST).exp() + 1
    targets = F.one_hot(labels, classes).to(logits)
    # E[−log p_y] under Dir(α) is ψ(S) − ψ(α_y)
    risk = (targets * (alpha.sum(1, keepdim=True).digamma() - alpha.digamma())).sum(1)
    # the true class is set to α = 1, so that its evidence is not held against it
    return risk + min(1.0, share / ANNEALED) * from_no_evidence(targets + (1 - targets) * alpha)


def from_no_evidence(alpha: Tensor) -> Tensor:
    """The divergence of Dirichlets (N, K) from the one without evidence, (N,)."""
    total = alpha.sum(1)
    # log Γ(K) of the uniform Dirichlet, whose other terms are log Γ(1) = 0
    log_gamma_classes = torch.tensor(float(alpha.shape[1]), dtype=alpha.dtype).lgamma()
    norm = total.lgamma() - alpha.lgamma().sum(1) - log_gamma_classes
    return norm + ((alpha - 1) * (alpha.digamma() - total.digamma()[:, None])).sum(1)


def fit_head(
    features: Doubles, labels: Ints, classes: int, loss: str = "binary", steps: int = 300
) -> CosineHead:
    """A head on features (N, D) that stay as they are, float64; the same ones give the same head.

    Args:
        features: what the head sees.
        labels: the class of each, (N,).
        classes: how many there are.
        loss: "binary" or "evidential".
        steps: so many, each on all images.
    """
    inputs, targets = torch.from_numpy(np.array(features)), torch.from_numpy(np.array(labels))
    with torch.random.fork_rng(devices=[]):  # nn.Linear draws weights that are replaced
        head = CosineHead(features.shape[1], classes).double()

    def losses() -> Iterator[object]:
        for step in range(steps):
            if loss == "binary":
                yield lambda: binary_loss(head(inputs), targets).mean()
            else:
                yield lambda at=step / steps: evidential_loss(head(inputs), targets, at).mean()

    optimizer = torch.optim.Adam(head.parameters(), RATE)
    for _ in descend(optimizer, losses(), rate=lambda at: RATE * (1 + cos(pi * at / steps)) / 2):  # type: ignore[arg-type]
        pass
    return head.requires_grad_(requires_grad=False).eval()


def by_masses(model: Classifier, batch: Batch) -> Tensor:
    """The objective of a whole network that learns opinions, (n,)."""
    return binary_loss(model(batch.pixels), batch.targets)


def with_head(model: Classifier, head: nn.Linear) -> Classifier:
    """A copy of the model that ends in another head."""
    copy = model.twin(paced=False)
    name = next(name for name, module in copy.network.named_modules() if module is copy.head)
    parent_name, _, leaf_name = name.rpartition(".")
    setattr(
        copy.network.get_submodule(parent_name), leaf_name, deepcopy(head).float().to(model.device)
    )
    vars(copy).pop("head", None)
    return copy
