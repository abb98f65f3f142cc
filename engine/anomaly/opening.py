"""What Familiar? opens with, where too few images ship for a verdict, and Experiments.

The example of Familiar? is a digit of another data set than the model learned from.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from engine import data
from engine.anomaly import EXPERIMENTS, Compare, FamiliarCase, ViM, sources
from engine.case import shown
from engine.case.opening import Question, seen
from engine.data.example import Example
from engine.experiment import ClosedFormExperiment, ExperimentCase
from engine.images import Crop
from engine.images.samples import SAMPLES
from engine.models.catalog import load
from engine.models.classifier import Classifier

OTHER_DIGIT = ("mnist-5k", "digits-cnn")  # data and model


def questions() -> Iterator[Question]:
    """The photographs without a verdict, one digit with it, and each closed form on its data."""
    for one in SAMPLES:
        group = sources.photograph(one.name)
        yield ViM(), unusual(load(), seen(one.name).image, sources.PHOTOGRAPHS, group)
    digits, model = data.load(OTHER_DIGIT[0]), load(OTHER_DIGIT[1])
    image = shown(Example(digits, int(digits.rows("test")[0])).picture(), Crop(), model)
    case = unusual(model, image, sources.learned(model))
    yield ViM(), case
    yield Compare(), case
    for kind in EXPERIMENTS:
        if issubclass(kind, ClosedFormExperiment):
            yield kind(), ExperimentCase(data.load(kind.data[0]))


def unusual(model: Classifier, image: Tensor, name: str, group: int | None = None) -> FamiliarCase:
    """An image among normal ones by name, measured by the unknown ones that are offered first."""
    normal = sources.normal(name)
    first = next(one.name for one in sources.unknown_sources(normal) if not one.reason)
    return FamiliarCase(model, image, normal, sources.unknown(first, normal, model), group)
