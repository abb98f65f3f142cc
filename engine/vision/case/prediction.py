"""Prediction: the model's probability for every class it knows."""

from dataclasses import dataclass

import numpy as np

from engine.core.keeping.memory import Memory
from engine.core.method import Method, Progress, quiet
from engine.core.result import Floats, Result, Scores, read_only
from engine.vision.case import ImageCase

PROBABILITIES: Memory[Floats] = Memory(
    256
)  # probabilities by their case's fingerprint; 4 kB of ImageNet's


@dataclass(frozen=True)
class Prediction(Method[ImageCase]):
    """The model's probability for every class it knows.

    The numbers are a softmax over the model's own classes: they add up to one even when the
    picture shows none of them, and nobody has calibrated them. A model that says several
    findings at once gives each a probability of its own: 50 % is the point from which on its makers
    count the finding as there.
    """

    name = "Prediction"
    family = "subject"
    title = "Prediction"
    cost = "live"
    proof = "tests/engine/vision/test_case.py::test_probabilities_are_the_softmax_of_the_logits"

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: classes, the probability of each label."""
        values = probabilities(case)
        progress(1.0, "one look")
        return {"classes": Scores(values, case.model.labels, "probability")}


def probabilities(case: ImageCase) -> Floats:
    """Of each of the model's classes, (classes,), by one forward pass."""
    logits = case.model.logits(case.image[None])
    values: Floats = case.model.probabilities(logits)[0].numpy()
    return values


def at_once(case: ImageCase) -> Floats:
    """As `probabilities`, without a place in the lane; of the same case only the first time."""
    return PROBABILITIES.made(case.fingerprint, lambda: read_only(probabilities(case)))


def top_classes(scores: Scores, count: int = 5) -> list[tuple[int, str, float]]:
    """Index, label and value of the highest scores, best first."""
    order = np.argsort(-scores.values, kind="stable")[:count]
    return [(int(i), scores.labels[i], float(scores.values[i])) for i in order]
