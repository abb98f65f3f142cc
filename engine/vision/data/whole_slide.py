"""A large made image that looks like a stained section, with planted regions that are known.

Any rectangle is drawn by itself: the image is made of square cells, each from (seed, its place), so
that a width of 30,000 px costs no more memory than what is looked at. Pink ground with violet dots;
in the planted regions some dots are larger, darker and closer together: of a strong region all, of
a faint one a tenth. Around it is blank glass.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.vision.images.large_base import LargeImage, Pixels

CELL = 256  # px
REACH = 8  # px from a dot's center, at most
GLASS, PINK, VIOLET, DARK = (
    np.array(color, np.float32)
    for color in ((243, 241, 242), (226, 172, 198), (122, 84, 150), (72, 38, 108))
)
DOTS = 300  # in a cell of a planted region
USUAL = 0.35  # of them elsewhere
SMALL, LARGE = (2.5, 4.5), (4.0, 7.0)  # px, a dot's radius
COVERED = (0.06, 0.45)  # share of the ground below dots, elsewhere and in a planted region
GRAIN = 9  # gray levels either way
FAINTEST = 0.1  # share of a region's dots that are dark, at least
FAINT = 0.5  # of a region, up to which it counts as faint
ROUGH = 4  # times smaller, from which on single dots are no longer drawn

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MadeSlide(LargeImage):
    """Some planted regions, ellipses, on a section.

    Args:
        seed: of everything in it.
        regions: (n, 4), the center's y and x, and the half axes, in px.
        strengths: (n,), the share of its dots that are dark.
    """

    seed: int
    regions: NDArray[np.float64]
    strengths: NDArray[np.float64]

    def piece(self, top: int, bottom: int, left: int, right: int) -> Pixels:
        """Drawn cell by cell; a dot may reach into the next cell."""
        result = np.empty((bottom - top, right - left, 3), np.uint8)
        for row in range(top // CELL, -(-bottom // CELL)):
            for column in range(left // CELL, -(-right // CELL)):
                y, x = row * CELL, column * CELL
                above, below = max(top, y), min(bottom, y + CELL)
                start, end = max(left, x), min(right, x + CELL)
                part = self.cell(row, column)[above - y : below - y, start - x : end - x]
                result[above - top : below - top, start - left : end - left] = part
        return result

    def mask(self, top: int, bottom: int, left: int, right: int) -> Flags:
        """Where the planted regions are."""
        y, x = np.ogrid[top:bottom, left:right]
        return self.planted(y, x)

    def cell(self, row: int, column: int) -> Pixels:
        """One cell, (CELL, CELL, 3)."""
        top, left = row * CELL, column * CELL
        y, x = np.ogrid[top : top + CELL, left : left + CELL]
        inside = self.tissue(y, x)
        grain = np.random.default_rng([self.seed, 8, row, column]).integers(
            -GRAIN, GRAIN, (CELL, CELL, 1), np.int8, endpoint=True
        )
        ground = np.where(inside[..., None], PINK * self.shade(y, x), GLASS)
        if inside.any():
            for tint, cover in zip((VIOLET, DARK), self.covered(row, column), strict=True):
                share = (cover * inside)[..., None]
                ground = (1 - share) * ground + share * tint
        return clip_to_bytes(ground + grain)

    def covered(self, row: int, column: int) -> NDArray[np.float32]:
        """How much of each pixel of a cell lies below usual dots, and below those planted."""
        near = [
            self.dots(y, x) for y in range(row - 1, row + 2) for x in range(column - 1, column + 2)
        ]
        places, radii, crowded = (np.concatenate(part) for part in zip(*near, strict=True))
        places = places - np.array([row, column]) * CELL
        close = ((places > -REACH) & (places < CELL + REACH)).all(1)
        places, radii, crowded = places[close], radii[close], crowded[close]
        steps = np.arange(-REACH, REACH + 1)
        y, x = (places[:, at, None].astype(int) + steps for at in (0, 1))
        far = np.hypot((y - places[:, :1])[:, :, None], (x - places[:, 1:])[:, None, :])
        share = np.clip(radii[:, None, None] + 0.5 - far, 0, 1).astype(np.float32)
        # with a rim, onto which places outside are clipped and which is cut off
        result = np.zeros((2, CELL + 2 * REACH + 2, CELL + 2 * REACH + 2), np.float32)
        y, x = (np.clip(coordinates + REACH, 0, CELL + 2 * REACH + 1) for coordinates in (y, x))
        kinds = crowded.astype(int)[:, None, None]
        # where dots overlap the larger cover counts: a sum could be more than 1
        np.maximum.at(result, (kinds, y[:, :, None], x[:, None, :]), share)
        return result[:, REACH : REACH + CELL, REACH : REACH + CELL]

    def dots(self, row: int, column: int) -> tuple[NDArray[np.float64], NDArray[np.float64], Flags]:
        """Places (n, 2), radii and whether they are dark, of the dots of one cell."""
        rng = np.random.default_rng([self.seed, 9, row + 1, column + 1])
        places = (rng.random((DOTS, 2)) + np.array([row, column])) * CELL
        usual, wide = rng.random(DOTS) < USUAL, rng.random(DOTS)
        crowded = rng.random(DOTS) < self.strength(places[:, 0], places[:, 1])
        keep = crowded | usual
        radii = np.where(
            crowded,
            LARGE[0] + wide * (LARGE[1] - LARGE[0]),
            SMALL[0] + wide * (SMALL[1] - SMALL[0]),
        )
        return places[keep], radii[keep], crowded[keep]

    def smaller(self, times: int, top: int, bottom: int, left: int, right: int) -> Pixels:
        """As of any image; where it is much smaller, dots are drawn by what they cover on average.

        So an overview of an image of any size takes no time worth speaking of.
        """
        if times < ROUGH:
            return super().smaller(times, top, bottom, left, right)
        y = top + times * (np.arange((bottom - top) // times)[:, None] + 0.5)
        x = left + times * (np.arange((right - left) // times)[None] + 0.5)
        strength = self.strength(y, x)[..., None]
        dark, usual = strength * COVERED[1], (1 - strength) * COVERED[0]
        ground = (1 - dark - usual) * PINK * self.shade(y, x) + dark * DARK + usual * VIOLET
        return clip_to_bytes(np.where(self.tissue(y, x)[..., None], ground, GLASS))

    def planted(self, y: NDArray[Any], x: NDArray[Any]) -> Flags:
        """Whether places lie in a planted region."""
        return self.strength(y, x) > 0

    def strength(self, y: NDArray[Any], x: NDArray[Any]) -> NDArray[np.float64]:
        """That of the strongest region in which places lie; 0 outside."""
        result = np.zeros(np.broadcast_shapes(y.shape, x.shape))
        for region, strength in zip(self.regions, self.strengths, strict=True):
            inside = ((y - region[0]) / region[2]) ** 2 + ((x - region[1]) / region[3]) ** 2 <= 1
            np.maximum(result, strength, out=result, where=inside)
        return result

    def tissue(self, y: NDArray[Any], x: NDArray[Any]) -> Flags:
        """Whether there is tissue: inside an ellipse with a wavy border."""
        down, across = 2 * y / self.height - 1, 2 * x / self.width - 1
        angle = np.arctan2(down, across)
        wave = 0.86 + 0.05 * np.sin(5 * angle + self.seed) + 0.03 * np.sin(11 * angle)
        return np.asarray(np.hypot(down, across) < wave)

    def shade(self, y: NDArray[Any], x: NDArray[Any]) -> NDArray[np.float32]:
        """How light the ground is, with an axis for color: waves of the seed's own phases."""
        phase = np.random.default_rng([self.seed, 10]).uniform(0, 2 * np.pi, (4, 2))
        waves = sum(
            np.sin(y / (90 + 70 * at) + shift[0]) * np.sin(x / (110 + 60 * at) + shift[1])
            for at, shift in enumerate(phase)
        )
        return np.asarray(0.98 + 0.03 * waves, np.float32)[..., None]


def clip_to_bytes(values: NDArray[Any]) -> Pixels:
    """As bytes."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def made_slide(width: int = 7168, height: int = 5376, seed: int = 0, regions: int = 4) -> MadeSlide:
    """A section with so many planted regions, each of a few hundred px, from strong to faint."""
    rng = np.random.default_rng([seed, 7])
    angle = rng.uniform(0, 2 * np.pi, regions) / regions + 2 * np.pi * np.arange(regions) / regions
    far = rng.uniform(0.3, 0.6, regions)
    axes = rng.uniform(0.04, 0.07, (regions, 2)) * height
    places = np.column_stack(
        [
            height * (0.5 + 0.5 * far * np.sin(angle)),
            width * (0.5 + 0.5 * far * np.cos(angle)),
            axes,
        ]
    )
    strengths = rng.permutation(np.linspace(FAINTEST, 1, regions))
    name = f"made-slide:{width}x{height},seed={seed},regions={regions},2"
    notes = ("Made here, with regions that are known.",)
    return MadeSlide(width, height, name, notes, seed, places, strengths)
