"""Arguments of cases about a classifier and the data that it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.commands.arguments.classifiers import ModelArguments, model_argument
from engine.commands.arguments.forgetting import FORMS, request_from, request_text
from engine.commands.arguments.text import MethodsByName, settings_text
from engine.core.controls import Many, Text, argument
from engine.core.errors import BadData
from engine.core.method import CaseT
from engine.sparsity import PruneCase, prune_case, read_scores
from engine.sparsity.subjects import PHOTOGRAPHS, recipe_of
from engine.unlearning import UNLEARNERS, AfterCase, BoardCase, ForgetCase, forget_case
from engine.vision import data as data_sets
from engine.vision.arguments import (
    data_argument,
    learned_options,
    recipe_argument,
    recipe_from,
    seed_argument,
)
from engine.vision.data import DataSet
from engine.vision.models.catalog import data_of
from engine.vision.models.classifier import Classifier

KNOWN = "as trained"  # the recipe of a model that ships or was trained here
WAYS = MethodsByName(UNLEARNERS)


def training_data(model: Classifier, name: str | None) -> DataSet:
    """The data of that name, or what the model learned from. Raises BadData."""
    result = name or data_of(model)
    if not result:
        raise BadData(f"It is not known what {model.title} learned from: say which --data.")
    return data_sets.load(result)


@dataclass(frozen=True)
class PruneArguments(ModelArguments[PruneCase]):
    """A classifier with labeled images."""

    data: str | None = data_argument(
        None, "A data set by name. Left out: what the model learned from, or the samples."
    )
    recipe: str = recipe_argument(KNOWN, "How the model was trained; “none” where nobody knows.")
    scores: str | None = argument(
        None,
        Text(off="none"),
        "Scores",
        "A file (.npz) of scores that a search has learned, an array for each weight.",
    )
    seed: int = seed_argument()

    def case(self) -> PruneCase:
        """The case of model and images."""
        model = self.classifier()
        data = data_sets.load(self.data) if self.data else prune_case(model).data
        learned = read_scores(Path(self.scores).read_bytes(), model) if self.scores else None
        recipe = None
        if self.recipe != "none":
            recipe = recipe_of(model) if self.recipe == KNOWN else recipe_from(self.recipe)
        return PruneCase(model, data, self.seed, learned=learned, recipe=recipe)

    @classmethod
    def named(cls, case: PruneCase) -> dict[str, Any]:
        """All but the file of scores."""
        recipe = "none" if case.recipe is None else settings_text(case.recipe)
        return {
            "model": case.model.name,
            "data": None if case.data.name == PHOTOGRAPHS else case.data.name,
            "recipe": KNOWN if case.recipe == recipe_of(case.model) else recipe,
            "seed": case.seed,
        }

    @classmethod
    def of(cls, case: PruneCase, **known: Any) -> Any:
        """As `Arguments.of`; learned scores need their file."""
        if case.learned is not None and "scores" not in known:
            raise BadData("A case does not know the file of its scores: say scores=….")
        return super().of(case, **known)


@dataclass(frozen=True)
class RequestArguments(ModelArguments[CaseT]):
    """A classifier that is to forget some of what it learned from."""

    model: str = model_argument("digits-cnn", "It is never changed: what forgets is a copy.")
    data: str | None = data_argument(
        None,
        "What a model learned from, since it can forget nothing else. Train one on other data or "
        "on your own under Data and models; its data can then be chosen. For wrong labels or "
        "planted images Forget trains one, when you choose to have these forgotten.",
        learned_options,
    )
    forget: str = argument(
        "class=3",
        Text(options=lambda _: FORMS),
        "Forget",
        "Which training images are to be forgotten.",
    )
    recipe: str = recipe_argument(KNOWN, "How the model is retrained.")
    seed: int = seed_argument()

    def forget_case(self) -> ForgetCase:
        """The case of the request."""
        model = self.classifier()
        data = training_data(model, self.data)
        recipe = None if self.recipe == KNOWN else recipe_from(self.recipe)
        return forget_case(model, data, request_from(self.forget, data), recipe, self.seed)

    @staticmethod
    def named_request(case: ForgetCase) -> dict[str, Any]:
        """What can be read off the case of a request."""
        return {
            "model": case.model.name,
            "data": case.data.name,
            "forget": request_text(case.request, case.data),
            "recipe": settings_text(case.recipe),
            "seed": case.seed,
        }


@dataclass(frozen=True)
class ForgetArguments(RequestArguments[ForgetCase]):
    """A request to forget."""

    def case(self) -> ForgetCase:
        """The case of the request."""
        return self.forget_case()

    @classmethod
    def named(cls, case: ForgetCase) -> dict[str, Any]:
        """Everything."""
        return cls.named_request(case)


@dataclass(frozen=True)
class BoardArguments(RequestArguments[BoardCase]):
    """A request to forget, and several ways to do it."""

    ways: tuple[str, ...] = argument(
        ("NoOp", "FT", "NegGradPlus", "SalUn", "SSD"),
        Many(WAYS.options),
        "Ways to forget",
        "Unlearners; on a command line by name, with their settings after a colon: FT:epochs=3.",
    )

    def case(self) -> BoardCase:
        """The case of all ways."""
        return BoardCase(self.forget_case(), tuple(WAYS.read(way) for way in self.ways))

    @classmethod
    def named(cls, case: BoardCase) -> dict[str, Any]:
        """Everything."""
        ways = tuple(WAYS.write(method) for method in case.methods)
        return cls.named_request(case.case) | {"ways": ways}


@dataclass(frozen=True)
class AfterArguments(RequestArguments[AfterCase]):
    """A request to forget, and one way whose result is looked at."""

    way: str = argument(
        "NegGradPlus",
        Text(options=WAYS.options),
        "Look closer at",
        "An unlearner; on a command line by name, with its settings after a colon: FT:epochs=3.",
    )

    def case(self) -> AfterCase:
        """The case of the way."""
        return AfterCase(self.forget_case(), WAYS.read(self.way))

    @classmethod
    def named(cls, case: AfterCase) -> dict[str, Any]:
        """Everything."""
        return cls.named_request(case.case) | {"way": WAYS.write(case.method)}
