"""Membership attacks: can an outsider tell from the model's answers what it learned from?

The attacker of Jia et al. (2023) and Fan et al. (2023) is a support vector machine (radial kernel,
C = 3, gamma "auto") that is fitted on the model itself: members are images that stay, strangers are
test images. MIA-Efficacy is the share of the forgotten images that it calls strangers; right is
what the retrained model has, not 1. The published code takes the first images that stay: where data
lie in the order of their classes, such an attacker compares classes. Here both are drawn by a seed,
and as many of each class. Official counts (all test images, and as many that stay, of any class)
are unequal where fewer images stay than there are for the test, and then the attacker says
"stranger" to all.

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

BAND = 0.05  # of accuracy around one half, within which an attacker says nothing
TINY = 1e-30


@dataclass(frozen=True)
class Answers:
    """What a model says of n images: probabilities (n, classes) and the right labels (n,)."""

    probabilities: Doubles
    labels: Whole

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | Whole) -> Answers:
        return Answers(self.probabilities[rows], self.labels[rows])

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which it gets right, (n,)."""
        return self.probabilities.argmax(1) == self.labels

    @property
    def confidence(self) -> Doubles:
        """The probability of the right class, (n,)."""
        return self.probabilities[np.arange(len(self)), self.labels]


def correctness(model_answers: Answers) -> Doubles:
    """1 where it is right, 0 elsewhere."""
    return model_answers.right.astype(np.float64)


def entropy(model_answers: Answers) -> Doubles:
    """−Σ p log p, in nats."""
    p = model_answers.probabilities
    return -(p * np.log(np.maximum(p, TINY))).sum(1)


def modified_entropy(model_answers: Answers) -> Doubles:
    """Small for a confident right answer, large for a confident wrong one, in nats."""
    p, confidence = model_answers.probabilities, model_answers.confidence
    terms = -p * np.log(np.maximum(1 - p, TINY))
    # the sum is over i ≠ y
    terms[np.arange(len(model_answers)), model_answers.labels] = 0
    return -(1 - confidence) * np.log(np.maximum(confidence, TINY)) + terms.sum(1)


FEATURES: dict[str, Callable[[Answers], Doubles]] = {
    "confidence": lambda answers: answers.confidence,
    "correctness": correctness,
    "entropy": entropy,
    "modified entropy": modified_entropy,
    "probabilities": lambda answers: answers.probabilities,
}


@dataclass(frozen=True)
class AttackOutcome:
    """How an attacker fares.

    Args:
        efficacy: share of the forgotten images that it calls strangers (MIA-Efficacy).
        accuracy: mean over members and strangers of the share that it gets right, of those that it
            was fitted to; at one half it knows nothing.
        images: how many it was fitted to, members and strangers together.
    """

    efficacy: float
    accuracy: float
    images: int

    @property
    def informative(self) -> bool:
        """Whether its word counts for anything."""
        return informative(self.accuracy, self.images)


def band(images: float) -> float:
    """How far from one half an accuracy on so many images says nothing.

    BAND, or two standard errors of a share of one half, 2 √(¼ / n), where that is more: with fewer
    than 400 images.
    """
    return float(max(BAND, images**-0.5)) if images else 1.0


def informative(accuracy: float, images: float) -> bool:
    """Whether an accuracy on so many images is outside the band around chance."""
    # rounding alone is not to put 0.55 outside a band of 0.05
    return abs(accuracy - 0.5) > band(images) + 1e-9


def matched(retain: Answers, test: Answers, seed: int = 0) -> tuple[Answers, Answers]:
    """Members and strangers, drawn by the seed: as many of each class, in one order of classes.

    Where no class is on both sides, as many of any class.
    """
    rng = np.random.default_rng([seed, 25])
    pairs = [
        equalized_rows(rng, *(np.flatnonzero(side.labels == label) for side in (retain, test)))
        for label in np.intersect1d(retain.labels, test.labels)
    ] or [equalized_rows(rng, np.arange(len(retain)), np.arange(len(test)))]
    members, non_members = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    # one order for both: halves of them (see `privacy`) then have the same classes
    order = rng.permutation(len(members))
    return retain[members[order]], test[non_members[order]]


def equalized_rows(rng: np.random.Generator, *sides: Whole) -> list[Whole]:
    """As many rows of each side as the shorter one has, in random order."""
    count = min(map(len, sides))
    return [rng.permutation(rows)[:count] for rows in sides]


def attacker(members: Doubles, non_members: Doubles) -> Any:
    """The fitted machine: it predicts 1 for a member and 0 for a stranger, of features (n, d)."""
    from sklearn.svm import SVC

    features = np.concatenate([columns(members), columns(non_members)])
    is_member = np.concatenate([np.ones(len(members)), np.zeros(len(non_members))])
    # "auto" is 1 / features, not "scale": as published, whatever the spread of confidences
    return SVC(C=3, gamma="auto", kernel="rbf", random_state=0).fit(features, is_member)


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
    seed: int = 0,
) -> AttackOutcome:
    """The official attacker on one of FEATURES.

    Args:
        retain: answers on the images that stay.
        test: answers on the test images.
        forget: answers on the forgotten images.
        feature: what it looks at.
        balanced: as many strangers as members, of each class; the official code takes all test
            images, and as many members of any class.
        seed: of the draw of members and strangers.
    """
    read_feature = FEATURES[feature]
    if balanced:
        members, non_members = matched(retain, test, seed)
    else:
        rows = np.random.default_rng([seed, 25]).permutation(len(retain))[: len(test)]
        members, non_members = retain[rows], test
    attack_model = attacker(read_feature(members), read_feature(non_members))
    predictions = [
        attack_model.predict(columns(read_feature(sample))) for sample in (members, non_members)
    ]
    accuracy = (np.mean(predictions[0] == 1) + np.mean(predictions[1] == 0)) / 2
    efficacy = 1 - attack_model.predict(columns(read_feature(forget))).mean()
    return AttackOutcome(float(efficacy), float(accuracy), len(members) + len(non_members))


def privacy(retain: Answers, test: Answers, feature: str = "confidence", *, seed: int = 0) -> float:
    """MIA-Privacy: the attacker fitted on half of its members and strangers, scored on the others.

    The mean of the shares of members and of strangers that it knows. Near one half is private. NaN
    where there are too few images for two halves.
    """
    members, non_members = matched(retain, test, seed)
    half = len(members) // 2
    if not half:
        return float("nan")
    read_feature = FEATURES[feature]
    attack_model = attacker(read_feature(members[:half]), read_feature(non_members[:half]))
    predictions = [
        attack_model.predict(columns(read_feature(sample[half : 2 * half])))
        for sample in (members, non_members)
    ]
    return float((np.mean(predictions[0] == 1) + np.mean(predictions[1] == 0)) / 2)


def called_members(retain: Answers, test: Answers, forget: Answers) -> float:
    """SSD's own attack: balanced logistic regression on the entropy of the answers.

    The share of forgotten images that it calls members: the opposite sense of MIA-Efficacy. Foster
    et al. (2024), https://arxiv.org/abs/2308.07707
    """
    from sklearn.linear_model import LogisticRegression

    features = np.concatenate([entropy(retain), entropy(test)])[:, None]
    is_member = np.concatenate([np.ones(len(retain)), np.zeros(len(test))])
    regression = LogisticRegression(class_weight="balanced").fit(features, is_member)
    return float(regression.predict(entropy(forget)[:, None]).mean())
