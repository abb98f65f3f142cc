"""Forward passes compiled in the background, once a model is asked for so many that it pays.

Compiling EfficientNet-Lite0 takes a CPU about 11 s and makes its forward passes 1.5 times as fast,
with logits equal to 3e-5. So it pays after some thousand forward passes and never before: a model
is compiled when those it was asked for would have saved the time that compiling takes. It is
compiled by a process of its own (`compiling`) and kept on disk (`packages`), so that the next start
has it at once.

What is compiled is exported ahead of time (`torch.export`, AOTInductor with the weights frozen in),
for exactly one batch size. Unlike `torch.compile` it has no guards, so no thread finds itself
compiling again in the middle of somebody's question.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.core.borrow import holding, hookless_copy
from engine.core.tally import count_images
from engine.vision.models import packages
from engine.vision.models.compiling import CannotCompile, Plain, compiled_apart, noise_batch
from engine.vision.models.pace import keep_for_good
from engine.vision.models.packages import Forward

if TYPE_CHECKING:
    from engine.vision.models.classifier import Classifier
    from engine.vision.models.pace import Pace

log = logging.getLogger(__name__)

COST = 16.0  # seconds of compiling, as measured on two cores with nothing prepared
SAVED = 0.33  # of the time of a forward pass
CLOSE = (
    1e-3  # logits: compiled ones must agree so far (bfloat16: by its own steps), or are not used
)

_one_at_a_time = threading.Lock()  # compiling takes a core and much memory


class Runner:
    """A model's forward pass at its pace: eager at first, compiled for full batches once ready."""

    cost, saved = COST, SAVED

    def __init__(self, body: Classifier, pace: Pace) -> None:
        self.body, self.pace = body, pace
        self._compiled: Forward | None = None
        self._asked = 0
        self._begun = self._looked = False
        self._lock = threading.Lock()

    def __call__(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes), in the pace's number type, of pixels (N, 3, side, side)."""
        moved = pixels.to(self.body.device, self.pace.dtype, memory_format=self.pace.memory_format)
        compiled = self._compiled if self.fits(moved) else None
        count_images(self.pace, len(moved), compiled=compiled is not None)
        return compiled(moved) if compiled else self.body(moved)

    def fits(self, pixels: Tensor) -> bool:
        """Whether these are as many images, and as large ones, as were compiled for.

        What is compiled does not look: of smaller images it would read what lies behind them.
        """
        return pixels.shape == (self.pace.batch, 3, self.body.side, self.body.side)

    @property
    def compiled(self) -> bool:
        """Whether full batches run compiled now."""
        return self._compiled is not None

    @property
    def held_bytes(self) -> int:
        """Bytes of the weights frozen into the compiled copy."""
        return self.body.own_bytes if self.compiled else 0

    def expect(self, count: int) -> None:
        """Told of forward passes that are coming; begins to compile when that pays.

        A package that is on disk is taken at once.
        """
        with self._lock:
            self._asked += count
            pays = self._asked * self.pace.seconds * self.saved > self.cost
            if self._begun or not count or (self._looked and not pays):
                return
            if not can_compile(self.body.device):
                self._begun = True  # not looked for again before each forward pass
                return
            looked, self._looked = self._looked, True
        ready = not looked and self.load()  # outside the lock: it waits for the model
        with self._lock:
            if self._begun or not (ready or pays):
                return
            self._begun = True
        if ready:
            return
        threading.Thread(target=self.compile, name="compiling", daemon=True).start()

    def stay(self) -> None:
        """Never begin to compile by itself, as measurements need it."""
        with self._lock:
            self._begun = True

    def load(self) -> bool:
        """Use the package on disk; whether there is one that gives the same logits."""
        try:
            compiled = self.opened()
            if compiled is None:
                return False
            distance, rounding = self.distances(compiled)
        except Exception as error:  # noqa: BLE001 - whatever the loader says, eager is there
            log.info("%s stays as it is: %s", self.body.title, first_line(error))
            return False
        # not (far ≤ …), which refuses NaN as well; in float32 the plain logits' rounding is 0
        if not distance <= CLOSE + 2 * rounding:
            log.warning("%s, compiled, is off by %.2g and not used", self.body.title, distance)
            return False
        self._compiled = compiled
        return True

    def compile(self) -> bool:
        """Compile now, while this call waits; whether it worked and gives the same logits."""
        if not can_compile(self.body.device):
            return False
        with _one_at_a_time:
            if self.load():
                return True
            try:
                self.make()
            except (CannotCompile, OSError) as error:
                log.info("%s stays as it is: %s", self.body.title, first_line(error))
                return False
            if not self.load():
                return False
            self.settle()
            return True

    def settle(self) -> None:
        """The next start runs at this pace, and so has the package at once."""
        keep_for_good(self.body, self.pace)

    def name(self, part: str = "") -> str:
        """Of its package, or of one of several."""
        with holding(self.body):
            return packages.name_of(self.body, self.pace, part)

    def opened(self) -> Forward | None:
        """The package on disk, if there is one."""
        return packages.load(self.name())

    def make(self) -> None:
        """Make the package and keep it. Raises CannotCompile, or OSError without a disk."""
        with holding(self.body):
            name, copy = self.name(), hookless_copy(self.body)
        packages.keep(name, compiled_apart(copy, self.pace))

    def distances(self, compiled: Forward) -> tuple[float, float]:
        """How far the compiled logits, and the plain ones, lie from those in float32."""
        with holding(self.body):
            copy = hookless_copy(self.body)
        return logit_errors(compiled, Plain(copy), noise_batch(self.body.side, self.pace))


@torch.inference_mode()
def logit_errors(compiled: Forward, plain: Plain, pixels: Tensor) -> tuple[float, float]:
    """How far the compiled and the plain logits lie from those in float32, at most."""
    rounding, compiled_logits = plain(pixels).float(), compiled(pixels).float()
    reference = plain.float()(pixels.float())
    return float((compiled_logits - reference).abs().max()), float(
        (rounding - reference).abs().max()
    )


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return str(error).split("\n", maxsplit=1)[0]


def can_compile(device: torch.device) -> bool:
    """Whether there is what it takes: a CPU that computes, and a C++ compiler."""
    compiler = os.environ.get("CXX", "g++" if sys.platform == "linux" else "c++")
    return device.type == "cpu" and shutil.which(compiler) is not None
