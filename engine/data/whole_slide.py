"""A large made image that looks like a stained section, with planted regions that are known.

Any rectangle is drawn by itself: the image is made of square cells, each from (seed, its place), so
that a width of 30,000 px costs no more memory than what is looked at. Pink ground with violet dots;
in the planted regions the dots are larger, darker and closer together. Around it is blank glass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.images.large import LargeImage, Pixels

CELL = 64  # px
REACH = 9  # px from a dot's center, at most
GLASS, PINK, VIOLET, DARK = (np.array(one, np.float32) for one in (
    (243, 241, 242), (226, 172, 198), (122, 84, 150), (72, 38, 108)
))  # fmt: skip
USUAL, CROWDED = (5, 8), (16, 22)  # dots in a cell
SMALL, LARGE = (2.5, 4.5), (4.0, 7.0)  # px, a dot's radius
GRAIN = 6.0  # gray levels
COARSE = 8  # cells between two knots of the ground's shade

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MadeSlide(LargeImage):
    """Some planted regions, ellipses, on a section.

    Args:
        seed: of everything in it.
        regions: (n, 4), the center's y and x, and the half axes, in px.
    """

    seed: int
    regions: NDArray[np.float64]

    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """Drawn cell by cell; a dot may reach into the next cell."""
        found = np.empty((bottom - top, right - left, 3), np.uint8)
        for row in range(top // CELL, -(-bottom // CELL)):
            for column in range(left // CELL, -(-right // CELL)):
                y, x = row * CELL, column * CELL
                above, below = max(top, y), min(bottom, y + CELL)
                start, end = max(left, x), min(right, x + CELL)
                part = self.cell(row, column)[above - y : below - y, start - x : end - x]
                found[above - top : below - top, start - left : end - left] = part
        return found

    def mask(self, top: int, bottom: int, left: int, right: int) -> Flags:
        """Where the planted regions are."""
        y, x = np.ogrid[top:bottom, left:right]
        return np.any([
            ((y - one[0]) / one[2]) ** 2 + ((x - one[1]) / one[3]) ** 2 <= 1 for one in self.regions
        ], axis=0)  # fmt: skip

    def cell(self, row: int, column: int) -> Pixels:
        """One cell, (CELL, CELL, 3)."""
        y, x = np.mgrid[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
        inside = self.tissue(y, x)
        grain = np.random.default_rng([self.seed, 8, row, column]).normal(0, GRAIN, y.shape)
        shade = self.shade(row, column)
        if not inside.any():
            return self.rounded(np.broadcast_to(GLASS, (*y.shape, 3)) + grain[..., None] / 3)
        ground = np.where(inside[..., None], PINK * shade, GLASS)
        for other in range(row - 1, row + 2):
            for beside in range(column - 1, column + 2):
                self.draw_dots(ground, y, x, inside, other, beside)
        return self.rounded(ground + grain[..., None])

    def draw_dots(
        self, ground: NDArray[np.float32], y: NDArray[np.int64], x: NDArray[np.int64],
        inside: Flags, row: int, column: int,
    ) -> None:  # fmt: skip
        """The dots of one cell, as far as they reach into the drawn one."""
        rng = np.random.default_rng([self.seed, 9, row + 1, column + 1])
        down, across = row * CELL + CELL // 2, column * CELL + CELL // 2
        crowded = bool(self.mask(down, down + 1, across, across + 1))
        count = rng.integers(*(CROWDED if crowded else USUAL))
        places = rng.random((count, 2)) * CELL + np.array([row, column]) * CELL
        radii = rng.uniform(*(LARGE if crowded else SMALL), count)
        top, left = y[0, 0], x[0, 0]
        for (down, across), radius in zip(places, radii, strict=True):
            rows, columns = (
                slice(max(0, int(at) - REACH), max(0, int(at) + REACH + 1))
                for at in (down - top, across - left)
            )
            near = np.hypot(y[rows, columns] - down, x[rows, columns] - across)
            share = (np.clip(radius + 0.5 - near, 0, 1) * inside[rows, columns])[..., None]
            tint = DARK if crowded else VIOLET
            ground[rows, columns] = (1 - share) * ground[rows, columns] + share * tint

    def tissue(self, y: NDArray[np.int64], x: NDArray[np.int64]) -> Flags:
        """Whether there is tissue: inside an ellipse with a wavy border."""
        down, across = 2 * y / self.height - 1, 2 * x / self.width - 1
        angle = np.arctan2(down, across)
        wave = 0.86 + 0.05 * np.sin(5 * angle + self.seed) + 0.03 * np.sin(11 * angle)
        return np.asarray(np.hypot(down, across) < wave)

    def shade(self, row: int, column: int) -> NDArray[np.float32]:
        """How light the ground is, (CELL, CELL, 1): smooth between coarse knots."""
        at = (np.arange(CELL) + 0.5) / CELL
        down, across = (row + at) / COARSE, (column + at) / COARSE
        y, x = int(row // COARSE), int(column // COARSE)
        knots = np.array([
            [np.random.default_rng([self.seed, 10, y + i + 1, x + j + 1]).uniform(0.9, 1.06)
             for j in range(2)] for i in range(2)
        ])  # fmt: skip
        v, u = (down - y)[:, None], (across - x)[None]
        smooth = (1 - v) * ((1 - u) * knots[0, 0] + u * knots[0, 1])
        smooth = smooth + v * ((1 - u) * knots[1, 0] + u * knots[1, 1])
        return smooth[..., None].astype(np.float32)

    @staticmethod
    def rounded(values: NDArray[np.float64]) -> Pixels:
        """As bytes."""
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def made_slide(width: int = 7168, height: int = 5376, seed: int = 0, regions: int = 4) -> MadeSlide:
    """A section with so many planted regions, each of a few hundred px."""
    rng = np.random.default_rng([seed, 7])
    angle = rng.uniform(0, 2 * np.pi, regions) / regions + 2 * np.pi * np.arange(regions) / regions
    far = rng.uniform(0.3, 0.6, regions)
    axes = rng.uniform(0.04, 0.07, (regions, 2)) * height
    places = np.column_stack([
        height * (0.5 + 0.5 * far * np.sin(angle)), width * (0.5 + 0.5 * far * np.cos(angle)), axes
    ])  # fmt: skip
    name = f"made-slide:{width}x{height},seed={seed},regions={regions},1"
    notes = ("Made here, with regions that are known.",)
    return MadeSlide(width, height, name, notes, seed, places)
