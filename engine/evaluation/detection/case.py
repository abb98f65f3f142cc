"""What the anomaly family asks about: images and a model, or one image among normal ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from engine.core.case_base import Case, Parts
from engine.core.controls import Many, Text, argument
from engine.core.errors import BadData, BadModel, BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.method import Precision
from engine.core.naming import Unknown, named_by
from engine.evaluation.detection import sources
from engine.evaluation.detection.rows import MOST_UNKNOWN, evenly, split
from engine.vision.arguments import (
    classifier_field,
    data_argument,
    name_of,
    seed_argument,
    training_data,
)
from engine.vision.data import DataSet
from engine.vision.models.catalog import data_of
from engine.vision.models.classifier import Classifier
from engine.vision.pictures import first_picture, picture_field

UNKNOWN = Unknown("A case does not know its unknown images: say unknown=….")


def normal_images(name: str | None, model: Classifier) -> DataSet:
    """Those of that name, or what the model learned from, or photographs."""
    return sources.normal(name or data_of(model) or sources.PHOTOGRAPHS)


def unknown_images(
    name: str | None, model: Classifier, normal: DataSet, arguments: Mapping[str, Any]
) -> DataSet | None:
    """Those of that name, if there is one."""
    return sources.unknown(name, normal, model, arguments["seed"]) if name else None


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

    model: Classifier = classifier_field()
    data: DataSet = named_by(
        training_data, name_of, data=data_argument(None, "A data set by name.")
    )
    layers: tuple[str, ...] = named_by(
        default=(),
        layers=argument((), Many(), "Layers", "Layers of the model whose outputs are kept too."),
    )
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

    model: Classifier = classifier_field()
    image: Tensor = picture_field()
    normal: DataSet = named_by(
        normal_images,
        name_of,
        normal=argument(
            None,
            Text(off="what the model learned from", options=sources.normal_options),
            "Normal images",
            "What the model is to find usual. None of them was used to draw the line: the scores "
            "that count are those of images that neither the model nor the detector has learned "
            "from.",
        ),
    )
    unknown: DataSet | None = named_by(
        unknown_images,
        lambda unknown: None if unknown is None else UNKNOWN,
        default=None,
        unknown=argument(
            None,
            Text(off="none", options=sources.unknown_options),
            "Unknown images, to measure by",
            "They show how often a detector finds what it should.",
        ),
    )
    group: int | None = named_by(
        lambda model, normal, arguments: sources.group_of(
            arguments["image"] or first_picture(model), normal
        ),
        default=None,
    )
    seed: int = named_by(default=0, seed=seed_argument())
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
