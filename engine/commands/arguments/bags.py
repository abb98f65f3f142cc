"""Arguments of cases about bags of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.attribution.slides.case import BagsCase
from engine.commands.arguments.classifiers import ModelArguments, model_argument
from engine.core.controls import OtherArguments, Text, argument
from engine.core.method import Option
from engine.vision import data as data_sets
from engine.vision.arguments import seed_argument

BAGS = (Option("bags", "A 9, or none"), Option("bags:kind=three", "A 9, a 3 or a 5"))


def bag_options(_arguments: OtherArguments) -> Sequence[Option]:
    """The bags that come along."""
    return BAGS


@dataclass(frozen=True)
class BagsArguments(ModelArguments[BagsCase]):
    """Bags of tiles, and the network that reads a tile."""

    model: str = model_argument("mnist-cnn", "Reads the tiles; it is not trained any more.")
    data: str = argument(
        BAGS[0].name,
        Text(options=bag_options),
        "Bags",
        "A data set of bags by name. A label belongs to a whole bag of tiles.",
    )
    seed: int = seed_argument()

    def case(self) -> BagsCase:
        """The case of the bags."""
        return BagsCase(self.classifier(), data_sets.load(self.data), self.seed)

    @classmethod
    def named(cls, case: BagsCase) -> dict[str, Any]:
        """Everything."""
        return {"model": case.model.name, "data": case.data.name, "seed": case.seed}
