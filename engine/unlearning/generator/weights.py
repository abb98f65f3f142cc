"""The generators that ship, and how they are made again: `python -m engine weights NAME`.

Weights are kept in 16 bits and are rounded before anything is measured. The file's metadata says
with which plan and figures it was made.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from engine.core.errors import BadModel
from engine.core.keeping.packing import DAMAGE
from engine.core.keeping.store import write_atomic
from engine.core.method import Progress, quiet
from engine.unlearning.generator.model import ImageGenerator
from engine.unlearning.generator.network import built
from engine.unlearning.generator.training import GeneratorPlan, train_generator
from engine.vision import data as data_sets
from engine.vision.models import embedded
from engine.vision.models.embedded import FOLDER, file_of

PLANS_FILE = "generators.toml"
KEY = "blindspot"  # of plan and figures in a file's metadata


@dataclass(frozen=True)
class WrittenGenerator:
    """A generator that was written: its file and its figures."""

    path: Path
    title: str
    figures: Mapping[str, float]


@cache
def plans() -> Mapping[str, GeneratorPlan]:
    """Every generator that has a recipe, by name."""
    plan_settings = tomllib.loads((FOLDER / PLANS_FILE).read_text(encoding="utf-8"))
    return {name: GeneratorPlan.read(name, settings) for name, settings in plan_settings.items()}


def plan(name: str) -> GeneratorPlan:
    """The plan of that name. Raises BadModel naming the known ones."""
    if name not in plans():
        known = ", ".join(plans())
        raise BadModel(f"There is no generator called {name[:60]!r}: choose {known}.")
    return plans()[name]


def names() -> tuple[str, ...]:
    """The generators whose weights are here, in the order of the recipes."""
    return tuple(name for name in plans() if file_of(name).is_file())


@cache
def load(name: str) -> ImageGenerator:
    """A generator that ships; it is loaded once.

    Raises:
        BadModel: no such generator, or its file is damaged.
    """
    return read(file_of(plan(name).name), plan(name), data_sets.load(plan(name).data).classes)


def read(path: Path, plan: GeneratorPlan, labels: tuple[str, ...]) -> ImageGenerator:
    """A generator from a file. Raises BadModel where the file is damaged or the weights do not fit.

    Args:
        path: the file.
        plan: says how large the network is.
        labels: a word for each class.
    """
    try:
        with safe_open(path, framework="pt") as tensor_file:
            tensors = {key: tensor_file.get_tensor(key).float() for key in tensor_file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, *DAMAGE) as error:
        raise BadModel(f"The weights {path.name} cannot be read: {error}.") from error
    network = built(plan.side, len(labels), plan.width)
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    results = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    parameter_names = shapes.keys() | results.keys()
    if odd := sorted(key for key in parameter_names if shapes.get(key) != results.get(key)):
        raise BadModel(
            f"The weights {path.name} are not those of {plan.title}: {odd[0][:80]!r} does not fit "
            f"a network for {len(labels)} classes and {plan.side} pixels."
        )
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise BadModel(f"The weights {path.name} hold what is no number.")
    network.load_state_dict(tensors)
    return ImageGenerator(network, plan.name, plan.title, labels)


def card(name: str) -> Mapping[str, Any]:
    """The plan and the figures that a file was made with."""
    with safe_open(file_of(name), framework="pt") as tensor_file:
        result: Mapping[str, Any] = json.loads((tensor_file.metadata() or {}).get(KEY, "{}"))
    return result


def generator_bytes(generator: ImageGenerator, about: Mapping[str, Any]) -> bytes:
    """A file of a generator's weights to the bit, which `read` reads.

    Args:
        generator: a generator that ships, or one with other weights.
        about: what its card says beside the plan of the network.
    """
    tensors = {
        key: tensor.cpu().contiguous() for key, tensor in generator.network.state_dict().items()
    }
    card_text = json.dumps({"plan": asdict(plan(generator.name)), **about})
    return save_tensors(tensors, metadata={KEY: card_text})


def retrain(
    name: str, folder: Path = FOLDER, progress: Progress = quiet, seed: int | None = None
) -> WrittenGenerator:
    """Train a generator from its recipe, write its file, and tell its figures.

    Args:
        name: of the recipe.
        folder: where the file is written.
        progress: of the training.
        seed: another one than the recipe's.

    Raises:
        BadModel: there is no such recipe.
        OSError: the file cannot be written.
    """
    from engine.unlearning.generator.case import GeneratorCase  # they name these
    from engine.unlearning.generator.samples import figures

    generator_plan = plan(name) if seed is None else replace(plan(name), seed=seed)
    data = data_sets.load(generator_plan.data)
    generator = train_generator(generator_plan, data, progress)
    halves = {
        key: tensor.half().cpu().contiguous()
        for key, tensor in generator.network.state_dict().items()
    }
    # measured as it will be read: the figures are those of the rounded weights
    generator.network.load_state_dict({key: half.float() for key, half in halves.items()})
    result = figures(GeneratorCase(generator, data, embedded.load(generator_plan.judge)))
    folder.mkdir(parents=True, exist_ok=True)
    path = file_of(name, folder)
    card_text = json.dumps({"plan": asdict(generator_plan), "figures": result})
    write_atomic(path, save_tensors(halves, metadata={KEY: card_text}))
    path.chmod(0o644)  # what ships is for everybody to read
    return WrittenGenerator(path, generator_plan.title, result)
