"""What a training is asked about: data, a recipe and a seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import torch

from engine import data as data_sets
from engine.data import DataSet
from engine.device import best_device
from engine.errors import BlindspotError
from engine.lazy import lazy
from engine.method import Precision
from engine.models.small import build
from engine.training import Recipe, shape_of


@dataclass(frozen=True, eq=False)
class TrainCase:
    """A small network that is to be trained from its first weights.

    Args:
        data: what it learns from; its train split is learned, the others only measure.
        recipe: which network, and how.
        seed: of the first weights, the order of the images and what is done to them.

    Raises:
        BlindspotError: the network cannot be built for the data, or there is nothing to learn.
    """

    data: DataSet
    recipe: Recipe
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise BlindspotError(f"A seed is a whole number from 0 to 2^32 − 1, not {self.seed}.")
        if not len(self.data.rows("train")):
            raise BlindspotError(f"{self.data.card.title} has no images to train on.")
        if len(self.data.classes) < 2:
            raise BlindspotError(
                f"{self.data.card.title} has one class: nothing can be told apart."
            )
        with torch.device("meta"):  # without memory: only whether it can be built
            build(self.recipe.architecture, shape_of(self.data))

    @lazy
    def fingerprint(self) -> str:
        """Digest of data, recipe and seed."""
        said = json.dumps(["train", self.data.fingerprint, self.recipe.as_dict(), self.seed])
        return blake2b(said.encode(), digest_size=16).hexdigest()

    @property
    def lane(self) -> str:
        """The device whose lane trains it."""
        return str(best_device())

    @property
    def precision(self) -> Precision:
        """Always exact."""
        return "exact"

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        return {
            "kind": "train",
            "data": self.data.name,
            "data_fingerprint": self.data.fingerprint,
            "recipe": self.recipe.as_dict(),
            "alike": f"{self.data.name}|{json.dumps(self.recipe.as_dict())}",  # in seconds
            "seed": self.seed,
            "precision": self.precision,
        }

    def lacks(self, need: str) -> str:
        """It has no model yet that could give anything else."""
        return "" if need == "recipe" else "there is no trained model yet."


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
