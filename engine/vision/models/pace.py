"""The batch size and memory format at which a model runs best here, found by trying once.

What was found is kept on disk for the architecture, size, device and use, so that answers on one
machine always come from the same batch; what was found while others kept it busy serves this
process only. There are three uses: forward passes in float32 (exact) and bfloat16 (fast), and
forward and backward (gradient), which shares the format of exact.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from engine.core.device import finish, memory_budget, name_of
from engine.core.errors import BlindspotError
from engine.core.keeping.store import home, keep_row, read_table

if TYPE_CHECKING:
    from engine.vision.models.classifier import Classifier

Use = Literal["exact", "fast", "gradient"]

BATCHES = {"cpu": (1, 2, 4, 8, 16, 32), "cuda": (8, 16, 32, 64, 128, 256), "mps": (4, 8, 16, 32)}
LARGEST = 256
CLOSE = 1.01  # a smaller batch within 1 % of the fastest is preferred: it shows progress sooner
WORSE = 1.5  # times the fastest: a format growing this slow is not tried in larger batches
TRIES = 3
PATIENCE = 3.0  # seconds for the first look at each: somebody waits for a first answer
NEAR = 1.15  # times the fastest: what is so near is timed again, so that a bad moment decides less
LOOKS = 2  # how often
ENOUGH = 0.2  # seconds of tries: a large batch averages over its images already

_measured_rows: dict[str, dict[str, Any]] = {}  # rows of this process
_taken: dict[str, dict[str, Any]] = {}  # rows that another process found for the work that we share


@dataclass(frozen=True)
class Pace:
    """How to run a model: images at a time, memory format, number type."""

    batch: int
    channels_last: bool
    use: Use
    seconds: float  # per image, at its best, when it was tried

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @property
    def dtype(self) -> torch.dtype:
        """The number type of the use."""
        return torch.bfloat16 if self.use == "fast" else torch.float32


def find_pace(model: Classifier, use: Use, formats: tuple[bool, ...] = (True, False)) -> Pace:
    """Read what was found before, else try; the model is left in the format that won.

    Args:
        model: what is run.
        use: what it is run for.
        formats: the memory formats to try, channels_last or not.
    """
    key = key_of(model, use)
    pace = pace_of(_taken.get(key) or read_table(pace_file()).get(key), use)
    if pace is None or pace.channels_last not in formats:
        pace = try_paces(model, use, formats)
        keep_row(pace_file(), key, asdict(pace) | ({} if calm() else {"process": os.getpid()}))
    _measured_rows[key] = asdict(pace)
    into(model.network, pace)
    return pace


def key_of(model: Classifier, use: Use) -> str:
    """Models that run alike: class of network, size, side, device; and the use."""
    where = f"{model.device} {name_of(model.device)}".strip()
    return f"{type(model.network).__name__}|{weigh(model)}|{model.side}|{where}|{use}"


def keep_for_good(model: Classifier, pace: Pace) -> None:
    """The next processes go by it too, though it was found on a busy machine.

    A compiled package is of one batch: at another one it would lie there unused. What was found
    while the machine was calm stays, since answers are kept that were made at it.
    """
    key = key_of(model, pace.use)
    row = read_table(pace_file()).get(key)
    if not isinstance(row, dict) or "process" in row:
        keep_row(pace_file(), key, asdict(pace))


def current_pace() -> dict[str, dict[str, Any]]:
    """What this process goes by, for those that share its work: the same batches, the same bits."""
    return dict(_measured_rows)


def adopt_paces(rows: dict[str, dict[str, Any]]) -> None:
    """Go by what another process found, for models that are run here from now on."""
    _taken.update(rows)


def calm() -> bool:
    """Whether what was timed is worth keeping; on a busy machine it tells about the others."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return load <= (os.cpu_count() or 1)


def into(network: nn.Module, pace: Pace) -> None:
    """Lay the weights out in the format of the pace; their values stay."""
    network.to(memory_format=pace.memory_format)  # type: ignore[call-overload]  # torch's stubs lack it


def pace_of(row: object, use: Use) -> Pace | None:
    """A kept pace, or None when it is another process's, or was edited into nonsense."""
    match row:
        case {"process": other} if other != os.getpid():
            return None
        case {"batch": int(batch), "channels_last": bool(last), "seconds": float(seconds)}:
            return Pace(batch, last, use, seconds) if 1 <= batch <= LARGEST else None
    return None


def try_paces(model: Classifier, use: Use, formats: tuple[bool, ...]) -> Pace:
    """Time a few runs of each batch size and format, within a budget of memory and time."""
    paces: list[Pace] = []
    sizes = BATCHES.get(model.device.type, BATCHES["cpu"])
    if use == "gradient":
        sizes = sizes[:-1]  # the way back holds every layer's output
    room = max(memory_budget(model.device) // bytes_per_image(model), sizes[0])
    left = list(formats)
    begun = perf_counter()
    for batch in (size for size in sizes if size <= room):
        for channels_last in tuple(left):
            if paces and perf_counter() - begun > PATIENCE:
                break
            pace = Pace(batch, channels_last, use, 0.0)
            into(model.network, pace)
            try:
                seconds = time_pace(model, pace)
            except torch.OutOfMemoryError:
                left.remove(channels_last)
                continue
            paces.append(Pace(batch, channels_last, use, seconds))
            if seconds > WORSE * min(pace.seconds for pace in paces):
                left.remove(channels_last)
    if not paces:
        return Pace(1, channels_last=formats[-1], use=use, seconds=0.0)
    candidates = [
        pace for pace in paces if pace.seconds <= NEAR * min(pace.seconds for pace in paces)
    ]
    if len(candidates) == 1:
        return candidates[0]
    most = max(pace.batch for pace in candidates)
    looks = [  # in turn, so that a slow moment meets all of them
        [timed_again(model, pace, most) for pace in candidates] for _ in range(LOOKS)
    ]
    candidates = [
        replace(pace, seconds=min(times)) for pace, *times in zip(candidates, *looks, strict=True)
    ]
    fastest = min(pace.seconds for pace in candidates)
    return min(
        (pace for pace in candidates if pace.seconds <= fastest * CLOSE),
        key=lambda pace: pace.batch,
    )


def timed_again(model: Classifier, pace: Pace, images: int) -> float:
    """Seconds an image at another look, over so many of them.

    All batches are looked at over equally many: the best of several short tries is a lucky one,
    and small batches would win by it.
    """
    into(model.network, pace)
    return sum(run_times(model, pace, images // pace.batch)) / images


def time_pace(model: Classifier, pace: Pace) -> float:
    """Seconds an image, the best of a few tries."""
    times: list[float] = []
    for time in run_times(model, pace, TRIES):
        times.append(time)
        if sum(times) >= ENOUGH:
            break
    # the least disturbed try: other processes only ever add time
    return min(times) / pace.batch


def run_times(model: Classifier, pace: Pace, count: int) -> Iterator[float]:
    """Seconds of each of so many runs, after one that is not counted."""
    pixels = torch.rand(
        pace.batch, 3, model.side, model.side, generator=torch.Generator().manual_seed(0)
    )
    moved = pixels.to(model.device, pace.dtype, memory_format=pace.memory_format)
    run = backward if pace.use == "gradient" else forward
    synchronize(run(model, moved))
    for _ in range(count):
        start = perf_counter()
        synchronize(run(model, moved))
        yield perf_counter() - start


def forward(model: Classifier, pixels: Tensor) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = model(pixels)
        return logits


def backward(model: Classifier, pixels: Tensor) -> Tensor:
    """The gradient of the first logit with respect to the pixels."""
    with torch.enable_grad():
        leaf = pixels.detach().requires_grad_()
        # images do not meet in eval mode: the slope of the sum is each image's own
        return torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)[0]


def in_batches(count: int, batch: int, work: Callable[[int, int], None], title: str) -> None:
    """Call `work(start, end)` for batches that fit: a batch too large for the memory is halved."""
    start = 0
    while start < count:
        end = min(start + batch, count)
        try:
            work(start, end)
        except torch.OutOfMemoryError:
            if batch == 1:
                message = f"{title} does not fit into this device's memory."
                raise BlindspotError(message) from None
            batch = max(1, (end - start) // 2)
            continue
        start = end


def synchronize(output: Tensor) -> None:
    """Wait until the device has finished."""
    finish(output.device)


def bytes_per_image(model: Classifier) -> int:
    """A generous guess at the activations of one image: 64 channels at full size, in float32."""
    return 64 * 4 * model.side * model.side


def weigh(model: Classifier) -> str:
    """What distinguishes two networks of one class: parameters and layers."""
    parameters = sum(p.numel() for p in model.network.parameters())
    return f"{parameters}p{sum(1 for _ in model.network.modules())}m"


def pace_file() -> Path:
    return home() / "paces.json"
