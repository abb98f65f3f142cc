"""How long a forward pass really takes: dense, masked, with channels taken out, and 2:4 on a GPU.

A model with zeros computes as long as one without: dense kernels multiply by zero as by any other
number. So "masked" is to come out at about 1.0 times dense, and what is measured shows it. The
contenders take turns, so that a slow moment meets all of them; medians and quartiles are given.
It is no method, since its answer is another one each time.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.borrow import borrowed
from engine.core.method import Progress, quiet
from engine.core.result import Table
from engine.sparsity.masks.shrink import shrunk
from engine.vision.models.classifier import Classifier
from engine.vision.models.turns import in_turns
from engine.vision.weights.masks import Masks

BATCHES = (1, 32)
REPEATS = 50
SECONDS = 20.0  # for one batch size, after which fewer repeats must do
UNITS = {"median": "ms", "low": "ms", "high": "ms", "ratio": "", "repeats": ""}
TILE = 64  # dimensions of a weight for sparse tensor cores are multiples of it
AMPERE = (8, 0)


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one forward pass of a batch.

    Args:
        name: which model.
        batch: images in it.
        median, low, high: the middle and the quartiles.
        ratio: the median of dense ÷ this, turn by turn; above 1 is faster.
        repeats: how many were timed.
    """

    name: str
    batch: int
    median: float
    low: float
    high: float
    ratio: float
    repeats: int


def latency(
    dense: Classifier,
    others: Mapping[str, Classifier],
    batches: Sequence[int] = BATCHES,
    repeats: int = REPEATS,
    seconds: float = SECONDS,
    progress: Progress = quiet,
) -> tuple[Latency, ...]:
    """Time the dense model and others in turn, with the threads that torch has now.

    Args:
        dense: what the others are held against.
        others: by name, such as "masked" and "channels taken out".
        batches: images at a time.
        repeats: turns of each, after some that do not count.
        seconds: for each batch size; then it ends early, after a few turns at least.
        progress: told at every turn.
    """
    latencies: list[Latency] = []
    nets = {"dense": dense, **others}
    memory_format = dense.pace("exact").memory_format
    for number, batch in enumerate(batches):
        drawn = torch.rand(
            batch, 3, dense.side, dense.side, generator=torch.Generator().manual_seed(0)
        )
        pixels = drawn.to(dense.device, memory_format=memory_format)
        runs = {name: runner(net, pixels, memory_format) for name, net in nets.items()}

        def told(share: float, number: int = number, batch: int = batch) -> None:
            progress((number + share) / len(batches), f"batch of {batch}")

        times = in_turns(runs, repeats, seconds, told)
        latencies += [latency_of(name, batch, rows, times["dense"]) for name, rows in times.items()]
    progress(1.0, "timed")
    return tuple(latencies)


def timing_table(timings: Sequence[Latency]) -> Table:
    """The timings, a row for each batch size and model."""
    columns: dict[str, tuple[Any, str]] = {
        name: (np.array([getattr(timing, name) for timing in timings]), unit)
        for name, unit in UNITS.items()
    }
    return Table.of(columns, tuple(row_name(timing) for timing in timings))


def row_name(timing: Latency) -> str:
    """How many images at a time, and by which model."""
    model = "whole model" if timing.name == "dense" else timing.name
    return f"{timing.batch} image{'s' if timing.batch > 1 else ''} at a time · {model}"


def runner(model: Classifier, pixels: Tensor, form: torch.memory_format) -> Callable[[], Tensor]:
    """One forward pass."""
    model.network.to(memory_format=form)  # type: ignore[call-overload]  # torch's stubs lack it
    inputs = pixels.to(next(model.network.parameters()).dtype)

    def run() -> Tensor:
        with torch.inference_mode():
            logits: Tensor = model(inputs)
        return logits

    return run


def latency_of(name: str, batch: int, rows: Sequence[float], dense: Sequence[float]) -> Latency:
    """Median, quartiles, and the ratio to the dense model of the same turn."""
    low, middle, high = (1000 * float(seconds) for seconds in np.percentile(rows, (25, 50, 75)))
    # turn by turn: what slows the machine for a while slows both of a turn, and cancels
    ratio = float(np.median(np.array(dense) / np.array(rows)))
    return Latency(name, batch, middle, low, high, ratio, len(rows))


def no_sparse_cores(model: Classifier, masks: Masks) -> str:
    """Why 2:4 cannot be measured here, or "" when it can."""
    if model.device.type != "cuda":
        return (
            "2:4 is computed faster by NVIDIA GPUs only (Ampere or newer); this computer has none."
        )
    if torch.cuda.get_device_capability(model.device) < AMPERE:
        return "2:4 needs an Ampere GPU or a newer one."
    if not fit_for_cores(masks):
        return (
            f"No linear layer is 2:4 with sides that are multiples of {TILE}; convolutions are "
            "not covered."
        )
    return ""


def fit_for_cores(masks: Masks) -> tuple[str, ...]:
    """Linear layers that keep at most two of every four inputs, with sides that fit the tiles."""
    results = []
    for part in masks.parts:
        rows, columns = part.shape[0], part.shape[1]
        if part.is_conv or rows % TILE or columns % TILE:
            continue
        if masks.array(part.name).reshape(-1, 4).sum(1).max() <= 2:
            results.append(part.name)
    return tuple(results)


def contenders(masked: Classifier, masks: Masks) -> dict[str, Classifier]:
    """What is held against the dense model, by name: the masked one and those made from it.

    On a GPU with sparse tensor cores, also the masked model in float16, dense and 2:4.
    """
    results = {"masked": masked, "channels taken out": shrunk(masked).model}
    if not no_sparse_cores(masked, masks):
        with borrowed(masked) as net:
            half_precision = deepcopy(net).half()
        results |= {"masked, float16": half_precision, "2:4, float16": sparse_cores(masked, masks)}
    return results


def sparse_cores(model: Classifier, masks: Masks) -> Classifier:
    """A copy in float16 whose fitting linear layers use sparse tensor cores.

    Raises:
        RuntimeError: torch cannot convert a weight here, see `no_sparse_cores`.
    """
    from torch.sparse import to_sparse_semi_structured

    with borrowed(model) as net:
        classifier: Classifier = deepcopy(net).half()
    for name in fit_for_cores(masks):
        sparse: Any = to_sparse_semi_structured(classifier.network.get_parameter(name).detach())
        layer = classifier.network.get_submodule(name.rpartition(".")[0])
        layer.weight = nn.Parameter(sparse, requires_grad=False)
    return classifier
