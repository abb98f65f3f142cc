"""What is asked: a model, its data, what is to be forgotten, and how the model was trained."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from engine.core.case_base import Case, Parts
from engine.core.controls import Text, argument
from engine.core.errors import BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.method import Precision
from engine.core.naming import named_by
from engine.core.texts import settings_text
from engine.unlearning.request import ForgetRequest, Splits, splits
from engine.unlearning.request_text import FORMS, request_from, request_text
from engine.vision.arguments import (
    KNOWN_RECIPE,
    classifier_field,
    data_argument,
    learned_options,
    name_of,
    recipe_argument,
    recipe_from,
    seed_argument,
    training_data,
)
from engine.vision.data import DataSet
from engine.vision.models import checkpoints, embedded
from engine.vision.models.card import ModelCard
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import SMALL
from engine.vision.training import Recipe
from engine.vision.weights.case import PruneCase, check_fit

TRAINED = "lab.Train"  # what made a model that stands at the root of its tree


@dataclass(frozen=True, eq=False)
class ForgetCase(Case):
    """A model that is to forget some of its training images.

    Args:
        model: the original, θ_o; it is never changed.
        data: what it learned from, with its test images.
        request: what is to be forgotten.
        recipe: how it was trained, and so how it is retrained without these images.
        seed: of the unlearner and of the retraining.
        precision: "exact" is the only one.
        needs_test: whether data without test images are refused; models that were made elsewhere
            are judged without.

    Raises:
        BlindspotError: images, classes or the request do not fit, or nothing would be left.
    """

    case_name: ClassVar[str] = "forget"
    what: ClassVar[str] = "a model, its training data and what it is to forget"

    model: Classifier = classifier_field(
        "digits-cnn", "It is never changed: what forgets is a copy."
    )
    data: DataSet = named_by(
        lambda name, model: own_data(model, training_data(name, model)),
        name_of,
        data=data_argument(
            None,
            "What a model learned from, since it can forget nothing else. Train one on other data "
            "or on your own under Data and models; its data can then be chosen. For wrong labels "
            "or planted images Forget trains one, when you choose to have these forgotten.",
            learned_options,
        ),
    )
    request: ForgetRequest = named_by(
        request_from,
        request_text,
        forget=argument(
            "class=3",
            Text(options=lambda _: FORMS),
            "Forget",
            "Which training images are to be forgotten.",
        ),
    )
    recipe: Recipe = named_by(
        lambda text, model: recipe_of(model) if text == KNOWN_RECIPE else recipe_from(text),
        settings_text,
        recipe=recipe_argument(KNOWN_RECIPE, "How the model is retrained."),
    )
    seed: int = named_by(default=0, seed=seed_argument())
    precision: Precision = "exact"
    needs_test: bool = True

    def __post_init__(self) -> None:
        if self.needs_test:
            PruneCase(self.model, self.data, self.seed)  # type: ignore[arg-type]  # says if they do not fit
        check_fit(self.model, self.data)
        _ = self.splits

    @lazy
    def splits(self) -> Splits:
        """The rows that are to be forgotten, that stay, and that measure."""
        return splits(self.data, self.request, needs_test=self.needs_test)

    def digest_parts(self) -> Parts:
        """Weights, masks, images, what is to be forgotten, recipe, precision and seed."""
        parts = {
            "model": self.model.fingerprint,
            "masks": sorted(
                (name, bits.tobytes().hex()) for name, bits in self.model.masks.items()
            ),
            "data": self.data.fingerprint,
            "ids": np.sort(self.request.ids).tolist(),
            "kind": [self.request.kind, self.request.label, *filter(None, [self.request.mode])],
            "recipe": self.recipe.as_dict(),
            "precision": self.precision,
            "seed": self.seed,
        }
        yield json.dumps(parts)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        forget, retain = len(self.splits.forget), len(self.splits.retain)
        return super().facts() | {
            "target": f"forget {self.request.words}",
            "forget": forget,
            "retain": retain,
            "request": self.request.kind,
            "recipe": self.recipe.as_dict(),
            "alike": f"{self.model.fingerprint}|{forget}|{retain}",  # in seconds
        }

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or ""."""
        if need != "retraining":
            return super().lacks(need)
        if self.model.architecture not in SMALL:
            return "it needs a model whose network can be trained anew here, and this one cannot."
        if self.model.narrowed:
            return (
                "it needs a network of its full width: this one had channels taken out. Choose "
                "the model that it was made from, or one with zeros in their place."
            )
        return ""

    def seeded(self, seed: int) -> ForgetCase:
        """The same question with another seed."""
        return self if seed == self.seed else replace(self, seed=seed)

    @property
    def pruning(self) -> PruneCase:
        """Model and data as the methods of Sparsity are asked about them."""
        return PruneCase(self.model, self.data, self.seed)  # type: ignore[arg-type]  # see PruneCase


def forget_case(
    model: Classifier,
    data: DataSet,
    request: ForgetRequest,
    recipe: Recipe | None = None,
    seed: int = 0,
    *,
    needs_test: bool = True,
) -> ForgetCase:
    """The case, with the recipe that the model was trained by where that is known.

    Args:
        model: the original.
        data: what it learned from.
        request: see `engine.unlearning.request`.
        recipe: how it is retrained; as it was trained when left out, and by the usual recipe where
            nothing is known of that.
        seed: of the unlearner and of the retraining.
        needs_test: whether data without test images are refused.

    Raises:
        BlindspotError: the model is known to have learned from other data, or something does not
            fit.
    """
    known_recipe = recipe or recipe_of(model)
    data = own_data(model, data)
    return ForgetCase(model, data, request, known_recipe, seed, needs_test=needs_test)


def own_data(model: Classifier, data: DataSet) -> DataSet:
    """The data. Raises BlindspotError where the model is known to have learned from others."""
    card = trained_as(model)
    if card is not None and card.data != data.name:
        raise BlindspotError(
            f"{model.title} learned from {card.data}, not from {data.name}: it has nothing of "
            "these images to forget. Choose its own data, or train a model on these."
        )
    return data


def recipe_of(model: Classifier) -> Recipe:
    """How a model was trained; the usual recipe of its network where nothing is known of that."""
    card = trained_as(model)
    if card is not None and card.recipe:
        return Recipe.from_dict(card.recipe)
    return Recipe(architecture=model.architecture if model.architecture in SMALL else "lenet")


def trained_as(model: Classifier) -> ModelCard | None:
    """The card of the training at the root of a model's tree, or None when it is not known."""
    cards = {
        stored_model.card.fingerprint: stored_model.card
        for stored_model in (*embedded.stored(), *checkpoints.visible_models())
    }
    card = cards.get(model.fingerprint) or cards.get(model.lineage.parent)
    for _ in range(len(cards)):
        if card is None or card.made_by == TRAINED:
            return card
        card = cards.get(card.parent)
    return None
