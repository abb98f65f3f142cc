"""One image in several models: where each looks, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.answer_and_map import answer_and_map
from components.widgets.viewer import Panel, viewer
from engine.core.method import Method
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier


@dataclass(frozen=True)
class ShownImage:
    """An image that is put to several models: its pixels for the page, and the question."""

    pixels: NDArray[np.uint8]
    case: ImageCase


def model_maps(
    shown_image: ShownImage, kind: type[Method[Any]], models: Mapping[str, Classifier], key: str
) -> bool:
    """A map for each model, by its title; whether all of them are there."""
    panels = []
    for at, (title, model) in enumerate(models.items()):
        panel = model_map(replace(shown_image.case, model=model), kind, title, f"{key}.{at}")
        if panel is None:
            return False
        panels.append(panel)
    viewer(shown_image.pixels, panels, key)
    return True


def model_map(case: ImageCase, kind: type[Method[Any]], title: str, slot: str) -> Panel | None:
    result = answer_and_map(case, kind, slot)
    if result is None:
        return None
    classes, labels = result.classes, case.model.labels
    top, target_percent = (
        int(classes.values.argmax()),
        100 * float(classes.values[case.target.index]),
    )
    digits = 0 if 1 <= target_percent <= 99 else 1
    note = f"says {labels[top]}; {labels[case.target.index]} has {target_percent:.{digits}f} %"
    return Panel(title, result.heat, note)
