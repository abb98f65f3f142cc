"""Bags of tiles, and the network that reads a tile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.core.case_base import Case
from engine.core.controls import Option, OtherArguments, Text, argument
from engine.core.errors import BadData
from engine.core.method import Precision
from engine.core.naming import named_by
from engine.vision import data as data_sets
from engine.vision.arguments import classifier_field, name_of, seed_argument
from engine.vision.data import SPLITS, DataSet
from engine.vision.models.classifier import Classifier

FEWEST = 2  # tiles in a bag: of a single one nothing could be masked
BAGS = (Option("bags", "A 9, or none"), Option("bags:kind=three", "A 9, a 3 or a 5"))


def bag_options(_arguments: OtherArguments) -> Sequence[Option]:
    """The bags that come along."""
    return BAGS


@dataclass(frozen=True, eq=False)
class BagsCase(Case):
    """Bags of tiles with one label each, read by a network that is not trained any more.

    Args:
        model: reads the tiles; the bag networks learn from what its head sees of each.
        data: its truth "group" says which bag a tile belongs to, the label is the bag's; "key" and
            "hard" (N,) bool, where they are known, which tiles make the label and which are hard
            to read.
        seed: of the bag networks: first weights, order, dropout and masks.

    Raises:
        BadData: the tiles are in no bags, bags differ in size, have one tile, or one class.
    """

    case_name: ClassVar[str] = "bags"
    what: ClassVar[str] = "bags of tiles and a network that reads a tile"

    model: Classifier = classifier_field(
        "mnist-cnn", "Reads the tiles; it is not trained any more."
    )
    data: DataSet = named_by(
        data_sets.load,
        name_of,
        data=argument(
            BAGS[0].name,
            Text(options=bag_options),
            "Bags",
            "A data set of bags by name. A label belongs to a whole bag of tiles.",
        ),
    )
    seed: int = named_by(default=0, seed=seed_argument())
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        title, groups = self.data.card.title, self.data.truth.get("group")
        if groups is None or not len(groups):
            raise BadData(f"{title} is no set of bags: choose Bags of digits.")
        sizes = np.unique(groups, return_counts=True)[1]
        if sizes.max() < FEWEST:
            raise BadData(f"A bag of {title} has one tile: there is nothing to choose between.")
        if sizes.min() != sizes.max():
            words = f"from {sizes.min()} to {sizes.max()} tiles"
            raise BadData(f"The bags of {title} have {words}: they need one size.")
        for split in ("train", "test"):
            labels = np.unique(self.data.labels[self.data.split == SPLITS.index(split)])
            if not len(labels):
                raise BadData(f"{title} has no bags for its {split} split.")
            if len(labels) < 2:
                only = self.data.classes[labels[0]]
                raise BadData(
                    f"Every {split} bag of {title} is “{only}”: there is nothing to tell apart."
                )

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        bags = len(np.unique(self.data.truth["group"]))
        alike = f"{self.model.fingerprint}|{bags}|{len(self.data)}"  # in seconds
        return super().facts() | {"bags": bags, "alike": alike}
