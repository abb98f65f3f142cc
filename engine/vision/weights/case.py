"""What a pruning is asked about: a model, images to score and to measure with, and a seed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import Tensor

from engine.core.case_base import Case, Parts
from engine.core.controls import Text, argument
from engine.core.errors import BlindspotError
from engine.core.method import Precision
from engine.core.naming import Unknown, named_by
from engine.core.result import WeightScores
from engine.core.texts import settings_text
from engine.vision import data as data_sets
from engine.vision.arguments import (
    KNOWN_RECIPE,
    classifier_field,
    data_argument,
    recipe_argument,
    recipe_from,
    seed_argument,
)
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.training.recipe import Recipe
from engine.vision.weights.scores import read_scores
from engine.vision.weights.subjects import PHOTOGRAPHS, data_for, recipe_of

NO_FILE = "A case does not know the file of its scores: say scores=…."
NO_RECIPE = "none"  # of a model that nobody knows about how it was trained


def read_recipe(text: str, model: Classifier) -> Recipe | None:
    """How a model was trained, as an argument says it; None where nobody knows."""
    if text == NO_RECIPE:
        return None
    return recipe_of(model) if text == KNOWN_RECIPE else recipe_from(text)


def recipe_text(recipe: Recipe | None, model: Classifier) -> str:
    """The argument that `read_recipe` reads again."""
    if recipe == recipe_of(model):
        return KNOWN_RECIPE
    return NO_RECIPE if recipe is None else settings_text(recipe)


@dataclass(frozen=True, eq=False)
class PruneCase(Case):
    """A model that is to be pruned, with the images that scores and measures look at.

    Args:
        model: the classifier; it is never changed.
        data: labeled images of the model's size. Scores look at its train split (at its test
            split where there is none), measures at its test split.
        recipe: how the model was trained from its first weights, where that is known.
        learned: scores that a search found elsewhere, for the criterion "Learned".
        seed: of everything that is drawn.
        precision: "exact" is the only one.

    Raises:
        BlindspotError: the images or classes do not fit the model.
    """

    case_name: ClassVar[str] = "prune"
    what: ClassVar[str] = "a model with labeled images"

    model: Classifier = classifier_field()
    data: DataSet = named_by(
        lambda name, model: data_sets.load(name) if name else data_for(model),
        lambda data: None if data.name == PHOTOGRAPHS else data.name,
        data=data_argument(
            None, "A data set by name. Left out: what the model learned from, or the samples."
        ),
    )
    # by name only, which mypy does not see: arguments have this order, and seed stays third
    recipe: Recipe | None = named_by(
        read_recipe,
        recipe_text,
        default=None,
        kw_only=True,
        recipe=recipe_argument(
            KNOWN_RECIPE, "How the model was trained; “none” where nobody knows."
        ),
    )
    learned: WeightScores | None = named_by(
        lambda name, model: read_scores(Path(name).read_bytes(), model) if name else None,
        lambda scores: None if scores is None else Unknown(NO_FILE),
        default=None,
        kw_only=True,
        scores=argument(
            None,
            Text(off="none"),
            "Scores",
            "A file (.npz) of scores that a search has learned, an array for each weight.",
        ),
    )
    seed: int = named_by(default=0, seed=seed_argument())
    precision: Precision = "exact"

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise BlindspotError(f"A seed is a whole number from 0 to 2^32 − 1, not {self.seed}.")
        if not len(self.data.rows("test")):
            raise BlindspotError(f"{self.data.card.title} has no test images to measure with.")
        check_fit(self.model, self.data)

    def digest_parts(self) -> Parts:
        """Weights, images, precision and seed; masks, scores and a recipe that come along."""
        yield f"prune|{self.model.fingerprint}|{self.data.fingerprint}|{self.precision}"
        yield f"|{self.seed}"
        for name, bits in sorted(self.model.masks.items()):  # they say what stays cut
            yield name.encode() + bits.tobytes()
        for name, scores in sorted(self.learned.values.items() if self.learned else ()):
            yield f"learned {name}".encode() + np.ascontiguousarray(scores).tobytes()
        if self.recipe is not None:
            yield json.dumps(self.recipe.as_dict(), sort_keys=True)

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need == "training":
            return "" if self.recipe else "it needs to know how the model was trained."
        return super().lacks(need)

    def rows(self, per_class: int) -> Rows:
        """Images that scores look at: up to so many of each class, drawn by the seed."""
        rows = self.data.rows("train")
        rows = rows if len(rows) else self.data.rows("test")
        order = np.random.default_rng([self.seed, 5]).permutation(rows)
        labels = self.data.labels[order]
        chosen = [order[labels == label][:per_class] for label in np.unique(labels)]
        return np.sort(np.concatenate(chosen))

    def batch(self, per_class: int) -> tuple[Tensor, Tensor]:
        """Those images, (n, 3, side, side) in [0, 1], and their labels (n,)."""
        rows = self.rows(per_class)
        return self.data.pixels(rows), self.data.targets(rows)


def prune_case(model: Classifier, seed: int = 0) -> PruneCase:
    """A model with the data that it was trained on, or with the sample photographs.

    Raises:
        BlindspotError: the data cannot be had, or do not fit the model.
    """
    return PruneCase(model, data_for(model), seed=seed, recipe=recipe_of(model))


def agreement_only(case: PruneCase) -> bool:
    """Whether the labels are the dense model's own, so that accuracy is agreement with it."""
    return case.data.name == PHOTOGRAPHS


def check_fit(model: Classifier, data: DataSet) -> None:
    """Raise BlindspotError where a model has other classes or takes other images than the data."""
    title = data.card.title
    if len(data.classes) != len(model.labels):
        raise BlindspotError(
            f"{title} has {len(data.classes)} classes, but {model.title} tells "
            f"{len(model.labels)} apart: choose the data that it was trained on."
        )
    if data.images.shape[2:] != (model.side, model.side):
        size = " × ".join(map(str, data.images.shape[2:]))
        raise BlindspotError(
            f"{title} has images of {size} pixels, but {model.title} takes "
            f"{model.side} × {model.side}: choose the data that it was trained on."
        )
