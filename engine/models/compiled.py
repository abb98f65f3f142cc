"""Forward passes compiled in the background, once a model is asked for so many that it pays.

Compiling EfficientNet-Lite0 takes a CPU about 11 s and makes its forward passes 1.5 times as fast,
with logits equal to 3e-5. So it pays after some thousand forward passes and never before: a model
is compiled when those it was asked for would have saved the time that compiling takes.

What is compiled is a copy, exported ahead of time (`torch.export`, AOTInductor with the weights
frozen in), for exactly one batch size. Unlike `torch.compile` it has no guards, so no thread finds
itself compiling again in the middle of somebody's question.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.models.borrow import holding, take_off_hooks

if TYPE_CHECKING:
    from engine.models.classifier import Classifier
    from engine.models.pace import Pace

log = logging.getLogger(__name__)

COST = 16.0  # seconds of compiling, as measured on two cores with nothing prepared
SAVED = 0.33  # of the time of a forward pass
CLOSE = (
    1e-3  # logits: compiled ones must agree so far (bfloat16: by its own steps), or are not used
)
KIND = 10  # niceness of the compiling thread: questions go first

Forward = Callable[[Tensor], Tensor]


_tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


@dataclass
class Tally:
    """Compiled forward passes of one question."""

    compiled: int = 0


@contextmanager
def counting() -> Iterator[Tally]:
    """Count the compiled forward passes that this thread makes."""
    token = _tally.set(tally := Tally())
    try:
        yield tally
    finally:
        _tally.reset(token)


class Runner:
    """A model's forward pass at its pace: eager at first, compiled for full batches once ready."""

    def __init__(self, body: Classifier, pace: Pace) -> None:
        self.body, self.pace = body, pace
        self._compiled: Forward | None = None
        self._asked = 0
        self._begun = False
        self._lock = threading.Lock()

    def __call__(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes), in the pace's number type, of pixels (N, 3, side, side)."""
        moved = pixels.to(self.body.device, self.pace.dtype, memory_format=self.pace.memory_format)
        compiled = self._compiled if len(moved) == self.pace.batch else None
        if tally := _tally.get():
            tally.compiled += len(moved) if compiled else 0
        return compiled(moved) if compiled else self.body(moved)

    @property
    def compiled(self) -> bool:
        """Whether full batches run compiled now."""
        return self._compiled is not None

    @property
    def held_bytes(self) -> int:
        """Bytes of the weights frozen into the compiled copy."""
        return self.body.own_bytes if self.compiled else 0

    def expect(self, count: int) -> None:
        """Told of forward passes that are coming; begins to compile when that pays."""
        with self._lock:
            self._asked += count
            pays = self._asked * self.pace.seconds * SAVED > COST
            if self._begun or not pays or not can_compile(self.body.device):
                return
            self._begun = True
        threading.Thread(target=self._aside, name="compiling", daemon=True).start()

    def stay(self) -> None:
        """Never begin to compile by itself, as measurements need it."""
        with self._lock:
            self._begun = True

    def compile(self) -> bool:
        """Compile now, while this call waits; whether it worked and gives the same logits."""
        with holding(self.body):
            plain = Plain(self.body)
        example = torch.rand(
            self.pace.batch, 3, self.body.side, self.body.side,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        moved = example.to(self.body.device, self.pace.dtype, memory_format=self.pace.memory_format)
        try:
            compiled = ahead_of_time(plain, moved)
            far, rounding = distances(compiled, plain, moved)
        except Exception as error:  # noqa: BLE001 - whatever a compiler says, eager is there
            log.info("%s stays as it is: %s", self.body.title, str(error).split("\n")[0])
            return False
        if not far <= CLOSE + 2 * rounding:
            log.warning("%s, compiled, is off by %.2g and not used", self.body.title, far)
            return False
        self._compiled = compiled
        return True

    def _aside(self) -> None:
        """Compile at low priority, where the system gives threads one of their own."""
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), KIND)
        self.compile()


class Plain(nn.Module):
    """A copy of a classifier without its lock and hooks, which a compiler cannot follow."""

    mean: Tensor
    std: Tensor

    def __init__(self, body: Classifier) -> None:
        super().__init__()
        self.network = deepcopy(body.network)
        take_off_hooks(self.network)
        self.register_buffer("mean", body.mean.clone())
        self.register_buffer("std", body.std.clone())

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) of pixels (N, 3, side, side)."""
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits


def ahead_of_time(network: nn.Module, example: Tensor) -> Forward:
    """The network compiled for inputs like the example, its weights frozen in.

    Raises:
        Exception: whatever export, inductor or the C++ compiler raise.
    """
    from torch._inductor import aoti_compile_and_package, aoti_load_package

    with torch.no_grad(), TemporaryDirectory(prefix="blindspot-compile-") as folder:
        program = torch.export.export(network.eval(), (example,))
        package: Any = aoti_compile_and_package(
            program,
            package_path=str(Path(folder) / "model.pt2"),
            inductor_configs={"freezing": True},
        )
        loaded: Forward = aoti_load_package(package)
    return loaded


@torch.inference_mode()
def distances(compiled: Forward, plain: Plain, pixels: Tensor) -> tuple[float, float]:
    """How far the compiled and the plain logits lie from those in float32, at most."""
    rounding, given = plain(pixels).float(), compiled(pixels).float()
    reference = plain.float()(pixels.float())
    return float((given - reference).abs().max()), float((rounding - reference).abs().max())


def can_compile(device: torch.device) -> bool:
    """Whether there is what it takes: a CPU that computes, and a C++ compiler."""
    compiler = os.environ.get("CXX", "g++" if sys.platform == "linux" else "c++")
    return device.type == "cpu" and shutil.which(compiler) is not None
