"""Sentences that no view has: what a model says, and how much of a map lies where."""

import numpy as np
from numpy.typing import NDArray

from components.forget.words import percent
from engine.core.result import Floats, Scores
from engine.evaluation.measures import located
from engine.vision.case.prediction import top_classes

Mask = NDArray[np.bool_]


def top_class_text(classes: Scores) -> str:
    (_, label, value), *_ = top_classes(classes, 1)
    return f"The model says “{label}”, with a probability of {percent(value)}."


def class_after(classes: Scores, label: str, change: str) -> str:
    """Whether the model still says the class after a change, and how probable that class is."""
    (_, first, _), *_ = top_classes(classes, 1)
    value = percent(float(classes.values[classes.labels.index(label)]))
    if first == label:
        return f"{change} the model still says “{label}”, with a probability of {value}."
    return f"{change} the model says “{first}”; “{label}” has a probability of {value}."


def lies(values: Floats, lesion: Mask, mark: Mask) -> str:
    """How much of a map's positive values lies on the lesion and on the mark, beside chance."""
    marked = located(values, mark)
    return (
        f"On the lesion lies {on_lesion(values, lesion)}; on the mark "
        f"{percent(marked.mass)} ({percent(marked.chance)})."
    )


def on_lesion(values: Floats, lesion: Mask) -> str:
    """How much of a map's positive values lies on the lesion, beside chance."""
    overlap = located(values, lesion)
    share, chance = percent(overlap.mass), percent(overlap.chance)
    return f"{share} of the map ({chance} of the image)"
