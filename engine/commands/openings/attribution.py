"""What the views of Attribution open with: the shipped photographs, and the kept studies."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from engine.attribution import FIRST, HEATMAPS
from engine.attribution.adasmooth.experiment import AdaptiveSmoothing
from engine.attribution.cbc import (
    PrototypeNetwork,
    PrototypeRobustness,
    Prototypes,
    about_row,
    first_row,
)
from engine.attribution.cbc.networks import INDEFINITE, NEGATIVE, POSITIVE
from engine.attribution.cbsn import Denoised
from engine.attribution.cbsn.experiment import Cbsn
from engine.attribution.comet.experiment import CometExperiment
from engine.attribution.comet.grid import CometGrid
from engine.attribution.gp_unet.experiment import OwnMapsExperiment
from engine.attribution.lfa import LFA
from engine.attribution.lima import LiMA, RandomOrder
from engine.attribution.lst.blind_spot import BlindSpot
from engine.attribution.lst.method import LST
from engine.attribution.lst.plane import Plane
from engine.attribution.lst.simplex import Simplex
from engine.attribution.lst.star import Star
from engine.attribution.lst.tube_width import TubeWidth
from engine.attribution.mhim import (
    MHIM,
    MHIM2,
    BagsCase,
    MaskedRatio,
    TileAttention,
    UnlikeTiles,
    WholeSlideCase,
)
from engine.attribution.quadattack.methods import QuadAttacK
from engine.attribution.quadattack.ordered_case import OrderedCase, drawn_order
from engine.attribution.robustness.gradient_steps import PGD
from engine.attribution.study import SOURCES, Study, StudyMaps, study_case
from engine.attribution.tilt import TiltedBoundary, TiltedSheets
from engine.core.method import Method
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.trust import Order, OtherClass, Shape, TrustCase
from engine.vision import data as data_sets
from engine.vision.case import ImageCase, PairCase, image_case
from engine.vision.case.opening import OpeningQuestion, about_first, sample_input
from engine.vision.case.prediction import Prediction
from engine.vision.case.target import Target
from engine.vision.data.example import Example, example
from engine.vision.data.whole_slide import made_slide
from engine.vision.images import Crop
from engine.vision.images.samples import SAMPLES
from engine.vision.models.catalog import DEFAULT, load

FIRST_TARGET = "china"  # to which a walk is shown first, and those after it for several
WALKS: tuple[tuple[Method[Any], int], ...] = (  # with the number of targets
    (LST(), 1),
    (Plane(), 1),
    (Simplex(), 2),
    (Star(), 5),
    (TubeWidth(), 1),
)


@dataclass(frozen=True)
class PlantedShortcut:
    """A network that was taught by a mark, and one slice with and without mark and lesion.

    Args:
        model: learned from data in which the mark gives one class away.
        control: learned from the same data without the mark.
        slice: the id of an image of that class, of a patient that neither has seen.
        marked, unmarked, healthy: data sets that have it with both, with the lesion only, and
            without the lesion but with the mark.
        maps: what is asked where the network looks.
    """

    model: str = "phantom-cnn-shortcut"
    control: str = "phantom-cnn"
    slice: int = 63
    marked: str = "phantoms:count=100+shortcut:target=3,share=1,test=all"
    unmarked: str = "phantoms:count=100"
    healthy: str = "phantoms:count=100+healthy+shortcut:target=3,share=1,test=all"
    maps: Method[Any] = field(default_factory=GradCam)

    def example(self, data: str) -> Example:
        """The slice in one of the three data sets."""
        return example(f"{data}/{self.slice}")

    def case(self, model: str, data: str) -> ImageCase:
        """Whether a network sees that class in it: the class that the mark stands for."""
        label = self.example(self.marked)
        target = Target(int(label.data.labels[label.row]))
        return image_case(load(model), self.example(data).picture(), Crop(), target)

    def questions(self, model: str, data: str) -> tuple[OpeningQuestion, OpeningQuestion]:
        """What it says, and where it looks."""
        case = self.case(model, data)
        return (Prediction(), replace(case, target=Target(0))), (self.maps, case)


PLANTED = PlantedShortcut()


def questions() -> Iterator[OpeningQuestion]:
    """One view after the other, and a story."""
    parts = (
        heatmaps, trials, minimal, attacks, explanations, walks, blind_spots, study, prototypes,
        slides, shortcut, tilted, experiments,
    )  # fmt: skip
    for part in parts:
        yield from part()


def heatmaps() -> Iterator[OpeningQuestion]:
    """Every method on the first sample, two on the others."""
    for place, sample in enumerate(SAMPLES):
        yield Prediction(), sample_input(sample.name)
        case = about_first(sample.name)
        for kind in HEATMAPS if place == 0 else FIRST:
            if not kind.unmet(case):
                yield kind(), case


def trials() -> Iterator[OpeningQuestion]:
    """Whether the strong pixels of the maps that a sample opens with carry the score.

    What else is tried without asking takes no looks, or one map that would be large to ship. The
    start page shows what they say of the first map, and computes nothing for it.
    """
    for sample in SAMPLES:
        case = about_first(sample.name)
        for kind in FIRST:
            yield Order(), TrustCase(case, kind())
        for check in (Shape(), OtherClass()):
            yield check, TrustCase(case, FIRST[0]())


def minimal() -> Iterator[OpeningQuestion]:
    """What the view Minimal regions opens with: the first sample, and the band beside it."""
    case = about_first(SAMPLES[0].name)
    yield LiMA(), case
    yield RandomOrder(), case


def attacks() -> Iterator[OpeningQuestion]:
    """What the view Robustness opens with: an attack with a bound, and classes in order."""
    case = about_first(SAMPLES[0].name)
    order = drawn_order(len(case.model.labels), case.target.index)
    yield PGD(), case
    yield QuadAttacK(), OrderedCase(case, order)


def explanations() -> Iterator[OpeningQuestion]:
    """What the view Which explanation? opens with: eight maps of the first sample, on trial."""
    yield LFA(), about_first(SAMPLES[0].name)


def walks() -> Iterator[OpeningQuestion]:
    """What the first sample is asked on the Level sets view before anything was changed."""
    for method, _ in WALKS:
        yield walk(type(method))


def walk(kind: type[Method[Any]]) -> OpeningQuestion:
    """One of them, with as many targets as it begins with."""
    method, count = next(entry for entry in WALKS if isinstance(entry[0], kind))
    names = [sample.name for sample in SAMPLES]
    first = names.index(FIRST_TARGET)
    others = tuple(sample_input(name).image for name in names[first : first + count])
    return method, PairCase(about_first(SAMPLES[0].name), others)


def shortcut() -> Iterator[OpeningQuestion]:
    """What both networks say of a slice, and where they look."""
    model, control = PLANTED.model, PLANTED.control
    for name, data in (
        (model, PLANTED.marked),
        (model, PLANTED.healthy),
        (model, PLANTED.unmarked),
        (control, PLANTED.unmarked),
    ):
        yield from PLANTED.questions(name, data)


def blind_spots() -> Iterator[OpeningQuestion]:
    """How far each sample can change unnoticed towards the image that is offered first."""
    for sample in SAMPLES:
        other = FIRST_TARGET if sample.name != FIRST_TARGET else SAMPLES[0].name
        yield BlindSpot(), PairCase(about_first(sample.name), (sample_input(other).image,))


def prototypes() -> Iterator[OpeningQuestion]:
    """The first test image by each reasoning, and robust beside plain prototypes."""
    digits = data_sets.load(Prototypes.argument_defaults["data"])
    case = about_row(digits, first_row(digits))
    for reasoning in (NEGATIVE, POSITIVE, INDEFINITE):
        method = Prototypes(reasoning=reasoning)
        yield PrototypeNetwork(**method.learned_as()), case.learned
        yield method, case
    yield PrototypeRobustness(), case.learned


def tilted() -> Iterator[OpeningQuestion]:
    """What the view Tilted boundary opens with: the two classes, and two clouds."""
    yield TiltedBoundary(), ExperimentCase(data_sets.load("mnist-5k"))
    yield TiltedSheets(), ExperimentCase(data_sets.load("digits"))


def experiments() -> Iterator[OpeningQuestion]:
    """All of them, which take from minutes to half an hour, and the first sample denoised."""
    for kind in (AdaptiveSmoothing, Cbsn, CometExperiment, CometGrid, OwnMapsExperiment):
        yield kind(), ExperimentCase(data_sets.load(kind.data[0]))
    yield Denoised(), about_first(SAMPLES[0].name)


def study() -> Iterator[OpeningQuestion]:
    """What the view Study opens with, and the maps of its first image."""
    for source in SOURCES:
        case = study_case(source)
        yield Study(), case
        yield StudyMaps(image=str(case.images[0].id)), case


def slides() -> Iterator[OpeningQuestion]:
    """Bags with a 9 and without, how much to mask, and the tiles of the made section."""
    case = BagsCase(load("mnist-cnn"), data_sets.load("bags"))
    yield from ((method, case) for method in (MHIM(), MHIM2(), MaskedRatio()))
    section = WholeSlideCase(load(DEFAULT), made_slide())
    yield from ((method, section) for method in (TileAttention(), UnlikeTiles()))
