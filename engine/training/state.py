"""What an interrupted training needs to go on, in one file that appears whole or not at all."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from time import time
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from engine.result import digest_arrays
from engine.store import DAMAGE, PART, STRAY_SECONDS, home, remove, write_atomic

log = logging.getLogger(__name__)

UNFINISHED = 20  # states of trainings that are kept; those touched longest ago go

Place = dict[str, Any]
Tensors = dict[str, Tensor]


def state_file(name: str) -> Path:
    """Where the state of a training of that name is kept."""
    return home() / "training" / f"{name}.safetensors"


def unfinished() -> tuple[str, ...]:
    """The names of trainings that were interrupted, the latest first."""
    folder = state_file("").parent
    files = folder.glob("*.safetensors") if folder.is_dir() else ()
    return tuple(path.stem for path in sorted(files, key=age))


def write_state(path: Path, place: Place, tensors: Tensors) -> None:
    """Keep the state; a full disk costs the going on later, not the training."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    said = json.dumps({"digest": digest(whole), **place})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, save_tensors(whole, metadata={"place": said}))
    except OSError as error:
        log.warning("the state of a training could not be kept: %s", error)


def read_state(path: Path, question: str) -> tuple[Place, Tensors] | None:
    """The kept state, or None when there is none, it is damaged, or of another question."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as held:
            place: Place = json.loads(held.metadata()["place"])
            if place["question"] != question:
                return None
            tensors = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
        if place.pop("digest") != digest(tensors):
            raise ValueError("the weights are not those that were written")
    except (OSError, *DAMAGE) as error:
        log.warning("the kept state of a training is damaged, it begins anew: %s", error)
        return None
    return place, tensors


def digest(tensors: Tensors) -> str:
    """One name for all of them."""
    return digest_arrays({name: tensor.numpy() for name, tensor in tensors.items()})


def sweep(folder: Path) -> None:
    """Let go of states touched longest ago, and of what a killed process left half-written."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.safetensors"), key=age)[UNFINISHED:]:
        remove(path)
    for path in folder.glob(f"{PART}*"):
        if age(path) > STRAY_SECONDS:
            remove(path)


def age(path: Path) -> float:
    """Seconds since a file was written; a file that is gone by now is as old as can be."""
    try:
        return time() - path.stat().st_mtime
    except OSError:
        return torch.inf
