"""Arguments of cases about a classifier and the data that it learned from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.commands.arguments.classifiers import ModelArguments
from engine.commands.arguments.text import settings_text
from engine.core.controls import Text, argument
from engine.core.errors import BadData
from engine.sparsity import PruneCase, prune_case, read_scores
from engine.sparsity.subjects import PHOTOGRAPHS, recipe_of
from engine.vision import data as data_sets
from engine.vision.arguments import data_argument, recipe_argument, recipe_from, seed_argument

KNOWN = "as trained"  # the recipe of a model that ships or was trained here


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
