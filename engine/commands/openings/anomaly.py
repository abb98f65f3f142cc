"""What the views of Anomaly open with: the shipped photographs, and digits as examples.

Of photographs too few ship for a verdict, and what their model learned from is not here. So the
example of Familiar? is a digit of another data set than its model learned from, and that of
Confusion or ignorance a digit that is easily taken for another one.
"""

from collections.abc import Iterator

from torch import Tensor

from engine.anomaly import EXPERIMENTS, FVR, Blends, Compare, FamiliarCase, PatchCore, ViM
from engine.evaluation.detection import sources
from engine.evaluation.experiment import ClosedFormExperiment, ExperimentCase
from engine.vision import data
from engine.vision.case import model_input
from engine.vision.case.opening import OpeningQuestion, sample_input
from engine.vision.data.example import Example
from engine.vision.images import Crop
from engine.vision.images.samples import SAMPLES
from engine.vision.models.catalog import load
from engine.vision.models.classifier import Classifier

OTHER_DIGIT = ("mnist-5k", "digits-cnn")  # data and model
DOUBTED = ("digits-cnn", "3", "8")  # model, class of the image, class that it is blended with


def questions() -> Iterator[OpeningQuestion]:
    """One view after the other; of Experiments each closed form on its data."""
    yield from familiar()
    yield from where()
    yield from doubt()
    for kind in EXPERIMENTS:
        if issubclass(kind, ClosedFormExperiment):
            yield kind(), ExperimentCase(data.load(kind.data[0]))


def familiar() -> Iterator[OpeningQuestion]:
    """The photographs without a verdict, and one digit with it."""
    for sample in SAMPLES:
        group = sources.photograph(sample.name)
        yield ViM(), unusual(load(), sample_input(sample.name).image, sources.PHOTOGRAPHS, group)
    digits, model = data.load(OTHER_DIGIT[0]), load(OTHER_DIGIT[1])
    image = model_input(Example(digits, int(digits.rows("test")[0])).picture(), Crop(), model)
    case = unusual(model, image, sources.training_data_name(model))
    yield ViM(), case
    yield Compare(), case


def where() -> Iterator[OpeningQuestion]:
    """Where each photograph is unlike the others."""
    normal = sources.normal(sources.PHOTOGRAPHS)
    for sample in SAMPLES:
        group = sources.photograph(sample.name)
        yield (
            PatchCore(),
            FamiliarCase(load(), sample_input(sample.name).image, normal, group=group),
        )


def doubt() -> Iterator[OpeningQuestion]:
    """One digit, and its blends."""
    name, _, toward = DOUBTED
    model = load(name)
    case = unusual(
        model, model_input(doubted().picture(), Crop(), model), sources.training_data_name(model)
    )
    yield FVR(), case
    yield Blends(toward), case


def doubted() -> Example:
    """The first test image of a digit that is easily taken for another one."""
    name, label, _ = DOUBTED
    digits = sources.normal(sources.training_data_name(load(name)))
    rows = digits.rows("test")
    return Example(digits, int(rows[digits.labels[rows] == digits.classes.index(label)][0]))


def unusual(model: Classifier, image: Tensor, name: str, group: int | None = None) -> FamiliarCase:
    """An image among normal ones by name, measured by the unknown ones that are offered first."""
    normal = sources.normal(name)
    unknown_name = next(
        source.name for source in sources.unknown_sources(normal) if not source.reason
    )
    return FamiliarCase(model, image, normal, sources.unknown(unknown_name, normal, model), group)
