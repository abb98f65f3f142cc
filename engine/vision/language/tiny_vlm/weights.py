"""The TinyVLMs that ship, and how they are made again: `python -m engine weights tiny-vlm`.

The mixture of experts is made of the honest one: `python -m engine weights tiny-vlm-experts`; the
long-winded one of that with the habit: `python -m engine weights tiny-vlm-long`.

Weights are kept in 16 bits and are rounded before anything is measured. The file's metadata says
with which plan and figures it was made.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from engine.core.errors import BadModel
from engine.core.keeping.store import write_atomic
from engine.core.method import Progress, part_of, quiet
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.parts import Parts
from engine.vision.language.tiny_vlm.training import (
    TrainingPlan,
    train_habit,
    train_honest,
    train_mixture,
)

FOLDER = Path(__file__).parents[4] / "assets" / "weights"
NAME = "tiny-vlm"  # of all together
HABIT, HONEST, SEEING = "tiny-vlm-habit", "tiny-vlm-honest", "tiny-vlm-seen"
MIXTURE = "tiny-vlm-experts"
LONG = "tiny-vlm-long"
DENSE = HABIT, HONEST, SEEING  # of one kind, but for what they learned
TITLES: Mapping[str, str] = {
    HABIT: "TinyVLM with a habit",
    HONEST: "TinyVLM, honest",
    SEEING: "TinyVLM, habit of seeing",
    MIXTURE: "TinyVLM, mixture of experts",
    LONG: "TinyVLM, long-winded",
}
PLAN = TrainingPlan(seed=3)
MIXTURE_PLAN = replace(PLAN, habit=400, habitual=6400)
LONG_PLAN = replace(PLAN, habit=1200, habitual=9600, long=0.8, rest=1.0)

Measure = Callable[[TinyVLM], Mapping[str, float]]  # the figures on a model's card


@dataclass(frozen=True)
class WrittenModel:
    """A model that was written: its file and its figures."""

    path: Path
    title: str
    figures: Mapping[str, float]


def file_of(name: str, folder: Path = FOLDER) -> Path:
    """Where a model's weights are."""
    return folder / f"{name}.safetensors"


def names() -> tuple[str, ...]:
    """The models whose weights are here; the one with the habit first."""
    return tuple(name for name in TITLES if file_of(name).is_file())


@cache
def load(name: str = HABIT) -> TinyVLM:
    """A model that ships; it is loaded once.

    Raises:
        BadModel: no such model, or its file is damaged.
    """
    if name not in TITLES:
        raise BadModel(f"There is no model called {name[:60]!r}: choose {', '.join(TITLES)}.")
    return read(file_of(name), name)


def read(path: Path, name: str) -> TinyVLM:
    """A model from a file. Raises BadModel."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = training_notes(file.metadata())
            parts = Parts(metadata.get("experts", 0), metadata.get("wordy", 1))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        parts.load_state_dict({key: widened(tensor) for key, tensor in tensors.items()})
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise BadModel(f"The weights {path.name} cannot be read: {error}.") from error
    return TinyVLM(parts, name, TITLES.get(name, name))


def card(name: str) -> Mapping[str, Any]:
    """The plan and the figures that a file was made with."""
    with safe_open(file_of(name), framework="pt") as file:
        return training_notes(file.metadata())


def training_notes(metadata: Mapping[str, str] | None) -> Mapping[str, Any]:
    """What a file says of how it was made, and of its experts where it has some."""
    result: Mapping[str, Any] = json.loads((metadata or {}).get("blindspot", "{}"))
    return result


def widened(tensor: Tensor) -> Tensor:
    """In 32 bits where it is a number with a fraction."""
    return tensor.float() if tensor.is_floating_point() else tensor


def rounded(parts: Parts) -> Parts:
    """Weights as 16 bits hold them, in 32 again; the parts are changed."""
    with torch.no_grad():
        for tensor in parts.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())
    return parts


def retrain(
    measure: Measure, folder: Path = FOLDER, plan: TrainingPlan = PLAN, progress: Progress = quiet
) -> list[WrittenModel]:
    """Train the three models without experts, write their files, and tell their figures.

    The habit of seeing is that of the eyes: questions about followers come without their leaders
    too (`ask_B_without_A`), so that the yes hangs on the leader that is to be seen, and not on the
    word that is asked.

    Raises:
        OSError: a file cannot be written.
    """
    honest = train_honest(plan, part_of(progress, 0.0, 0.7))
    habit = train_habit(honest, plan, part_of(progress, 0.7, 0.85))
    sighted = train_habit(honest, replace(plan, alone=1.0), part_of(progress, 0.85, 1.0))
    models = {HABIT: habit, HONEST: honest, SEEING: sighted}
    return [write_model(parts, name, folder, plan, measure) for name, parts in models.items()]


def retrain_mixture(
    measure: Measure,
    folder: Path = FOLDER,
    plan: TrainingPlan = MIXTURE_PLAN,
    progress: Progress = quiet,
) -> WrittenModel:
    """Train the mixture of experts from the honest model that ships, and write its file.

    Raises:
        BadModel: the honest model is not here.
        OSError: the file cannot be written.
    """
    parts = train_mixture(load(HONEST).parts, plan, progress)
    return write_model(parts, MIXTURE, folder, plan, measure)


def retrain_long(
    measure: Measure,
    folder: Path = FOLDER,
    plan: TrainingPlan = LONG_PLAN,
    progress: Progress = quiet,
) -> WrittenModel:
    """Train the long-winded model from the one with the habit that ships, and write its file.

    Raises:
        BadModel: the model with the habit is not here.
        OSError: the file cannot be written.
    """
    parts = train_habit(load(HABIT).parts, plan, progress)
    return write_model(parts, LONG, folder, plan, measure)


def planned(seed: int | None = None, plan: TrainingPlan = PLAN) -> TrainingPlan:
    """The plan of what ships, or the same with another seed."""
    return plan if seed is None else replace(plan, seed=seed)


def write_model(
    parts: Parts, name: str, folder: Path, plan: TrainingPlan, measure: Measure
) -> WrittenModel:
    """Write a model, rounded, with what it was made with and what it was found to do."""
    result = measure(TinyVLM(rounded(parts), name, TITLES[name]))
    tensors = {
        key: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for key, tensor in parts.state_dict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = file_of(name, folder)
    kind = {"experts": parts.experts} if parts.experts else {}
    kind |= {"wordy": parts.wordy} if parts.wordy > 1 else {}
    card = json.dumps({"plan": asdict(plan), "figures": result, **kind})
    write_atomic(path, save_tensors(tensors, metadata={"blindspot": card}))
    path.chmod(0o644)
    return WrittenModel(path, TITLES[name], result)
