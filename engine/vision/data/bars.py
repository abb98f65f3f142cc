"""Bars that are turned step by step: classes in an order, with images in between."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Progress, Slider, quiet, setting
from engine.vision.data.dataset import DataCard, DataSet
from engine.vision.data.recipe import DataRecipe, seed_setting

STEPS = 19  # angles from 0° to 90°
DEGREES = 5.0  # from one to the next
SPLIT = np.array([0, 0, 0, 0, 0, 0, 1, 2, 2, 2], np.uint8)  # of ten images of a class
SIDE = 16  # px
HALF, THICK = 6.0, 1.7  # px from the middle to the ends, and to where the sides have faded out
MOVED = 1.0  # px that it is moved at most, each way
WITHIN = 0.5  # share of a step by which angles of one class differ


@dataclass(frozen=True)
class BarAngles(DataRecipe):
    """A class is the angle of a bar; neighbors in the order of classes look alike."""

    word = "bars"
    title = "Bars by angle"
    card = DataCard(
        title,
        about="A bright bar in noise, turned by 0° to 90° in steps of 5°; the classes have an "
        "order.",
        made="Drawn here.",
        license="of this project",
        truth="the exact angle in degrees (angle)",
    )

    count: int = setting(1900, Slider(190, 19000, 190), "Images", "How many.")
    noise: float = setting(
        0.1, Slider(0.0, 0.5, 0.05), "Noise", "Standard deviation, of white's distance from black."
    )
    seed: int = seed_setting()

    def make(self, progress: Progress = quiet) -> DataSet:
        """The images; each comes from (seed, its number)."""
        index = np.arange(self.count)
        images = np.empty((self.count, SIDE, SIDE), np.uint8)
        angles = np.empty(self.count)
        for row in range(self.count):
            if row % 100 == 0:
                progress(row / self.count, "drawing bars")
            rng = np.random.default_rng([self.seed, 34, row])
            angles[row] = DEGREES * (row % STEPS + WITHIN * rng.uniform(-0.5, 0.5))
            clean = bar(angles[row], *rng.uniform(-MOVED, MOVED, 2))
            noisy = clean + self.noise * rng.normal(size=clean.shape)
            images[row] = np.rint(255 * np.clip(noisy, 0, 1))
        return DataSet(
            name=self.name,
            card=self.card,
            classes=tuple(f"{DEGREES * step:.0f}°" for step in range(STEPS)),
            images=images[:, None],
            labels=index % STEPS,
            ids=index,
            split=SPLIT[index // STEPS % len(SPLIT)],
            truth={"angle": angles},
        )


def bar(degrees: float, right: float, down: float) -> NDArray[np.float64]:
    """A bar in [0, 1], (SIDE, SIDE); at 0° it lies flat, and its middle is moved in px."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    x, y, turn = x - right, y - down, np.deg2rad(degrees)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    # each factor falls from 1 to 0 over one pixel: antialiased edges
    inside = np.clip(HALF + 0.5 - abs(along), 0, 1) * np.clip(THICK - abs(across), 0, 1)
    return np.asarray(inside)
