"""Small methods' answers about their tiny cases, and whether two answers are the same."""

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest

from engine.attribution.experiments import adaptive
from engine.experiment import Experiment
from engine.hallucination.experiments import (
    ImageRerouting,
    RefusalAudit,
    VisualAudit,
    audit,
    image_rerouting,
    image_rerouting_claims,
    refusal,
    refusal_claims,
    refusal_views,
)
from engine.hallucination.experiments.audit_claims import AWARE, NOISE, PLAIN
from engine.hallucination.experiments.defenses import JPEG
from engine.hallucination.refusal import defenses
from engine.method import Slider
from engine.models import format_rounds
from engine.models.classifier import Classifier
from engine.models.pace import Pace
from engine.sparsity.experiments import reprogram
from engine.sparsity.tickets import between
from engine.unlearning.experiments import fair_poisoning, gradient_matching
from tests import tiny

REPEATED = ("seeds", "networks")  # settings that say how often all is done again
AUDITED = (PLAIN, NOISE, AWARE[JPEG])
ROUTES = (
    image_rerouting.FIRST,
    image_rerouting.OUTPUT,
    image_rerouting.NOISE,
    image_rerouting_claims.UNAWARE[JPEG],
)
SEARCHES = refusal_claims.FIRST, refusal_claims.OUTPUT, refusal_claims.BLIND


def small(kind):
    """Few samples where a method counts them, so that the contract takes seconds."""
    counted = {"samples": 40, "steps": 8, "masks": 40, "side": 8, "rounds": 5, "maps": 2}
    counted |= {"length": 6, "scenes": 16, "steps": 3} if kind.family == "hallucination" else {}
    trains = kind.family in {"sparsity", "unlearning"} or issubclass(kind, Experiment)
    counted |= {"scenes": 16} if trains else {}
    counted |= (
        {"images": 10, "epochs": 1, "seeds": 2, "networks": 2, "levels": 3}
        if trains
        else {"images": 8}
    )
    counted |= {"count": 2000, "points": 40} if issubclass(kind, Experiment) else {"draws": 2}
    arguments = {
        spec.name: max(counted[spec.name], spec.metadata["control"].low)
        for spec in fields(kind)
        if counted.get(spec.name) and isinstance(spec.metadata["control"], Slider)
    }
    return kind(**arguments | kind.example)


def settled(case):
    """The case with a batch that does not hang on how busy the machine is.

    It is large, because calls of a tiny model take long and images do not.
    """
    if isinstance(model := getattr(case, "model", None), Classifier):
        model._paces |= {use: Pace(16, False, use, 0.0) for use in ("exact", "fast", "gradient")}
    return case


def once(kind):
    """The small method with one repetition, for whatever does not ask how repetitions differ."""
    arguments = {
        spec.name: max(1, spec.metadata["control"].low)
        for spec in fields(kind)
        if spec.name in REPEATED and isinstance(spec.metadata["control"], Slider)
    }
    return replace(small(kind), **arguments)


@pytest.fixture(autouse=True, scope="module")
def brief():
    """What no setting says: sources that are reprogrammed learn for one epoch, planes are coarse,
    and victims of poison learn for a few. For files that import it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reprogram, "RECIPE", replace(reprogram.RECIPE, epochs=1))
        patch.setattr(between, "GRID", 3)
        patch.setattr(format_rounds, "USUAL_SIDES", (8, 64))
        patch.setattr(gradient_matching, "EPOCHS", 20)
        patch.setattr(fair_poisoning, "SHARES", (0.05,))
        patch.setattr(adaptive, "CERTIFIED", 2)
        patch.setattr(audit, "WAYS", some(audit.WAYS, AUDITED))
        patch.setattr(image_rerouting, "ROUTES", some(image_rerouting.ROUTES, ROUTES))
        patch.setattr(refusal, "SEARCHES", some(refusal.SEARCHES, SEARCHES))
        for kind in (VisualAudit, ImageRerouting, RefusalAudit):  # of conditions left out
            patch.setattr(kind, "claims", ())
        patch.setattr(defenses, "REROUTED", 4)
        patch.setattr(defenses, "STEPS", 2)
        patch.setattr(refusal_views, "FREE_STEPS", 2)
        yield


def some(conditions, names):
    """The conditions of those names."""
    return {name: conditions[name] for name in names}


@cache
def plainly(method, make):
    """Its answer about the case that is made for it; computed once for all who only read it."""
    return method(settled(make(type(method))))


def plain(kind):
    """The small method's answer about its tiny case."""
    return plainly(small(kind), tiny.case_for)


def differing(first, second, near=0.0):
    """The arrays of one answer, by view and field, that are others in the other answer.

    Decimals that differ by no more than `near` of the largest count as the same.
    """
    result = set(first) ^ set(second)
    for name in set(first) & set(second):
        ours, theirs = first[name].arrays(), second[name].arrays()
        result |= {f"{name}/{field}" for field in set(ours) ^ set(theirs)}
        result |= {
            f"{name}/{field}"
            for field in set(ours) & set(theirs)
            if not timed(field) and not alike(ours[field], theirs[field], near)
        }
    return result


def alike(first, second, near):
    if first.shape != second.shape or first.dtype.kind != "f" or not near:
        return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
    most = np.abs(first[np.isfinite(first)]).max(initial=0.0)
    return np.allclose(first, second, rtol=0, atol=near * most, equal_nan=True)


def timed(field):
    """Whether it is seconds, as a field or as a column of a table."""
    return field.split("/")[-1].startswith("seconds")  # others each time
