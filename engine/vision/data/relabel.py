"""Other labels on the same images: what a stranger may teach who does not use the owner's classes.

A protection that hangs on the owner's labels may fail on images that are labeled anew. A coarse
labeling goes by an attribute that the classes are made of, such as the shape, where the data's
truth has one; else two neighboring classes share a label. A random merge puts two classes together
by chance, and never just those that the coarse labeling puts together: of four classes every third
draw would, and what knows the coarse labels would know the random ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData
from engine.core.method import Choice, setting
from engine.vision.data.dataset import DataSet
from engine.vision.data.modes import merged
from engine.vision.data.recipe import Variant, seed_setting

ORIGINAL, COARSE, RANDOM = RELABELINGS = ("original", "coarse", "random merge")
ATTRIBUTES = ("shape", "color", "texture")  # truths, (N,) text; the first that fits counts
FEWEST = 3  # classes that can be merged and still be told apart


@dataclass(frozen=True)
class Relabeled(Variant):
    """Fewer classes on the same images; the truth "class_before" keeps each image's class."""

    word = "relabeled"
    title = "Relabeled"

    how: str = setting(
        RANDOM,
        Choice((COARSE, RANDOM)),
        "Labels",
        "coarse: by an attribute that classes share, "
        "or two neighbors together; random merge: two classes together, drawn by the seed.",
    )
    seed: int = seed_setting()

    def __call__(self, data: DataSet) -> DataSet:
        """The same images with other labels.

        Raises:
            BadData: there are fewer than three classes, or some are unknown.
        """
        count = len(data.classes)
        if count < FEWEST:
            raise BadData(
                f"{data.card.title} has {count} classes: at least {FEWEST} are needed to merge "
                "some of them."
            )
        place, names = coarse(data)
        if self.how == COARSE:
            return merged(data, self, place, names)
        rng = np.random.default_rng([self.seed, 41])
        groups = rng.permutation(np.arange(count) // 2)
        while same_groups(groups, place):
            groups = rng.permutation(groups)
        return merged(data, self, groups)


def relabeled(data: DataSet, how: str, seed: int = 0) -> DataSet:
    """The data under the labels that `how`, one of RELABELINGS, says; the seed is of chance.

    Raises:
        BadData: there are fewer than three classes, or some are unknown.
        BadSetting: no such labels.
    """
    return data if how == ORIGINAL else Relabeled(how, seed)(data)


def coarse(data: DataSet) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The coarse label of each class, (classes,), and their names; none for pairs of neighbors."""
    count = len(data.classes)
    for attribute in ATTRIBUTES:
        names, place = np.unique(by_class(data, attribute), return_inverse=True)
        if 1 < len(names) < count:
            return place, tuple(map(str, names))
    return np.arange(count) // 2, ()


def same_groups(first: NDArray[np.int64], second: NDArray[np.int64]) -> bool:
    """Whether two labelings of the same classes put the same ones together."""
    pair_count = len({*zip(first.tolist(), second.tolist(), strict=True)})
    return pair_count == len(np.unique(first)) == len(np.unique(second))


def by_class(data: DataSet, attribute: str) -> NDArray[np.str_]:
    """The attribute of each class, (classes,); empty where images of a class differ in it."""
    values = data.truth.get(attribute, np.empty((0, 0)))
    if values.ndim != 1:
        return np.empty(0, np.str_)
    groups = [np.unique(values[data.labels == label]) for label in range(len(data.classes))]
    return (
        np.concatenate(groups) if all(len(group) == 1 for group in groups) else np.empty(0, np.str_)
    )
