"""Small walks with known images and numbers, for the player and the animation."""

import numpy as np

from components.widgets.player import Walked
from engine.core.result import Curve, Path, Ranking, Result, Table

LABELS = ("cat <b>", "palace", "dog", "tree", "cup", "car")


def pictures(side: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A source and a target, (H, W, 3) bytes."""
    random = np.random.default_rng(seed)
    source, target = random.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    return source, target


def walk_views(source, target, steps: int = 20, frames: int = 6, *, partial=False) -> Result:
    """From source to target in equal steps; every fourth step was rejected."""
    frame_steps = np.unique(np.linspace(0, steps, frames).round().astype(int))
    share = frame_steps[:, None, None, None] / max(steps, 1)
    start, end = (picture.transpose(2, 0, 1) / np.float32(255) for picture in (source, target))
    images = ((1 - share) * start + share * end).astype(np.float16)
    along = np.arange(steps + 1, dtype=np.float32) / max(steps, 1)
    distance = float(np.sqrt(((start - end) ** 2).mean()))
    rows = {
        "source confidence": (0.7 + 0.2 * along, "confidence in cat <b>"),
        "target confidence": (0.05 * along, "confidence in palace"),
        "rmse to target": (distance * (1 - along), "rmse to target"),
        "rmse to source": (distance * along, "rmse to source"),
        "accepted": ((np.arange(steps + 1) % 4 != 3).astype(np.float32), "accepted"),
    }
    confidences = rows["source confidence"][0][frame_steps]
    best = np.stack([confidences, *((1 - confidences) * part for part in (0.4, 0.3, 0.2, 0.1))], 1)
    classes = np.tile([0, 2, 3, 4, 5], (len(frame_steps), 1))
    labels = tuple(tuple(LABELS[i] for i in row) for row in classes)
    views: dict = {"path": Path(images, confidences, "probability", frame_steps)}
    views["top"] = Ranking(best.astype(np.float32), classes, labels, "probability")
    every_step = np.arange(steps + 1, dtype=np.float32)
    for name, (y, y_label) in rows.items():
        views[name] = Curve(every_step, y.astype(np.float32), "step", y_label, "")
    if not partial:
        views["figures"] = Table.of({"steps": ([0.0], "step")}, ("walk",))
    return views


def walked(side: int = 32, steps: int = 20, frames: int = 6, title: str = "Walk", **more) -> Walked:
    source, target = pictures(side)
    views = walk_views(source, target, steps, frames, partial=more.pop("partial", False))
    return Walked(title, views, source, target, **{"reference": 0.7, "fall": 0.2, **more})
