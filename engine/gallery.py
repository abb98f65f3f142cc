"""Answers that ship with the app, so that the samples answer at once: `python -m engine gallery`.

They are ordinary entries of the store, found through their digests: when a method, its defaults,
the model or the decoded pixels change, they are simply not found any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from engine import data
from engine.anomaly import Compare, FamiliarCase, ViM, sources
from engine.attribution import FIRST, HEATMAPS
from engine.attribution.heatmaps.grad_cam import GradCam
from engine.attribution.level_sets.lst import LST
from engine.attribution.level_sets.plane import Plane
from engine.attribution.level_sets.simplex import Simplex
from engine.attribution.level_sets.star import Star
from engine.attribution.level_sets.tube_width import TubeWidth
from engine.attribution.lfa import LFA
from engine.attribution.lima import LiMA, RandomOrder
from engine.attribution.study import SOURCES, Study, StudyMaps, study_case
from engine.attribution.trust import Order, TrustCase
from engine.case import ImageCase, PairCase, image_case, shown
from engine.case.prediction import Prediction
from engine.case.target import Target
from engine.data.example import Example
from engine.errors import BlindspotError
from engine.experiment import ExperimentCase
from engine.hallucination import VCD, Greedy, KeepCurve, VASparse
from engine.hallucination.measures.keep_curve import curve_case
from engine.hallucination.measures.rates import Rates, ScenesCase
from engine.hallucination.tiny_vlm.weights import HABIT
from engine.hallucination.tiny_vlm.weights import load as load_vlm
from engine.images import Crop
from engine.images.samples import SAMPLES, sample
from engine.keeping.store import Store, shrink
from engine.method import Method
from engine.models.catalog import load
from engine.models.classifier import Classifier
from engine.result import Columns, View
from engine.run import GALLERY, Answer, digest, made, told, without_words
from engine.sparsity import Harm, Level, Prune, Tradeoff, Unknown, prune_case
from engine.unlearning import (
    EXPERIMENTS,
    SSD,
    AfterCase,
    BoardCase,
    Confidence,
    Confusion,
    Embedding,
    FineTune,
    Frontier,
    Judged,
    MembershipAttack,
    NegGradPlus,
    NoOp,
    Relearn,
    Retrain,
    SalUn,
    Scoreboard,
    Similarity,
    StillThere,
    Unlearner,
    forget_case,
    request,
)
from engine.unlearning.diagnostics.base import MODELS

Question = tuple[Method[Any], Any]

OTHER_DIGIT = ("mnist-5k", "digits-cnn")  # data and model of the overview's example
DECODED = (Greedy(), VCD())
PRUNED = 0.3  # of the weights, as the view opens
FIRST_TARGET = "china"  # to which a walk is shown first, and those after it for several
WALKS: tuple[tuple[Method[Any], int], ...] = (  # with the number of targets
    (LST(), 1),
    (Plane(), 1),
    (Simplex(), 2),
    (Star(), 5),
    (TubeWidth(), 1),
)


@dataclass(frozen=True)
class Forgotten:
    """What the view Forget opens with."""

    data: str
    model: str
    label: int
    ways: tuple[type[Unlearner], ...]
    best: type[Unlearner]  # the way that comes nearest, and so the one that is looked at closely


FORGOTTEN = Forgotten("digits", "digits-cnn", 3, (FineTune, NegGradPlus, SalUn, SSD), NegGradPlus)


def questions() -> Iterator[Question]:
    """What the samples are asked when opened."""
    yield from heatmaps()
    yield from trials()
    yield from minimal()
    yield from explanations()
    yield from walks()
    yield from familiar()
    yield from prune()
    yield from forget()
    yield from experiments()
    yield from decoding()
    yield KeepCurve(), curve_case(load_vlm(HABIT), VASparse())
    yield from study()


def decoding() -> Iterator[Question]:
    """What the view Decoding opens with: two ways to choose words over many scenes."""
    for strategy in DECODED:
        yield Rates(), ScenesCase(load_vlm(HABIT), strategy)


def study() -> Iterator[Question]:
    """What the view Study opens with, and the maps of its first image."""
    for source in SOURCES:
        case = study_case(source)
        yield Study(), case
        yield StudyMaps(image=str(case.images[0].id)), case


def forget() -> Iterator[Question]:
    """What the view Forget opens with: a class, four ways, and a closer look at the best."""
    digits = data.load(FORGOTTEN.data)
    case = forget_case(load(FORGOTTEN.model), digits, request.of_class(digits, FORGOTTEN.label))
    yield Retrain(), case
    yield FORGOTTEN.best(), case
    yield Scoreboard(), BoardCase(case, (NoOp(), *(kind() for kind in FORGOTTEN.ways)))
    after = AfterCase(case, FORGOTTEN.best())
    for look in (
        Confidence,
        StillThere,
        Confusion,
        Embedding,
        Similarity,
        Relearn,
        Judged,
        Frontier,
    ):
        yield look(), after
    for name in MODELS:
        yield MembershipAttack(model=name), after


def experiments() -> Iterator[Question]:
    """What the views Experiments open with."""
    for kind in EXPERIMENTS:
        yield kind(), ExperimentCase(data.load(kind.data[0]))


def prune() -> Iterator[Question]:
    """What the view Prune opens with: the first sample in the pruned model, and what is lost."""
    case = prune_case(load())
    cut = Prune(ratio=PRUNED)
    after = replace(about_first(SAMPLES[0].name), model=cut.made(case, cut.masks(case)))
    yield Prediction(), after
    yield GradCam(), after
    yield Level(ratio=PRUNED), case
    yield Tradeoff(epochs=0), case
    yield Harm(ratio=PRUNED), case
    yield Unknown(ratio=PRUNED), case


def familiar() -> Iterator[Question]:
    """What the view Familiar? opens with, where too few images ship for a verdict, and an example.

    The example is a digit of another data set than the model learned from.
    """
    name = SAMPLES[0].name
    yield ViM(), unusual(load(), seen(name).image, sources.PHOTOGRAPHS, sources.photograph(name))
    digits, model = data.load(OTHER_DIGIT[0]), load(OTHER_DIGIT[1])
    image = shown(Example(digits, int(digits.rows("test")[0])).picture(), Crop(), model)
    case = unusual(model, image, sources.learned(model))
    yield ViM(), case
    yield Compare(), case


def unusual(model: Classifier, image: Tensor, name: str, group: int | None = None) -> FamiliarCase:
    """An image among normal ones by name, measured by the unknown ones that are offered first."""
    normal = sources.normal(name)
    first = next(one.name for one in sources.unknown_sources(normal) if not one.reason)
    return FamiliarCase(model, image, normal, sources.unknown(first, normal, model), group)


def walks() -> Iterator[Question]:
    """What the first sample is asked on the Level sets view before anything was changed."""
    source = about_first(SAMPLES[0].name)
    names = [one.name for one in SAMPLES]
    others = [seen(name).image for name in names[names.index(FIRST_TARGET) :]]
    for method, count in WALKS:
        yield method, PairCase(source, tuple(others[:count]))


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

    What else is tried without asking takes no looks, or one map that would be large to ship.
    """
    for one in SAMPLES:
        case = about_first(one.name)
        for kind in FIRST:
            yield Order(), TrustCase(case, kind())


def minimal() -> Iterator[Question]:
    """What the view Minimal regions opens with: the first sample, and the band beside it."""
    case = about_first(SAMPLES[0].name)
    yield LiMA(), case
    yield RandomOrder(), case


def explanations() -> Iterator[Question]:
    """What the view Which explanation? opens with: eight maps of the first sample, on trial."""
    yield LFA(), about_first(SAMPLES[0].name)


def seen(name: str) -> ImageCase:
    """A sample as the default model sees it, before anything is asked about it."""
    return image_case(load(), sample(name), Crop(), Target(0))


def about_first(name: str) -> ImageCase:
    """A sample, and the class that the default model sees in it first."""
    case = seen(name)
    return replace(case, target=Target(int(case.model.logits(case.image[None])[0].argmax())))


def shipped(question: Question) -> Answer | None:
    """The answer that ships, or None; nothing else is looked at."""
    kept = Store(GALLERY).get(digest(*question))
    return told(kept, question[1]) if kept else None


def stale(question: Question) -> str:
    """What is wrong with the shipped answer, or ""; it is computed again."""
    method, case = question
    kept = shipped(question)
    if kept is None:
        return f"{method.title} is missing"
    for name, view in method(case).items():
        for field, array in lasting(view).items():
            before = kept[name].arrays()[field]
            if not np.allclose(before, array, rtol=1e-3, atol=1e-3 * float(np.ptp(array))):
                return f"{method.title} gives another {name}"
    return ""


def lasting(view: View) -> dict[str, Any]:
    """A view's arrays without times, which are others every time."""
    arrays: dict[str, Any] = view.arrays()
    if isinstance(view, Columns):
        times = {f"columns/{n}" for n, u in zip(view.order, view.units, strict=True) if u == "s"}
        return {name: one for name, one in arrays.items() if name not in times}
    return arrays


def make(again: Collection[str] = ()) -> int:
    """Compute what is missing, remove what is asked no more; how many there are.

    Args:
        again: names of methods whose answers are computed although they are there, for seconds of
            another machine.

    Raises:
        BlindspotError: no answer that ships is of such a method.
    """
    GALLERY.mkdir(parents=True, exist_ok=True)
    store = Store(GALLERY)
    asked = list(questions())
    known = sorted({method.name for method, _ in asked})
    if unknown := set(again).difference(known):
        raise BlindspotError(f"No answer that ships is of {min(unknown)!r}: {', '.join(known)}.")
    wanted = {}
    for method, case in asked:
        name = digest(method, case)
        wanted[name] = method.title
        if store.get(name) is None or method.name in again:
            result, said = made(method, case, name)
            store.put(name, result, without_words(said))
    for path in GALLERY.glob("*.json"):
        if path.stem not in wanted:
            for file in GALLERY.glob(f"{path.stem}.*"):
                file.unlink()
    shrink(GALLERY)
    return len(wanted)
