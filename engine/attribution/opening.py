"""What the views of Attribution open with: the shipped photographs, and the kept studies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.attribution import FIRST, HEATMAPS
from engine.attribution.level_sets.blind_spot import BlindSpot
from engine.attribution.level_sets.lst import LST
from engine.attribution.level_sets.plane import Plane
from engine.attribution.level_sets.simplex import Simplex
from engine.attribution.level_sets.star import Star
from engine.attribution.level_sets.tube_width import TubeWidth
from engine.attribution.lfa import LFA
from engine.attribution.lima import LiMA, RandomOrder
from engine.attribution.study import SOURCES, Study, StudyMaps, study_case
from engine.attribution.trust import Order, OtherClass, Shape, TrustCase
from engine.case import PairCase
from engine.case.opening import Question, about_first, seen
from engine.case.prediction import Prediction
from engine.images.samples import SAMPLES
from engine.method import Method

FIRST_TARGET = "china"  # to which a walk is shown first, and those after it for several
WALKS: tuple[tuple[Method[Any], int], ...] = (  # with the number of targets
    (LST(), 1),
    (Plane(), 1),
    (Simplex(), 2),
    (Star(), 5),
    (TubeWidth(), 1),
)


def questions() -> Iterator[Question]:
    """One view after the other."""
    for part in (heatmaps, trials, minimal, explanations, walks, blind_spots, study):
        yield from part()


def heatmaps() -> Iterator[Question]:
    """Every method on the first sample, two on the others."""
    for place, one in enumerate(SAMPLES):
        yield Prediction(), seen(one.name)
        case = about_first(one.name)
        for kind in HEATMAPS if place == 0 else FIRST:
            if not kind.unmet(case):
                yield kind(), case


def trials() -> Iterator[Question]:
    """Whether the strong pixels of the maps that a sample opens with carry the score.

    What else is tried without asking takes no looks, or one map that would be large to ship. The
    start page shows what they say of the first map, and computes nothing for it.
    """
    for one in SAMPLES:
        case = about_first(one.name)
        for kind in FIRST:
            yield Order(), TrustCase(case, kind())
        for check in (Shape(), OtherClass()):
            yield check, TrustCase(case, FIRST[0]())


def minimal() -> Iterator[Question]:
    """What the view Minimal regions opens with: the first sample, and the band beside it."""
    case = about_first(SAMPLES[0].name)
    yield LiMA(), case
    yield RandomOrder(), case


def explanations() -> Iterator[Question]:
    """What the view Which explanation? opens with: eight maps of the first sample, on trial."""
    yield LFA(), about_first(SAMPLES[0].name)


def walks() -> Iterator[Question]:
    """What the first sample is asked on the Level sets view before anything was changed."""
    source = about_first(SAMPLES[0].name)
    names = [one.name for one in SAMPLES]
    others = [seen(name).image for name in names[names.index(FIRST_TARGET) :]]
    for method, count in WALKS:
        yield method, PairCase(source, tuple(others[:count]))


def blind_spots() -> Iterator[Question]:
    """How far each sample can change unnoticed towards the image that is offered first."""
    for one in SAMPLES:
        other = FIRST_TARGET if one.name != FIRST_TARGET else SAMPLES[0].name
        yield BlindSpot(), PairCase(about_first(one.name), (seen(other).image,))


def study() -> Iterator[Question]:
    """What the view Study opens with, and the maps of its first image."""
    for source in SOURCES:
        case = study_case(source)
        yield Study(), case
        yield StudyMaps(image=str(case.images[0].id)), case
