"""What a model says of an image and where it looks: the two that a comparison of models shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import runs
from components.picks import pick
from engine.core.method import Method
from engine.core.result import HeatMap, Scores
from engine.core.run import Answer
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.vision.case import ImageCase
from engine.vision.case.prediction import Prediction

HEATS: Mapping[str, type[Method[Any]]] = {"Grad-CAM": GradCam, "Gradient": Gradient}


@dataclass(frozen=True)
class AnswerAndMap:
    """Of one model about one image.

    Args:
        classes: what it says.
        heat: where it looks.
        looks: the heat map's whole answer, to be taken along; None where it is a part of another.
    """

    classes: Scores
    heat: HeatMap
    looks: Answer | None = None


def pick_heat_map(case: ImageCase, key: str) -> type[Method[Any]]:
    offered = {word: kind for word, kind in HEATS.items() if not kind.unmet(case)}
    return offered[pick("Heat map", list(offered), key, "segments")]


def answer_and_map(case: ImageCase, kind: type[Method[Any]], slot: str) -> AnswerAndMap | None:
    """Both of a model about an image; None while one is computed."""
    methods: Mapping[str, Method[Any]] = {"answer": Prediction(), "heat": kind()}
    outcomes = [runs.ask(method, case, f"{slot}.{name}") for name, method in methods.items()]
    if not all(isinstance(outcome, Answer) for outcome in outcomes):
        runs.watch(outcomes)
        return None
    answer, heat = (outcome for outcome in outcomes if isinstance(outcome, Answer))
    return AnswerAndMap(answer["classes"], heat["map"], heat)
