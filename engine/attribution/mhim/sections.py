"""Bags of tiles cut out of made sections, from which attention learns what a planted region is.

A bag is three squares of 4 × 4 tiles of one section, each inside its tissue. In a bag of the second
class one square lies over a planted region; the others, and all squares of the first class, hold
none. A network is told the bag's class alone.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.attribution.mhim.bags import BagArrays, bags_with
from engine.attribution.mhim.case import BagsCase
from engine.attribution.mhim.whole import KEY_SHARE, Seconds, tile_features
from engine.core.method import Progress, quiet
from engine.vision.data import DataCard, DataSet
from engine.vision.data.whole_slide import FAINT, MadeSlide, made_slide
from engine.vision.models.classifier import Classifier

TILE, ACROSS, SQUARES = 224, 4, 3  # px of a tile, tiles across a square, squares in a bag
SIZE = SQUARES * ACROSS**2  # tiles in a bag
NEAR = (0.3, 0.7)  # where in its square, as a share of the side, a region has its center
FINE = 9  # places along a side at which a square is looked at before it is drawn
SPLITS = (0, 0, 0, 0, 0, 2, 0, 0, 2, 2)  # of pairs of bags: seven for training, three for the test
OTHERS = 1000  # seeds of sections begin here: the section on the page is none of them
SMALL = 14  # times smaller are the tiles that are kept to be looked at
CLASSES = ("no planted region", "a planted region")
CARD = DataCard(
    "Bags of section tiles",
    about="Tiles of made sections in bags; a label belongs to the whole bag, and says whether a "
    "planted region is in it.",
    made="Drawn here; every bag is of a section of its own.",
    license="as Blindspot",
    truth="the bag (group), which tiles lie in a planted region by a quarter (key), and which of "
    "them in a faint one (hard)",
)

Shares = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class SectionBags:
    """Bags of sections.

    Args:
        count: of bags; every other one holds a planted region.
        seed: of the sections, and of the places that are cut out.
    """

    count: int = 160
    seed: int = 0

    def cut(self, bag: int) -> tuple[NDArray[np.uint8], Shares, Flags]:
        """A bag's tiles (SIZE, TILE, TILE, 3), which share of each is planted, (SIZE,), and whether
        the region there is faint."""
        image = made_slide(seed=OTHERS + self.count * self.seed + bag)
        rng = np.random.default_rng([self.seed, 21, bag])
        places = [self.place(image, rng, planted=bool(bag % 2) and not at) for at in range(SQUARES)]
        tiles, shares, faint = zip(*(square(image, *place) for place in places), strict=True)
        return np.concatenate(tiles), np.concatenate(shares), np.concatenate(faint)

    def place(
        self, image: MadeSlide, rng: np.random.Generator, *, planted: bool
    ) -> tuple[int, int]:
        """Top and left of a square inside the tissue, with a planted region or without."""
        side = ACROSS * TILE
        steps = np.linspace(0, side, FINE)
        limits = np.array([image.height - side, image.width - side])
        while True:
            start = rng.uniform(0, limits)
            if planted:
                middle = image.regions[rng.integers(len(image.regions)), :2]
                start = np.clip(middle - rng.uniform(*NEAR, 2) * side, 0, limits)
            top, left = (int(coordinate) for coordinate in start)
            y, x = top + steps[:, None], left + steps[None]
            if image.tissue(y, x).all() and bool(image.planted(y, x).any()) == planted:
                return top, left

    def read(self, model: Classifier, progress: Progress = quiet) -> tuple[BagsCase, BagArrays]:
        """Every tile, as the model's head sees it; the images kept are small."""
        small, shares, faint, features = [], [], [], []
        for bag in range(self.count):
            tiles, planted, weak = self.cut(bag)
            small.append(tiles[:, ::SMALL, ::SMALL].transpose(0, 3, 1, 2))
            shares.append(planted)
            faint.append(weak)
            features.append(tile_features(model, tiles, Seconds()))
            progress((bag + 1) / self.count, f"section {bag + 1} of {self.count}")
        data = self.data(np.concatenate(small), np.concatenate(shares), np.concatenate(faint))
        case = BagsCase(model, data, self.seed)
        return case, bags_with(data, torch.stack(features))

    def data(self, images: NDArray[np.uint8], planted: Shares, faint: Flags) -> DataSet:
        """The bags as a data set, tile by tile."""
        bags = np.arange(self.count)
        key = planted >= KEY_SHARE
        split = np.array(SPLITS, np.uint8)[bags // 2 % len(SPLITS)]
        return DataSet(
            f"section-bags:count={self.count},seed={self.seed}",
            CARD,
            CLASSES,
            images,
            np.repeat(bags % 2, SIZE).astype(np.int64),
            np.arange(len(images)),
            np.repeat(split, SIZE),
            {"group": np.repeat(bags, SIZE), "key": key, "hard": key & faint},
        )


def square(image: MadeSlide, top: int, left: int) -> tuple[NDArray[np.uint8], Shares, Flags]:
    """The tiles of a square row by row, the share of each that is planted, and what is faint."""
    side = ACROSS * TILE
    pixels = image.piece(top, top + side, left, left + side)
    cut = pixels.reshape(ACROSS, TILE, ACROSS, TILE, 3).swapaxes(1, 2).reshape(-1, TILE, TILE, 3)
    strength = image.strength(*np.ogrid[top : top + side, left : left + side])
    tiled = strength.reshape(ACROSS, TILE, ACROSS, TILE)
    planted, strongest = (tiled > 0).mean((1, 3)).ravel(), tiled.max((1, 3)).ravel()
    return cut, planted, strongest <= FAINT
