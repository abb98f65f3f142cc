"""What the views of Sparsity open with: Prune with the first sample, Tickets, experiments."""

from collections.abc import Iterator
from dataclasses import replace

from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.maps.grad_cam import GradCam
from engine.sparsity import (
    EXPERIMENTS,
    BiP,
    Harm,
    Level,
    Lottery,
    Prune,
    Rewinding,
    Tradeoff,
    Unknown,
    prune_case,
)
from engine.sparsity.effects.pruned_image import PrunedImage
from engine.sparsity.lth.lottery import RECIPES
from engine.vision import data as data_sets
from engine.vision.case.opening import OpeningQuestion, about_first
from engine.vision.case.prediction import Prediction
from engine.vision.images.samples import SAMPLES
from engine.vision.lab import TrainCase
from engine.vision.models.catalog import load

PRUNED = 0.3  # of the weights, as the view opens
TICKETS_DATA = ("digits", "mnist-5k")  # small enough to be trained on again and again


def questions() -> Iterator[OpeningQuestion]:
    """What the views ask, and each experiment on its first data."""
    yield from prune()
    yield from tickets()
    for kind in EXPERIMENTS:
        yield kind(), ExperimentCase(data_sets.load(kind.data[0]))


def tickets() -> Iterator[OpeningQuestion]:
    """The tickets of the digits, a mask learned for the same network, and tickets rewound late."""
    case = TrainCase(data_sets.load(TICKETS_DATA[0]), next(iter(RECIPES.values())))
    yield Lottery(), case
    yield BiP(), case
    yield Rewinding(), TrainCase.from_arguments(**Rewinding.argument_defaults)


def prune() -> Iterator[OpeningQuestion]:
    """About one photograph, and about all that ship."""
    case = prune_case(load())
    cut = Prune(ratio=PRUNED)
    after = replace(about_first(SAMPLES[0].name), model=cut.made(case, cut.masks(case)))
    yield Prediction(), after
    yield GradCam(), after
    yield Level(ratio=PRUNED), case
    yield Tradeoff(epochs=0), case
    yield Harm(ratio=PRUNED), case
    yield Unknown(ratio=PRUNED), case
    for sample in SAMPLES:
        yield PrunedImage(), about_first(sample.name)
