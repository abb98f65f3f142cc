"""The models that ship: small networks trained from the recipes in assets/weights/recipes.toml.

Their weights are rounded to 16 bits in the file, and their figures are those of the rounded ones.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.core.errors import BadModel
from engine.core.keeping.store import write_atomic
from engine.core.method import Progress, quiet
from engine.vision import data as data_sets
from engine.vision.models.card import ModelCard, card_of, weights_of
from engine.vision.models.checkpoints import Stored, stored_at
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import model_bytes, read_model
from engine.vision.training import Pgd, Recipe, figures, fresh, train_whole
from engine.vision.training.state import state_file

FOLDER = Path(__file__).parents[3] / "assets" / "weights"
STEPS = 20  # of the attack that a model is measured by
STEP = 0.125  # one of its steps, as a share of its reach


@dataclass(frozen=True)
class ShippedPlan:
    """What a model that ships is trained on, and how."""

    name: str
    title: str
    data: str
    recipe: Recipe
    attack: float = 0.0  # reach of the attack it is measured by; 0 for none
    seed: int = 0

    @property
    def measured_by(self) -> Pgd | None:
        return Pgd(self.attack, STEPS, self.attack * STEP) if self.attack else None


@cache
def plans() -> Mapping[str, ShippedPlan]:
    """Every model that has a recipe, by name."""
    recipes = tomllib.loads((FOLDER / "recipes.toml").read_text(encoding="utf-8"))
    return {name: planned(name, recipe) for name, recipe in recipes.items()}


def planned(name: str, record: Mapping[str, Any]) -> ShippedPlan:
    """A plan from its table in the file."""
    return ShippedPlan(name=name, **{**record, "recipe": Recipe.from_dict(record["recipe"])})


def plan(name: str) -> ShippedPlan:
    """The plan of that name. Raises BadModel naming the known ones."""
    if name not in plans():
        raise BadModel(f"There is no recipe called {name[:60]!r}: choose {', '.join(plans())}.")
    return plans()[name]


def file_of(name: str, folder: Path = FOLDER) -> Path:
    """Where a model's weights are."""
    return folder / f"{name}.safetensors"


def names() -> tuple[str, ...]:
    """The models whose weights are here, in the order of the recipes."""
    return tuple(name for name in plans() if file_of(name).is_file())


@cache
def weight_names() -> frozenset[str]:
    """The names of all weights that ship, those without a recipe in the file among them."""
    return frozenset(path.stem for path in FOLDER.glob("*.safetensors"))


@cache
def stored() -> tuple[Stored, ...]:
    """The models that ship, with their cards."""
    paths = {name: file_of(name) for name in names()}
    return tuple(stored_at(name, path) for name, path in paths.items())


def load(name: str) -> Classifier:
    """A model that ships. Raises BadModel."""
    path = file_of(plan(name).name)
    return read_model(path.read_bytes(), path.name, name, ours=True)


def retrain(
    name: str, folder: Path = FOLDER, progress: Progress = quiet, seed: int | None = None
) -> ModelCard:
    """Train a model from its recipe, write its file, and give its card with the figures.

    An interrupted training goes on where it was.

    Args:
        name: of the recipe.
        folder: where the file is written.
        progress: of the training.
        seed: another one than the recipe's.

    Raises:
        BadModel: there is no such recipe.
        OSError: the file cannot be written.
    """
    shipped_plan = plan(name) if seed is None else replace(plan(name), seed=seed)
    data = data_sets.load(shipped_plan.data)
    model = fresh(data, shipped_plan.recipe, shipped_plan.seed)
    keep = state_file(f"embedded-{name}" if seed is None else f"embedded-{name}-{seed}")
    train_whole(model, data, shipped_plan.recipe, shipped_plan.seed, keep=keep, progress=progress)
    rounded(model)
    result = figures(model, data, shipped_plan.measured_by)
    card = card_of(
        model,
        title=shipped_plan.title,
        data=data.name,
        recipe=shipped_plan.recipe.as_dict(),
        seed=shipped_plan.seed,
        figures=result,
        made_by="lab.Train",
    )
    weights = {
        key: array.astype(np.float16) if array.dtype == np.float32 else array
        for key, array in weights_of(model).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = file_of(name, folder)
    write_atomic(path, model_bytes(card, weights))
    path.chmod(0o644)  # what ships is for everybody to read
    return card


@torch.no_grad()
def rounded(model: Classifier) -> None:
    """Weights as 16 bits hold them, in float32 again."""
    for tensor in model.network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
