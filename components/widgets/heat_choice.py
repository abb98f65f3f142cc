"""The heat maps that are compared between two states of a model, and the choice of one."""

from __future__ import annotations

from typing import Any

from components.widgets.choices import from_row
from engine.attribution.grad_cam import GradCam
from engine.attribution.gradient import Gradient
from engine.case import ImageCase
from engine.method import Method

HEATS: dict[str, type[Method[Any]]] = {"Grad-CAM": GradCam, "Gradient": Gradient}


def choose_heat(case: ImageCase, key: str) -> type[Method[Any]]:
    """One of those that the case's model has."""
    offered = {word: kind for word, kind in HEATS.items() if not kind.unmet(case)}
    return offered[from_row("Heat map", list(offered), key)]
