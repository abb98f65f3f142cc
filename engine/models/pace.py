"""The batch size and memory format at which a model runs best here, found by trying once.

What was found is kept on disk for the architecture, size, device and precision, so that answers
on one machine always come from the same batch.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from engine.device import memory_budget
from engine.store import home, write_atomic

if TYPE_CHECKING:
    from engine.method import Precision
    from engine.models.classifier import Classifier

log = logging.getLogger(__name__)

BATCHES = {"cpu": (1, 2, 4, 8, 16, 32), "cuda": (8, 16, 32, 64, 128, 256), "mps": (4, 8, 16, 32)}
CLOSE = 1.03  # a smaller batch within 3 % of the fastest is preferred: it shows progress sooner
TRIES = 3

_lock = threading.Lock()


@dataclass(frozen=True)
class Pace:
    """How to run a model: images at a time, memory format, number type."""

    batch: int
    channels_last: bool
    precision: str
    seconds: float  # per image, at its best, when it was tried

    @property
    def memory_format(self) -> torch.memory_format:
        """The memory format in torch's words."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @property
    def dtype(self) -> torch.dtype:
        """The number type of the precision."""
        return torch.float32 if self.precision == "exact" else torch.bfloat16


def find_pace(model: Classifier, precision: Precision) -> Pace:
    """Read what was found before, else try; the model is left in the format that won."""
    key = f"{type(model.network).__name__}|{weigh(model)}|{model.side}|{model.device}|{precision}"
    with _lock:
        known = read_paces()
        if key not in known:
            known[key] = asdict(try_paces(model, precision))
            keep_paces(known)
    pace = Pace(**known[key])
    model.network.to(memory_format=pace.memory_format)
    return pace


def try_paces(model: Classifier, precision: Precision) -> Pace:
    """Time a few forwards of each batch size and format within the memory budget."""
    found: list[Pace] = []
    sizes = BATCHES.get(model.device.type, BATCHES["cpu"])
    largest = memory_budget(model.device) // bytes_per_image(model)
    for channels_last in (False, True):
        for batch in sizes:
            if batch > max(largest, sizes[0]):
                break
            pace = Pace(batch, channels_last, precision, 0.0)
            model.network.to(memory_format=pace.memory_format)
            found.append(Pace(batch, channels_last, precision, time_pace(model, pace)))
            if found[-1].seconds > 2 * min(one.seconds for one in found):
                break  # growing worse: larger batches of this format will not win
    fastest = min(one.seconds for one in found)
    return min((one for one in found if one.seconds <= fastest * CLOSE), key=lambda one: one.batch)


def time_pace(model: Classifier, pace: Pace) -> float:
    """Seconds an image, the best of a few tries after one that is not counted."""
    pixels = torch.rand(
        pace.batch, 3, model.side, model.side, generator=torch.Generator().manual_seed(0)
    )
    moved = pixels.to(model.device, pace.dtype, memory_format=pace.memory_format)
    times = []
    with torch.inference_mode():
        for _ in range(TRIES + 1):
            start = perf_counter()
            settle(model(moved))
            times.append(perf_counter() - start)
    return min(times[1:]) / pace.batch


def settle(output: Tensor) -> None:
    """Wait until the device has finished."""
    if output.is_cuda:
        torch.cuda.synchronize(output.device)


def bytes_per_image(model: Classifier) -> int:
    """A generous guess at the activations of one image: 64 channels at full size, in float32."""
    return 64 * 4 * model.side * model.side


def weigh(model: Classifier) -> str:
    """What distinguishes two networks of one class: parameters and layers."""
    parameters = sum(p.numel() for p in model.network.parameters())
    return f"{parameters}p{sum(1 for _ in model.network.modules())}m"


def pace_file() -> Path:
    """Where paces are kept."""
    return home() / "paces.json"


def read_paces() -> dict[str, Any]:
    """Everything found so far; a damaged file counts as empty."""
    try:
        known = json.loads(pace_file().read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def keep_paces(known: dict[str, Any]) -> None:
    """Write everything found; without a disk it is found again next time."""
    try:
        pace_file().parent.mkdir(parents=True, exist_ok=True)
        write_atomic(pace_file(), json.dumps(known, indent=1).encode())
    except OSError as error:
        log.warning("paces not kept: %s", error)
