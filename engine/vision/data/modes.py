"""Modes of a class: what sets some of its images apart where no label does.

A network learns one label for all of them, and can be asked to forget one. Of shape scenes a mode
is a thing that is there, so that modes overlap. Of merged classes it is the class that an image
had before, as CIFAR-20 is CIFAR-100 with five classes under each label.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData
from engine.core.method import Slider, setting
from engine.vision.data.dataset import DataSet
from engine.vision.data.recipe import Variant
from engine.vision.data.sprites import CATEGORIES

BEFORE = "class_before"  # the truth that names the class before classes were merged, (N,) text
NAMED_CLASSES = 5  # classes that a merged one names


@dataclass(frozen=True)
class Merged(Variant):
    """Several classes under one label: the first with every n-th after it, and so on.

    With two, digits become even and odd ones. The truth "class_before" keeps each image's class.
    """

    word = "merged"
    title = "Merged classes"

    into: int = setting(2, Slider(2, 50, 1), "Into", "How many classes there are then.")

    def __call__(self, data: DataSet) -> DataSet:
        """The same images under fewer labels.

        Raises:
            BadData: there are no more classes than that, or some are unknown.
        """
        count = len(data.classes)
        if self.into >= count:
            raise BadData(
                f"{data.card.title} has {count} classes: only more than {self.into} can be merged "
                f"into {self.into}."
            )
        return merged(data, self, np.arange(count) % self.into)


def merged(
    data: DataSet, variant: Variant, place: NDArray[np.int64], names: tuple[str, ...] = ()
) -> DataSet:
    """The same images with each class under the label that `place`, (classes,), gives it.

    Args:
        data: whose truth "class_before" then keeps each image's class.
        variant: what it is named by.
        place: from 0 on, without a gap.
        names: of the new classes; made of the names of the old ones when left out.

    Raises:
        BadData: some classes are unknown.
    """
    if "unknown" in data.truth:
        raise BadData(
            f"{data.card.title} has unknown classes, which are not merged with known ones: "
            "merge classes first, then leave some of them out."
        )
    old = np.array(data.classes)
    truth = {"original_label": data.labels, BEFORE: old[data.labels], **data.truth}
    if "clean_label" in truth:
        clean = truth["clean_label"]
        truth["clean_label"] = np.where(clean < 0, clean, place[clean])
    return replace(
        data,
        name=f"{data.name}+{variant.name}",
        card=replace(data.card, title=f"{data.card.title} · {variant.title.lower()}"),
        classes=names
        or tuple(together(tuple(old[place == number])) for number in np.unique(place)),
        labels=place[data.labels],
        truth=truth,
    )


def together(names: tuple[str, ...]) -> str:
    """The name of several classes in one, such as "1 or 3"."""
    more = len(names) - NAMED_CLASSES
    return " or ".join(names[:NAMED_CLASSES]) + (f" or {more} more" if more > 0 else "")


def modes(data: DataSet) -> dict[str, NDArray[np.bool_]]:
    """Which images are of which mode, by its name, (N,) each; empty where none is known."""
    results: dict[str, NDArray[np.bool_]] = {}
    if "present" in data.truth:
        results |= dict(zip(CATEGORIES, np.asarray(data.truth["present"], np.bool_).T, strict=True))
    if BEFORE in data.truth:
        before = data.truth[BEFORE]
        results |= {str(name): before == name for name in np.unique(before)}
    return results


def modes_of(data: DataSet, label: int) -> tuple[str, ...]:
    """The modes that some of a class's training images have, and some have not."""
    rows = data.rows("train")
    rows = rows[data.labels[rows] == label]
    return tuple(name for name, mode in modes(data).items() if 0 < mode[rows].sum() < len(rows))
