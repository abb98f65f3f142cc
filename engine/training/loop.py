"""The one loop that trains: the same question gives the same weights, also after an interruption.

The order of an epoch's images comes from (seed, epoch), what is done to a batch's images from
(seed, epoch, batch), and the rate from the place alone, so that a place, the weights and the
optimizer's memory are all there is to remember. They are kept every few seconds; a training that
finds its file goes on from there. It computes in one thread on a CPU, because sums over several
are not always added in the same order, and so that live questions have the other core.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.data import DataSet, Rows
from engine.errors import BlindspotError
from engine.method import Progress
from engine.models.classifier import Classifier
from engine.result import Floats, TrainLog
from engine.store import remove
from engine.training.figures import one_thread, outputs
from engine.training.hooks import AfterStep, ExtraLoss
from engine.training.images import altered
from engine.training.masks import plain
from engine.training.optimizer import forget_gradients, optimizer
from engine.training.recipe import Recipe
from engine.training.state import read_state, sweep, write_state

KEEP_SECONDS = 4.0  # between two writings of the state
REPORT_SECONDS = 0.05  # between two calls of progress
CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
PLACE = ("question", "epoch", "batch", "sums", "curves")


@dataclass
class Run:
    """One training under way; what `state` gives is all that it must remember."""

    model: Classifier
    data: DataSet
    recipe: Recipe
    seed: int
    rows: Rows
    weights: Floats | None
    extra_loss: ExtraLoss | None
    after_step: AfterStep | None
    keep: Path | None
    question: str
    note: Mapping[str, Any]

    epoch: int = 0
    batch: int = 0  # of this epoch, the next to be learned from
    sums: dict[str, float] = field(default_factory=lambda: {"loss": 0.0, "hits": 0.0, "s": 0.0})
    curves: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CURVES})

    def __post_init__(self) -> None:
        self.shown = np.zeros(len(self.data), np.int64)
        self.batches = math.ceil(len(self.rows) / self.recipe.batch)
        self.optimizer = optimizer(self.model, self.recipe)
        self.generator = torch.Generator()
        self.saved = self.told = monotonic()
        if self.keep is not None:
            sweep(self.keep.parent)
            self.restore(self.keep)

    def finish(self, progress: Progress) -> TrainLog:
        """All epochs that are left."""
        while self.epoch < self.recipe.epochs:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)
            parts = np.array_split(order, self.batches)
            while self.batch < self.batches:
                start = perf_counter()
                with one_thread():
                    self.step(parts[self.batch])
                self.sums["s"] += perf_counter() - start
                self.batch += 1
                self.report(progress)
            with one_thread():
                self.close_epoch()
            self.report(progress, whole=True)
        if self.keep is not None:
            remove(self.keep)
        return self.log()

    def step(self, rows: Rows) -> None:
        """Learn from one batch."""
        device = self.model.device
        images = torch.from_numpy(self.data.images[rows] / np.float32(255)).to(device)
        targets = self.data.targets(rows).to(device)
        with torch.enable_grad():
            shown = altered(images, targets, self.model, self.recipe, self.drawn())
            pixels = shown.expand(-1, 3, -1, -1)
            logits = self.model(pixels)
            each = F.cross_entropy(logits, targets, reduction="none")
            loss = self.weighed(each, rows)
            if self.extra_loss is not None:
                loss = loss + self.extra_loss(self.model, rows, pixels, targets, logits)
            forget_gradients(self.optimizer)
            loss.backward()
        rate = self.recipe.rate_at(self.done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        if self.after_step is not None:
            with torch.no_grad():
                self.after_step(self.model, rate)
        if not math.isfinite(loss.item()):
            message = f"The loss is no number any more in epoch {self.epoch + 1}: "
            raise BlindspotError(message + f"choose a rate below {self.recipe.rate:g}.")
        self.sums["loss"] += each.sum().item()
        self.sums["hits"] += (logits.argmax(1) == targets).sum().item()
        self.shown[rows] += 1

    def drawn(self) -> torch.Generator:
        """The source of random numbers of this batch."""
        said = np.random.SeedSequence([self.seed, self.epoch, self.batch])
        return self.generator.manual_seed(int(said.generate_state(1, np.uint64)[0]))

    def weighed(self, losses: Tensor, rows: Rows) -> Tensor:
        """The mean of a batch's losses, each times its image's weight."""
        if self.weights is None:
            return losses.mean()
        return (losses * torch.from_numpy(self.weights[rows]).to(losses)).mean()

    def close_epoch(self) -> None:
        """Note the epoch's figures and begin the next."""
        count = len(self.rows)
        held = self.data.rows("validation")
        loss = accuracy = math.nan
        if len(held):
            logits, targets = outputs(self.model, self.data, held), self.data.targets(held)
            loss = F.cross_entropy(logits, targets).item()
            accuracy = (logits.argmax(1) == targets).float().mean().item()
        found = (self.sums["loss"] / count, self.sums["hits"] / count, loss, accuracy)
        for name, value in zip(CURVES, (*found, self.sums["s"]), strict=True):
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
        ids, shown = self.data.ids, self.shown.copy()
        return TrainLog(**curves, ids=ids, shown=shown, epochs=self.recipe.epochs)

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
        weights = self.model.network.state_dict()
        tensors = {f"model/{plain(name)}": tensor for name, tensor in weights.items()}
        for number, memory in self.optimizer.state_dict()["state"].items():
            for name, held in memory.items():
                if isinstance(held, Tensor):
                    tensors[f"optimizer/{number}/{name}"] = held
        tensors["shown"] = torch.from_numpy(self.shown)
        place = {name: getattr(self, name) for name in PLACE}
        write_state(self.keep, {**place, "note": dict(self.note), "done": self.done}, tensors)

    def restore(self, path: Path) -> None:
        """Go on from the kept state, if there is one of this question."""
        if (kept := read_state(path, self.question)) is None:
            return
        place, tensors = kept
        memory: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimizer/"):
                _, number, held = name.split("/", 2)
                memory.setdefault(int(number), {})[held] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": memory, "param_groups": groups})
        for name, tensor in self.model.network.state_dict().items():
            tensor.copy_(tensors[f"model/{plain(name)}"])
        self.shown = tensors["shown"].numpy().copy()
        for name in PLACE:
            setattr(self, name, place[name])
