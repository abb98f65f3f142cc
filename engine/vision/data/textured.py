"""Textured shapes: each class is a shape, a color and a texture, so that it can be labeled anew."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Progress, Slider, quiet, setting
from engine.vision.data.brain import cloud
from engine.vision.data.dataset import DataCard, DataSet
from engine.vision.data.recipe import DataRecipe, seed_setting

SIDE = 32  # px
SHAPES = ("disc", "square", "triangle")
COLORS = {"red": (0.75, 0.35, 0.3), "blue": (0.3, 0.4, 0.75)}  # RGB of [0, 1]
TEXTURES = ("stripes", "checks")
CLASSES = tuple(product(SHAPES, COLORS, TEXTURES))
SPLIT = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2, 2], np.uint8)  # of ten images of a class
REACH = (8.0, 11.0)  # px from a shape's center to its edge
MOVED = 4.0  # px that it is moved at most, each way
TINT, DEPTH = 0.08, 0.12  # how far colors differ, and texture goes up and down
PERIOD = (4.0, 6.0)  # px of a texture

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class TexturedShapes(DataRecipe):
    """A shape on an uneven background: three shapes, two colors, two textures, in all mixtures."""

    word = "textured"
    title = "Textured shapes"
    card = DataCard(
        title,
        about="A disc, a square or a triangle, red or blue, with stripes or checks, on an uneven "
        "gray background; the class is all three.",
        made="Drawn here.",
        license="of this project",
        truth="the shape, color and texture of each image, and the mask of the shape",
    )

    count: int = setting(1200, Slider(120, 12000, 120), "Images", "How many.")
    seed: int = seed_setting()

    def make(self, progress: Progress = quiet) -> DataSet:
        """The images; each comes from (seed, its number)."""
        index = np.arange(self.count)
        images = np.empty((self.count, 3, SIDE, SIDE), np.uint8)
        masks = np.empty((self.count, SIDE, SIDE), np.bool_)
        for row in range(self.count):
            if row % 100 == 0:
                progress(row / self.count, "drawing shapes")
            rng = np.random.default_rng([self.seed, 45, row])
            images[row], masks[row] = textured_image(*CLASSES[row % len(CLASSES)], rng)
        labels = index % len(CLASSES)
        attributes = np.array(CLASSES)[labels]
        return DataSet(
            name=self.name,
            card=self.card,
            classes=tuple(f"{color} {shape}, {texture}" for shape, color, texture in CLASSES),
            images=images,
            labels=labels,
            ids=index,
            split=SPLIT[index // len(CLASSES) % len(SPLIT)],
            truth={
                "shape": attributes[:, 0],
                "color": attributes[:, 1],
                "texture": attributes[:, 2],
                "mask": masks,
            },
        )


def textured_image(
    shape: str, color: str, texture: str, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """One image (3, SIDE, SIDE), and where its shape is."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    y, x = y - rng.uniform(-MOVED, MOVED), x - rng.uniform(-MOVED, MOVED)
    mask = shape_mask(shape, y, x, rng.uniform(*REACH))
    tinted = np.array(COLORS[color]) + rng.uniform(-TINT, TINT, 3)
    filled = tinted[:, None, None] + DEPTH * pattern(texture, y, x, rng)
    ground = rng.uniform(0.4, 0.6) + 0.1 * cloud(rng, SIDE, 1.5) + 0.06 * cloud(rng, SIDE, 4.0)
    image = np.where(mask, filled, ground) + 0.02 * rng.standard_normal((3, SIDE, SIDE))
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8), mask


def shape_mask(shape: str, y: Doubles, x: Doubles, reach: float) -> NDArray[np.bool_]:
    """Which pixels belong to a shape, at places from its center."""
    match shape:
        case "disc":
            return np.hypot(y, x) < reach
        case "square":
            return np.maximum(abs(y), abs(x)) < 0.9 * reach
        case _:
            return (abs(x) < (y + reach) / 2) & (y < reach)


def pattern(texture: str, y: Doubles, x: Doubles, rng: np.random.Generator) -> Doubles:
    """−1 and 1 by turns along one direction, or along two, turned and moved by chance."""
    turn, wave = rng.uniform(0, np.pi), 2 * np.pi / rng.uniform(*PERIOD)
    first, second = rng.uniform(0, 2 * np.pi, 2)
    along = np.sin(wave * (x * np.cos(turn) + y * np.sin(turn)) + first)
    across = np.sin(wave * (y * np.cos(turn) - x * np.sin(turn)) + second)
    return np.sign(along if texture == "stripes" else along * across)
