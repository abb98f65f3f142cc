"""Membership attacks: can an outsider tell from the model's answers what it learnt from?

The attacker of Jia et al. (2023) and Fan et al. (2023) is a support vector machine (radial kernel,
C = 3, gamma "auto") that is fitted on the model itself: members are the first of the images that
stay, in their order, strangers are the test images. MIA-Efficacy is the share of the forgotten
images that it calls strangers; right is what the retrained model has, not 1. Official counts are
unequal where fewer images stay than there are for the test, and then the attacker says "stranger"
to all; balanced ones take as many of each.

Their published code has a modified entropy that is wrong (it mixes images, and takes log(1 − p)
from log p); here it is Song and Mittal's: −(1 − p_y) log p_y − Σ_{i≠y} p_i log(1 − p_i).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Whole = NDArray[np.int64]

INFORMATIVE = 0.55  # accuracy on what it was fitted to, below which an attacker says nothing
TINY = 1e-30


@dataclass(frozen=True)
class Answers:
    """What a model says of n images: probabilities (n, classes) and the right labels (n,)."""

    probabilities: Doubles
    labels: Whole

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> Answers:
        """The first few."""
        return self[slice(0, count)]

    def __getitem__(self, rows: slice) -> Answers:
        return Answers(self.probabilities[rows], self.labels[rows])

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which it gets right, (n,)."""
        return self.probabilities.argmax(1) == self.labels

    @property
    def confidence(self) -> Doubles:
        """The probability of the right class, (n,)."""
        return self.probabilities[np.arange(len(self)), self.labels]


def correctness(said: Answers) -> Doubles:
    """1 where it is right, 0 elsewhere."""
    return said.right.astype(np.float64)


def entropy(said: Answers) -> Doubles:
    """−Σ p log p, in nats."""
    p = said.probabilities
    return -(p * np.log(np.maximum(p, TINY))).sum(1)


def modified_entropy(said: Answers) -> Doubles:
    """Small for a confident right answer, large for a confident wrong one, in nats."""
    p, own = said.probabilities, said.confidence
    each = -p * np.log(np.maximum(1 - p, TINY))
    each[np.arange(len(said)), said.labels] = 0
    return -(1 - own) * np.log(np.maximum(own, TINY)) + each.sum(1)


FEATURES: dict[str, Callable[[Answers], Doubles]] = {
    "confidence": lambda said: said.confidence,
    "correctness": correctness,
    "entropy": entropy,
    "modified entropy": modified_entropy,
    "probabilities": lambda said: said.probabilities,
}


@dataclass(frozen=True)
class Attack:
    """How an attacker fares.

    Args:
        efficacy: share of the forgotten images that it calls strangers (MIA-Efficacy).
        accuracy: mean over members and strangers of the share that it gets right, of those that it
            was fitted to; at one half it knows nothing.
    """

    efficacy: float
    accuracy: float

    @property
    def informative(self) -> bool:
        """Whether its word counts for anything."""
        return self.accuracy >= INFORMATIVE


def attacker(members: Doubles, strangers: Doubles) -> Any:
    """The fitted machine: it predicts 1 for a member and 0 for a stranger, of features (n, d)."""
    from sklearn.svm import SVC

    features = np.concatenate([columns(members), columns(strangers)])
    told = np.concatenate([np.ones(len(members)), np.zeros(len(strangers))])
    return SVC(C=3, gamma="auto", kernel="rbf", random_state=0).fit(features, told)


def columns(features: Doubles) -> Doubles:
    """Features as (n, d)."""
    return features.reshape(len(features), -1)


def attack(
    retain: Answers,
    test: Answers,
    forget: Answers,
    feature: str = "confidence",
    *,
    balanced: bool = True,
) -> Attack:
    """The official attacker on one of FEATURES.

    Args:
        retain: answers on the images that stay, in their order.
        test: answers on the test images.
        forget: answers on the forgotten images.
        feature: what it looks at.
        balanced: as many strangers as members; the official code takes all test images.
    """
    of = FEATURES[feature]
    members = retain.first(len(test))
    strangers = test.first(len(members)) if balanced else test
    fitted = attacker(of(members), of(strangers))
    known = [fitted.predict(columns(of(one))) for one in (members, strangers)]
    accuracy = (np.mean(known[0] == 1) + np.mean(known[1] == 0)) / 2
    efficacy = 1 - fitted.predict(columns(of(forget))).mean()
    return Attack(float(efficacy), float(accuracy))


def privacy(retain: Answers, test: Answers, feature: str = "confidence") -> float:
    """MIA-Privacy: the attacker fitted on half of the images, scored on the others.

    Half of the test images and as many that stay are fitted to, as many again of both are scored;
    the mean of the shares of members and of strangers that it knows. Near one half is private. NaN
    where there are too few images for two halves.
    """
    half = min(len(retain), len(test)) // 2
    if not half:
        return float("nan")
    of = FEATURES[feature]
    fitted = attacker(of(retain.first(half)), of(test.first(half)))
    members = fitted.predict(columns(of(retain[half : 2 * half])))
    strangers = fitted.predict(columns(of(test[half : 2 * half])))
    return float((np.mean(members == 1) + np.mean(strangers == 0)) / 2)


def called_members(retain: Answers, test: Answers, forget: Answers) -> float:
    """SSD's own attack: balanced logistic regression on the entropy of the answers.

    The share of forgotten images that it calls members: the opposite sense of MIA-Efficacy. Foster
    et al. (2024), https://arxiv.org/abs/2308.07707
    """
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate([entropy(retain), entropy(test)])[:, None]
    told = np.concatenate([np.ones(len(retain)), np.zeros(len(test))])
    fitted = LogisticRegression(class_weight="balanced").fit(features, told)
    return float(fitted.predict(entropy(forget)[:, None]).mean())
