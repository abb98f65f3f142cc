"""Small methods' answers about their tiny cases, and whether two answers are the same."""

from dataclasses import fields, replace
from functools import cache

import numpy as np

from engine.core.method import Slider
from engine.evaluation.experiment import Experiment
from engine.vision.models.classifier import Classifier
from engine.vision.models.pace import Pace
from tests import tiny

REPEATED = ("seeds", "networks")  # settings that say how often all is done again


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
    return shortened(kind)(**arguments | kind.example)


@cache
def shortened(kind):
    """The method with its example's constants; its name stays, and with it every digest."""
    constants = dict(kind.example_constants)
    return type(kind.__name__, (kind,), constants) if constants else kind


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


@cache
def plainly(method, kind, make):
    """Its answer about the case that is made for its kind; computed once for all who only read."""
    return method(settled(make(kind)))


def plain(kind):
    return plainly(small(kind), kind, tiny.case_for)


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
    return field.split("/")[-1].startswith("seconds")  # others each time
