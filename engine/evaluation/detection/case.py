"""What the anomaly family asks about: images and a model, or one image among normal ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from engine.core.case_base import Case, Parts
from engine.core.errors import BadData, BadModel, BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.method import Precision
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier

MOST_FIT, MOST_HELD, MOST_UNKNOWN = 2000, 1000, 200  # images that are looked at


@dataclass(frozen=True, eq=False)
class DataCase(Case):
    """Images of a data set, as one model sees them.

    Args:
        model: the classifier.
        data: all its rows are looked at; each is brought to the model's size where it differs.
        layers: whose outputs are kept too.
    """

    case_name: ClassVar[str] = "data"
    what: ClassVar[str] = "a data set and a classifier"
    gives: ClassVar[frozenset[str]] = frozenset({"data"})

    model: Classifier
    data: DataSet
    layers: tuple[str, ...] = ()
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        if not len(self.data):
            raise BadData(f"{self.data.card.title} has no images that could be looked at.")
        for name in self.layers:
            self.model.layer(name)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return super().facts() | {
            "images": len(self.data),
            "alike": f"{self.model.fingerprint}|{len(self.data)}",  # in seconds
            "layers": list(self.layers),
        }


@dataclass(frozen=True, eq=False)
class FamiliarCase(Case):
    """One image, among normal ones, and perhaps unknown ones to measure by.

    Args:
        model: the classifier.
        image: pixels (3, side, side) in [0, 1], float32.
        normal: what the model is to find usual: its train images are fitted to, the others are
            held out. Its truth "unknown" marks images of classes that were held out.
        unknown: images that should be found unusual.
        group: of the image itself among the normal ones (its patient, its photograph), which is
            left out of them.
        seed: of the draw of the held-out images.
        precision: "exact" only.

    Raises:
        BadData: too few normal images.
        BlindspotError: the image does not fit the model.
    """

    case_name: ClassVar[str] = "familiar"
    what: ClassVar[str] = "an image, a classifier and normal images to compare with"
    gives: ClassVar[frozenset[str]] = frozenset({"normal"})

    model: Classifier
    image: Tensor
    normal: DataSet
    unknown: DataSet | None = None
    group: int | None = None
    seed: int = 0
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        expected = (3, self.model.side, self.model.side)
        if tuple(self.image.shape) != expected:
            raise BlindspotError(f"The image is {tuple(self.image.shape)}, not {expected}.")
        if self.unknown is not None and not len(self.unknown):
            raise BadData(f"{self.unknown.card.title} has no images that could be unknown.")
        split(self.normal)

    def digest_parts(self) -> Parts:
        """Pixels, weights, normal and unknown images, group, seed and precision."""
        other = self.unknown.fingerprint if self.unknown is not None else ""
        yield self.image.contiguous().numpy().tobytes()
        yield f"familiar|{self.model.fingerprint}|{self.normal.fingerprint}|{other}"
        yield f"|{self.group}|{self.seed}|{self.precision}"

    def facts(self) -> dict[str, Any]:
        """What it is, for the record: no pixels, no file name."""
        return super().facts() | {
            "normal": self.normal.name,
            "unknown": self.unknown.name if self.unknown is not None else "",
            "data": self.normal.name,
            "alike": f"{self.model.fingerprint}|{len(self.normal)}",
        }

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "patches":
            return mapless(self.model)
        if need == "labels":
            reason = "it needs normal images of the model's own classes, and these have others."
            return "" if self.labeled else reason
        return headless(self.model) if need == "head" else super().lacks(need)

    def options(self, source: str) -> tuple[str, ...]:
        """Words that a setting may choose from. Raises ValueError for an unknown source."""
        if source == "classes":
            return self.model.labels
        raise ValueError(source)

    @lazy
    def parts(self) -> tuple[DataCase, DataCase, DataCase | None]:
        """The images to fit to, those held out, and the unknown ones, each for the model."""
        fit_rows, held_rows = split(self.normal)
        unknown = None
        if self.unknown is not None:
            rows = evenly(np.arange(len(self.unknown)), MOST_UNKNOWN)
            unknown = DataCase(self.model, self.unknown.take(rows))
        return (
            DataCase(self.model, self.normal.take(fit_rows)),
            DataCase(self.model, self.normal.take(held_rows)),
            unknown,
        )

    @property
    def labeled(self) -> bool:
        """Whether the normal images' classes are the model's own."""
        labels = self.model.labels
        return self.normal.classes[: len(labels)] == labels

    def generator(self) -> np.random.Generator:
        """A fresh source of random numbers, always from the same seed."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True, eq=False)
class LesionsCase(Case):
    """Images whose lesions are known, as masks or as boxes, and normal ones to compare with.

    Args:
        model: the classifier whose layers are compared.
        data: its test images are asked about; its truth has "mask" or "boxes".
        normal: what a localizer is fitted to, and what its threshold comes from.
        seed: of every draw.
        precision: "exact" only.
    """

    case_name: ClassVar[str] = "lesions"
    what: ClassVar[str] = "images with known lesions, a classifier and normal images"

    model: Classifier
    data: DataSet
    normal: DataSet
    seed: int = 0
    precision: Precision = "exact"

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        alike = f"{self.model.fingerprint}|{len(self.data)}"  # in seconds
        return super().facts() | {"normal": self.normal.name, "alike": alike}

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "patches":
            return mapless(self.model)
        if need == "lesions":
            has_outlines = {"mask", "boxes"} & self.data.truth.keys() and len(
                self.data.rows("test")
            )
            reason = "it needs test images with masks or boxes of lesions, and these have none."
            return "" if has_outlines else reason
        return super().lacks(need)


def mapless(model: Classifier) -> str:
    """Why the model has no patches, or ""."""
    has_maps = any(layer.is_map for layer in model.layers)
    return "" if has_maps else "it needs layers whose output is a map, and this model has none."


def headless(model: Classifier) -> str:
    """Why a model has no linear head whose input could be read, or ""."""
    try:
        _ = model.head
    except BadModel:
        return "it needs a last linear layer, and this model has none."
    return ""


def split(data: DataSet) -> tuple[Rows, Rows]:
    """The rows to fit to and those held out; images of unknown classes are in neither.

    Where nothing but train images is there, half of them is held out, or half of their groups.

    Raises:
        BadData: fewer than two normal images, or all of one group.
    """
    unknown = data.truth.get("unknown")
    normal = np.ones(len(data), np.bool_) if unknown is None else ~np.asarray(unknown, np.bool_)
    rows = np.flatnonzero(normal)
    if len(rows) < 2:
        count = "no normal image" if not len(rows) else "one normal image"
        raise BadData(
            f"{data.card.title} has {count}: at least two are needed, one to learn what is usual "
            "and one to compare with. Give more."
        )
    fit_rows, held_rows = rows[data.split[rows] == 0], rows[data.split[rows] != 0]
    if not len(fit_rows) or not len(held_rows):
        groups, places = data.truth.get("group"), np.arange(len(rows))
        if groups is not None:
            # pieces of one picture are too alike to be compared with each other
            places = np.unique(groups[rows], return_inverse=True)[1]
        # every other one, since a file may be sorted
        fit_rows, held_rows = rows[places % 2 == 0], rows[places % 2 == 1]
        if not len(held_rows):
            raise BadData(
                f"{data.card.title} has normal images of one group alone, such as pieces of one "
                "picture: at least two groups are needed, one to learn what is usual and one to "
                "compare with. Give more."
            )
    return evenly(fit_rows, MOST_FIT), evenly(held_rows, MOST_HELD)


def evenly(rows: Rows, most: int) -> Rows:
    """At most so many rows, spread over all of them."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).astype(int)])


def unknown_rows(data: DataSet) -> Rows:
    """The images of held-out classes that a data set knows of; none where it knows of none."""
    truth: Mapping[str, Any] = data.truth
    marked = truth.get("unknown")
    return np.flatnonzero(marked) if marked is not None else np.empty(0, np.int64)
