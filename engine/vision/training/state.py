"""What an interrupted training needs to go on, in one file that appears whole or not at all."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from engine.core.keeping.packing import DAMAGE
from engine.core.keeping.private import private_folder
from engine.core.keeping.store import home, remove, sweep_strays, write_atomic
from engine.core.result import digest_arrays

log = logging.getLogger(__name__)

UNFINISHED = 20  # states of trainings that are kept; those touched longest ago go

Place = dict[str, Any]
Tensors = dict[str, Tensor]


def state_file(name: str) -> Path:
    """Where the state of a training of that name is kept."""
    return home() / "training" / f"{name}.safetensors"


@dataclass(frozen=True)
class Unfinished:
    """A training that was interrupted, or is under way."""

    name: str
    done: float  # share
    note: Mapping[str, Any]  # what its caller wants to know of it: enough to ask again

    def drop(self) -> None:
        """Nobody will go on with it."""
        remove(state_file(self.name))


def unfinished() -> tuple[Unfinished, ...]:
    """The trainings whose state is kept, the latest first; damaged ones are left out."""
    folder = state_file("").parent
    results = []
    for path in sorted(folder.glob("*.safetensors"), key=age) if folder.is_dir() else ():
        try:
            place = read_place(path)
            results.append(Unfinished(path.stem, float(place["done"]), dict(place["note"])))
        except (OSError, *DAMAGE) as error:
            log.warning("the state %s is damaged: %s", path.name, error)
    return tuple(results)


def read_place(path: Path) -> Place:
    """What a state file says beside its weights."""
    with safe_open(path, framework="pt") as tensor_file:
        place: Place = json.loads(tensor_file.metadata()["place"])
    return place


def write_state(path: Path, place: Place, tensors: Tensors) -> None:
    """Keep the state; a full disk costs the going on later, not the training."""
    cpu_tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    place_text = json.dumps({"digest": digest(cpu_tensors), **place})
    try:
        private_folder(path.parent)
        write_atomic(path, save_tensors(cpu_tensors, metadata={"place": place_text}))
    except OSError as error:
        log.warning("the state of a training could not be kept: %s", error)


def read_state(path: Path, question: str) -> tuple[Place, Tensors] | None:
    """The kept state, or None when there is none, it is damaged, or of another question."""
    if not path.is_file():
        return None
    try:
        place = read_place(path)
        if place["question"] != question:
            return None
        with safe_open(path, framework="pt") as tensor_file:
            tensors = {name: tensor_file.get_tensor(name) for name in tensor_file.keys()}  # noqa: SIM118
        if place.pop("digest") != digest(tensors):
            raise ValueError("the weights are not those that were written")
    except (OSError, *DAMAGE) as error:
        log.warning("the kept state of a training is damaged, it begins anew: %s", error)
        return None
    return place, tensors


def part(tensors: Tensors, start: str) -> Tensors:
    """Those whose names begin so, without that beginning."""
    return {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}


def digest(tensors: Tensors) -> str:
    return digest_arrays({name: tensor.numpy() for name, tensor in tensors.items()})


def sweep(folder: Path) -> None:
    """Let go of states touched longest ago, and of what a killed process left half-written."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.safetensors"), key=age)[UNFINISHED:]:
        remove(path)
    sweep_strays(folder)


def age(path: Path) -> float:
    """Seconds since a file was written; a file that is gone by now is as old as can be."""
    try:
        return time() - path.stat().st_mtime
    except OSError:
        return torch.inf
