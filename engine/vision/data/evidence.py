"""Images whose evidence is known: a shape drawn twice, and bags of digits with a key among them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from engine.core.method import Choice, Progress, Slider, quiet, setting
from engine.vision.data.brain import cloud
from engine.vision.data.dataset import SPLITS, DataCard, DataSet, Rows
from engine.vision.data.digits import Mnist
from engine.vision.data.recipe import DataRecipe, seed_setting

SHAPES = ("disc", "square", "triangle", "cross")
TRIES = 1000  # for a second place, before the first is drawn anew
REACH = 4  # px from a shape's center to its edge
SPLIT = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2, 2], np.uint8)  # of ten images

KEYS = (9, 3, 5)  # digits that make a bag's class
SHARE = (0.05, 0.12)  # of a bag's images that show its key
BAGS = (7, 1, 2)  # splits, of ten
FAINT = 0.35  # brightness of a hard image
TURN = (25.0, 60.0)  # degrees that it is turned, either way


@dataclass(frozen=True)
class TwoCopies(DataRecipe):
    """A class is a shape that stands in the image twice: one copy would be evidence enough."""

    word = "twice"
    title = "A shape, twice"
    card = DataCard(
        title,
        about="Two copies of one shape (disc, square, triangle or cross) on an uneven background.",
        made="Drawn here.",
        license="of this project",
        truth="the mask of both copies, and which copy a pixel belongs to (copy: 1 or 2)",
    )

    count: int = setting(3000, Slider(10, 20000, 10), "Images", "How many.")
    side: int = setting(32, Slider(24, 64, 8, "px"), "Side", "Pixels from edge to edge.")
    contrast: float = setting(
        0.35, Slider(0.05, 0.6, 0.05), "Contrast", "How much brighter than the background."
    )
    seed: int = seed_setting()

    def make(self, progress: Progress = quiet) -> DataSet:
        """The images; each comes from (seed, its number)."""
        shape = (self.count, self.side, self.side)
        images, copies = np.empty(shape, np.uint8), np.zeros(shape, np.uint8)
        index = np.arange(self.count)
        for row in index:
            if row % 100 == 0:
                progress(row / self.count, "drawing shapes")
            images[row], copies[row] = self.image(int(row))
        return DataSet(
            name=self.name,
            card=self.card,
            classes=SHAPES,
            images=images[:, None],
            labels=index % len(SHAPES),
            ids=index,
            split=SPLIT[index // len(SHAPES) % len(SPLIT)],
            truth={"mask": copies > 0, "copy": copies},
        )

    def image(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One image and which copy each of its pixels belongs to."""
        rng = np.random.default_rng([self.seed, 4, index])
        low, high = REACH, self.side - REACH
        first = rng.integers(low, high, 2)
        second, tries = first, 0
        while np.abs(second - first).max() < 2 * REACH + 1:  # side by side, never touching
            second, tries = rng.integers(low, high, 2), tries + 1
            if tries % TRIES == 0:  # in the middle of a small image there is no room for another
                first = rng.integers(low, high, 2)
        copies = np.zeros((self.side, self.side), np.uint8)
        stencil = shape_pixels(SHAPES[index % len(SHAPES)])
        for number, (y, x) in enumerate((first, second), start=1):
            spot = copies[y - REACH : y + REACH, x - REACH : x + REACH]
            spot[stencil] = number
        ground = 0.35 + 0.08 * cloud(rng, self.side, 1.5) + 0.05 * cloud(rng, self.side, 4.0)
        image = ground + self.contrast * (copies > 0)
        return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8), copies


@dataclass(frozen=True)
class Bags(DataRecipe):
    """Bags of digits: a bag's class is the key digit that it holds, and only some images show it.

    Half of all images are hard: faint and turned, whether they show the key or not. With three
    classes, a bag may also hold one image of another class's key.
    """

    word = "bags"
    title = "Bags of digits"
    card = DataCard(
        title,
        about="Images of digits in bags; a label belongs to the whole bag, and says which key "
        "digit is in it.",
        made="Put together from MNIST, 5000 digits; the test's bags hold the test's digits only.",
        license="as MNIST: CC BY-SA 3.0",
        truth="the bag (group), which images show the bag's key (key), which are hard (hard), "
        "and every image's digit",
    )

    count: int = setting(300, Slider(20, 1000, 10), "Bags", "How many.")
    size: int = setting(60, Slider(20, 200, 10), "Images", "In a bag.")
    kind: str = setting(
        "two", Choice(("two", "three")), "Classes", "No 9 or a 9; or a 9, a 3 or a 5."
    )
    hard: float = setting(
        0.5, Slider(0.0, 0.9, 0.1), "Hard", "Share of images that are faint and turned."
    )
    seed: int = seed_setting()

    def make(self, progress: Progress = quiet) -> DataSet:
        """The bags, image by image: rows of one bag stand together."""
        source = Mnist().make()
        classes = ("no 9", "a 9") if self.kind == "two" else tuple(f"a {key}" for key in KEYS)
        bag_split = np.array([0] * BAGS[0] + [1] * BAGS[1] + [2] * BAGS[2], np.uint8)
        parts = []
        for bag in range(self.count):
            progress(bag / self.count, "filling bags")
            split = int(bag_split[bag // len(classes) % len(bag_split)])
            label = bag % len(classes)
            rng = np.random.default_rng([self.seed, 5, bag])
            parts.append((bag, split, label, *self.bag(source, split, label, rng)))
        bags, splits, labels, rows, keys, hard, images = zip(*parts, strict=True)
        total = self.count * self.size
        return DataSet(
            name=self.name,
            card=self.card,
            classes=classes,
            images=np.concatenate(images),
            labels=np.repeat(np.array(labels, np.int64), self.size),
            ids=np.arange(total),
            split=np.repeat(np.array(splits, np.uint8), self.size),
            truth={
                "group": np.repeat(np.array(bags), self.size),
                "key": np.concatenate(keys),
                "hard": np.concatenate(hard),
                "digit": source.labels[np.concatenate(rows)],
            },
        )

    def bag(
        self, source: DataSet, split: int, label: int, rng: np.random.Generator
    ) -> tuple[Rows, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.uint8]]:
        """The source's rows in a bag, which show the key, which are hard, and the images."""
        pool = source.rows(SPLITS[split])
        digits = source.labels[pool]
        used = KEYS[:1] if self.kind == "two" else KEYS
        key = used[label] if self.kind == "three" else KEYS[0]
        count = max(2, round(rng.uniform(*SHARE) * self.size))
        if self.kind == "two" and label == 0:
            count = 0
        rows = rng.choice(pool[~np.isin(digits, used)], self.size)
        rows[:count] = rng.choice(pool[digits == key], count)
        if self.kind == "three" and rng.random() < 0.5:  # one image of another class
            other = rng.choice([candidate for candidate in used if candidate != key])
            # behind the images of the key, none of which it may replace
            rows[count] = rng.choice(pool[digits == other])
        rows = rng.permutation(rows)
        hard = rng.random(self.size) < self.hard
        images = source.images[rows].copy()
        for place in np.flatnonzero(hard):
            images[place, 0] = harder(images[place, 0], rng)
        return rows, source.labels[rows] == key, hard, images


def shape_pixels(shape: str) -> NDArray[np.bool_]:
    """A shape's pixels, (2 REACH, 2 REACH)."""
    at = np.arange(2 * REACH) - REACH + 0.5
    y, x = np.meshgrid(at, at, indexing="ij")
    match shape:
        case "disc":
            return np.hypot(y, x) < REACH
        case "square":
            return np.maximum(abs(y), abs(x)) < REACH - 0.5
        case "triangle":
            return abs(x) < (y + REACH) / 2
        case _:
            return np.minimum(abs(y), abs(x)) < REACH / 3


def harder(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A digit faint and turned."""
    angle = rng.uniform(*TURN) * rng.choice([-1, 1])
    rotated = ndi.rotate(image.astype(np.float32), angle, reshape=False, order=1)
    return np.round(FAINT * rotated).astype(np.uint8)
