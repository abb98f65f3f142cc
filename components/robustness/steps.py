"""An attack step by step, in the player of Level sets: image, change, and the first classes."""

from collections.abc import Mapping
from dataclasses import replace
from math import nan

import numpy as np

from components.robustness.form import AttackQuestion
from components.widgets.player import Walked, player
from engine.attribution.robustness.scored import AFTER
from engine.core.charts.drawing import Drawing, Views
from engine.core.pictures import as_bytes
from engine.core.result import Path, Pictures, View

NOTE = (
    "Step 0 is your image, the last one the best of all steps, asked about again in 8 bits. Those "
    "between are shown in 8 bits; the model's words are of the exact ones."
)
ROOM = 200_000  # characters for the images: two attacks stand on the page


def step_by_step(question: AttackQuestion, key: str) -> Drawing:
    return Drawing("path", "Step by step", by=lambda result: show(result, question, key), wide=True)


def show(result: Views, question: AttackQuestion, key: str) -> None:
    player([walked(result, question)], key)


def walked(result: Views, question: AttackQuestion) -> Walked:
    path: Path = result["path"]
    levels = np.stack([as_bytes(np.asarray(frame, np.float32)) for frame in path.frames])
    quantized = replace(path, frames=levels.transpose(0, 3, 1, 2) / np.float32(255))
    views: Mapping[str, View] = {**result, "path": quantized}
    pictures: Pictures = result["pictures"]
    last = pictures.images[0, pictures.columns.index(AFTER)]
    ordered = "success" in result
    success = result["success"]["success"] if ordered else result["figures"]["another class"]
    end, other = ("what was found", "after") if success[0] else ("the best try", "next best")
    return Walked(
        "",
        views,
        as_bytes(question.case.image),
        last,
        nan,
        None,
        NOTE,
        f"End: {end}",
        result["top"].labels[-1][0],
        ("before", "first of yours" if ordered else other),
        ROOM,
    )
