"""The one loop that trains: the same question gives the same weights, also after an interruption.

The order of an epoch's images comes from (seed, epoch), what is done to a batch's images from
(seed, epoch, batch), and the rate from the place alone, so that a place, the weights and the
optimizer's memory are all there is to remember. They are kept every few seconds; a training that
finds its file goes on from there. A network is computed in one thread on a CPU, because sums over
several are not always added in the same order, and so that live questions have the other core. Only
networks that are trained together and passed in parts (`engine.vision.models.stack`) use both
cores.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import BlindspotError
from engine.core.keeping.store import remove
from engine.core.method import Progress
from engine.core.result import TrainLog
from engine.vision.data import Rows
from engine.vision.models.threads import one_thread
from engine.vision.training.batch_loss import Losses
from engine.vision.training.descent import Diverged, Loss, descend
from engine.vision.training.hooks import HookWithMemory
from engine.vision.training.masks import unmasked_name
from engine.vision.training.optimizer import memory_of, optimizer, recall
from engine.vision.training.recorder import Recorder
from engine.vision.training.regime import Scheduled
from engine.vision.training.state import part, read_state, sweep, write_state

KEEP_SECONDS = 4.0  # between two writings of the state
REPORT_SECONDS = 0.05  # between two calls of progress
CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
PLACE = ("question", "epoch", "batch", "sums", "curves")


@dataclass
class TrainingRun:
    """One training under way; what `state` gives is all that it must remember."""

    batch_loss: Losses
    recorder: Recorder
    start: int = 0  # the steps of the recipe that are left out
    after_step: Callable[[float], None] | None = None  # called with the rate
    keep: Path | None = None
    question: str = ""
    note: Mapping[str, Any] = field(default_factory=dict)
    hook: HookWithMemory | None = None  # whose memory is kept with the training
    scheduled: tuple[Scheduled, ...] = ()  # told the time

    epoch: int = 0
    batch: int = 0  # of this epoch, the next to be learned from
    sums: dict[str, float] = field(default_factory=lambda: {"loss": 0.0, "hits": 0.0, "s": 0.0})
    curves: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CURVES})

    def __post_init__(self) -> None:
        self.network, self.recipe = self.batch_loss.network, self.batch_loss.recipe
        self.data = self.batch_loss.data
        self.shown = np.zeros(len(self.data), np.int64)
        self.batches = len(self.batch_loss.parts(0))
        self.epoch, self.batch = divmod(self.start, self.batches)
        self.tell_time()
        self.recorder.snapshot(self.network, self.start)
        self.optimizer = optimizer(self.network.parameters(), self.recipe)
        self.saved = self.told = monotonic()
        self.started = perf_counter()  # with the step under way
        if self.keep is not None:
            sweep(self.keep.parent)
            self.restore(self.keep)
            self.tell_time()

    def finish(self, progress: Progress) -> TrainLog:
        """All epochs that are left.

        Raises:
            BlindspotError: the loss is no number any more.
        """
        # asked at the step itself, where `batch` still counts the steps before it
        steps = descend(self.optimizer, self.losses(progress), rate=lambda _: self.rate)
        try:
            for loss in steps:
                if self.after_step is not None:
                    with torch.no_grad(), one_thread():
                        self.after_step(self.rate)
                self.batch += 1
                self.tell_time()
                with one_thread():
                    self.recorder.update(self.network, self.step, loss)
                self.sums["s"] += perf_counter() - self.started
                self.report(progress)
        except Diverged as error:
            message = f"The loss is no number any more in epoch {self.epoch + 1}: "
            raise BlindspotError(f"{message}choose a rate below {self.recipe.rate:g}.") from error
        if self.keep is not None:
            remove(self.keep)
        return self.log()

    def losses(self, progress: Progress) -> Iterator[Loss]:
        """The loss of every batch that is left; an epoch is closed after its last step."""
        while self.epoch < self.recipe.epochs:
            for rows in self.batch_loss.parts(self.epoch)[self.batch :]:
                self.started = perf_counter()
                yield partial(self.loss, rows)
            with one_thread():
                self.close_epoch()
            self.report(progress, whole=True)

    def loss(self, rows: Rows) -> Tensor:
        """The loss of one batch, noted for the curves."""
        self.tell_time()
        loss, total, right = self.batch_loss(rows, (self.epoch, self.batch))
        self.sums["loss"] += total
        self.sums["hits"] += right
        np.add.at(self.shown, rows, 1)
        return loss

    def tell_time(self) -> None:
        """Tell what changes with time how far the training is."""
        for schedule in self.scheduled:
            schedule.at(self.done)

    @property
    def step(self) -> int:
        """Steps that are done, those left out among them."""
        return self.epoch * self.batches + self.batch

    @property
    def rate(self) -> float:
        """The rate of the step that comes next."""
        return self.recipe.rate_at(self.done)

    def close_epoch(self) -> None:
        """Note the epoch's figures and begin the next."""
        first_epoch, skipped_batches = divmod(self.start, self.batches)
        parts = self.batch_loss.parts(self.epoch)
        self.tell_time()
        # the first epoch of a training that starts later saw only what was left of it
        count = sum(
            part.size for part in parts[skipped_batches if self.epoch == first_epoch else 0 :]
        )
        means = self.sums["loss"] / count, self.sums["hits"] / count
        epoch_figures = (*means, *self.batch_loss.validated(), self.sums["s"])
        for name, value in zip(CURVES, epoch_figures, strict=True):
            self.curves[name].append(value)
        self.sums = dict.fromkeys(self.sums, 0.0)
        self.epoch, self.batch = self.epoch + 1, 0

    @property
    def done(self) -> float:
        """The share of all steps that is done."""
        return (self.epoch + self.batch / self.batches) / self.recipe.epochs

    def log(self) -> TrainLog:
        """The curves so far."""
        curves = {name: np.array(values, np.float32) for name, values in self.curves.items()}
        ids, shown_counts = self.data.ids, self.shown.copy()
        epochs = self.recipe.epochs - self.start // self.batches
        return TrainLog(**curves, ids=ids, shown=shown_counts, epochs=epochs)

    def report(self, progress: Progress, *, whole: bool = False) -> None:
        """Keep the state and tell how far it is, now and then; kept too when nobody wants more."""
        now = monotonic()
        if now - self.saved > KEEP_SECONDS:
            self.write()
            self.saved = now
        if not whole and now - self.told < REPORT_SECONDS:
            return
        self.told = now
        words = f"epoch {min(self.epoch + 1, self.recipe.epochs)} of {self.recipe.epochs}"
        try:
            progress(self.done, words, {"log": self.log()} if whole else None)
        except BaseException:
            self.write()
            raise

    def write(self) -> None:
        """Keep weights, the optimizer's memory, what was shown, and the place."""
        if self.keep is None:
            return
        weights = self.network.state_dict()
        tensors = {f"model/{unmasked_name(name)}": tensor for name, tensor in weights.items()}
        tensors |= {
            f"optimizer/{name}": tensor for name, tensor in memory_of(self.optimizer).items()
        }
        tensors |= {f"recorder/{name}": tensor for name, tensor in self.recorder.state().items()}
        if self.hook is not None:
            tensors |= {f"hook/{name}": tensor for name, tensor in self.hook.memory().items()}
        tensors["shown"] = torch.from_numpy(self.shown)
        place = {name: getattr(self, name) for name in PLACE}
        write_state(self.keep, {**place, "note": dict(self.note), "done": self.done}, tensors)

    def restore(self, path: Path) -> None:
        """Go on from the kept state, if there is one of this question."""
        if (state := read_state(path, self.question)) is None:
            return
        place, tensors = state
        recall(self.optimizer, part(tensors, "optimizer/"))
        self.recorder.recall(part(tensors, "recorder/"))
        if self.hook is not None:
            self.hook.recall(part(tensors, "hook/"))
        for name, tensor in self.network.state_dict().items():
            tensor.copy_(tensors[f"model/{unmasked_name(name)}"])
        self.shown = tensors["shown"].numpy().copy()
        for name in PLACE:
            setattr(self, name, place[name])
