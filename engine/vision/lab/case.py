"""What a training is asked about: data, a recipe and a seed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import torch

from engine.core.case_base import Case, Parts, Precision, value_parts
from engine.core.device import best_device
from engine.core.errors import BlindspotError
from engine.core.naming import named_by
from engine.core.texts import settings_text
from engine.vision import data as data_sets
from engine.vision.arguments import name_of, named_data, recipe_argument, recipe_from, seed_argument
from engine.vision.data import DataSet
from engine.vision.models.small import NetworkShape, build
from engine.vision.training import Recipe, Regime, shape_of


@dataclass(frozen=True, eq=False)
class TrainCase(Case):
    """A small network that is to be trained from its first weights.

    Args:
        data: what it learns from; its train split is learned, the others only measure.
        recipe: which network, and how.
        seed: of the first weights, the order of the images and what is done to them.
        precision: "exact" is the only one.
        regime: what is done to the weights beside the recipe; None trains plainly.

    Raises:
        BlindspotError: the network cannot be built for the data, or there is nothing to learn.
    """

    case_name: ClassVar[str] = "train"
    what: ClassVar[str] = "a data set and a recipe"
    asks: ClassVar[str] = ""
    gives: ClassVar[frozenset[str]] = frozenset({"recipe"})

    data: DataSet = named_by(data_sets.load, name_of, data=named_data("digits"))
    recipe: Recipe = named_by(
        recipe_from, settings_text, recipe=recipe_argument("", "How the network is trained.")
    )
    seed: int = named_by(
        default=0, seed=seed_argument("Another seed shows how much of a figure is chance.")
    )
    precision: Precision = "exact"
    regime: Regime | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise BlindspotError(f"A seed is a whole number from 0 to 2^32 − 1, not {self.seed}.")
        if not len(self.data.rows("train")):
            raise BlindspotError(f"{self.data.card.title} has no images to train on.")
        if len(self.data.classes) < 2:
            raise BlindspotError(
                f"{self.data.card.title} has one class: nothing can be told apart."
            )
        check_buildable(self.recipe.architecture, shape_of(self.data, self.recipe.width))

    def digest_parts(self) -> Parts:
        """Data, recipe, seed and regime; an unfinished training is kept under it.

        A precision that is refused is another question than the kept one.
        """
        yield json.dumps(["train", self.data.fingerprint, self.recipe.as_dict(), self.seed])
        if self.precision != "exact":
            yield f"|{self.precision}"
        if self.regime is not None:
            yield from value_parts(self.regime)

    @property
    def lane(self) -> str:
        """The device whose lane trains it."""
        return str(best_device())

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        recipe = self.recipe.as_dict()
        alike = f"{self.data.name}|{json.dumps(recipe)}"  # in seconds
        if self.regime is None:
            return super().facts() | {"recipe": recipe, "alike": alike}
        regime = repr(self.regime)
        return super().facts() | {"recipe": recipe, "alike": alike + regime, "regime": regime}


@lru_cache(maxsize=256)
def check_buildable(architecture: str, shape: NetworkShape) -> None:
    """Build the network without memory. Raises BlindspotError where it cannot be built."""
    with torch.device("meta"):
        build(architecture, shape)


def again(note: Mapping[str, Any]) -> TrainCase:
    """The case whose facts these are: what an unfinished training is gone on with.

    Raises:
        BlindspotError: its data cannot be had any more, or are others by now.
    """
    try:
        data = data_sets.load(note["data"])
        case = TrainCase(data, Recipe.from_dict(note["recipe"]), note["seed"])
    except (LookupError, TypeError) as error:
        raise BlindspotError("This training cannot be gone on with: begin it anew.") from error
    if data.fingerprint != note["data_fingerprint"]:
        message = f"{data.card.title} is not what this training began with: begin it anew."
        raise BlindspotError(message)
    return case
