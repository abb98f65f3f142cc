"""The one loop that trains: the same question gives the same weights, also after an interruption.

The order of an epoch's images comes from (seed, epoch), what is done to a batch's images from
(seed, epoch, batch), and the rate from the place alone, so that a place, the weights and the
optimizer's memory are all there is to remember. They are kept every few seconds; a training that
finds its file goes on from there. It computes in one thread on a CPU, because sums over several
are not always added in the same order, and so that live questions have the other core.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.data import DataSet, Rows
from engine.errors import BlindspotError
from engine.method import Progress, quiet
from engine.models.bits import packed_bits
from engine.models.borrow import is_lazy
from engine.models.classifier import Classifier
from engine.result import Floats, TrainLog, digest_arrays
from engine.store import remove
from engine.training.figures import one_thread, outputs
from engine.training.images import altered
from engine.training.masks import Masks, carried, masked, plain
from engine.training.recipe import Recipe
from engine.training.state import read_state, sweep, write_state

KEEP_SECONDS = 4.0  # between two writings of the state
REPORT_SECONDS = 0.05  # between two calls of progress
CURVES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "seconds")
PLACE = ("question", "epoch", "batch", "sums", "curves")


class ExtraLoss(Protocol):
    """A term that is added to the loss of a batch."""

    def __call__(
        self, model: Classifier, rows: Rows, pixels: Tensor, targets: Tensor, logits: Tensor
    ) -> Tensor:
        """One number with a gradient."""


class AfterStep(Protocol):
    """What is done to the model after each step, such as shrinking its weights."""

    def __call__(self, model: Classifier, rate: float) -> None:
        """Change the model in place, without gradients."""


def train(
    model: Classifier,
    data: DataSet,
    recipe: Recipe,
    seed: int = 0,
    *,
    rows: Rows | None = None,
    weights: Floats | None = None,
    masks: Masks | None = None,
    extra_loss: ExtraLoss | None = None,
    after_step: AfterStep | None = None,
    keep: Path | None = None,
    note: Mapping[str, Any] | None = None,
    progress: Progress = quiet,
) -> TrainLog:
    """Train a model of one's own in place; it is left in eval mode, without gradients.

    Args:
        model: changed in place: a fresh one, or a copy.
        data: where images and labels come from.
        recipe: how; its architecture is not looked at.
        seed: of the order, of what is done to images, and of attacks.
        rows: what is learnt from; the train split when left out.
        weights: (len(data),), what each image's loss is multiplied with; may be negative.
        masks: where weights stay 0 in every forward pass; at the end they are 0 in the weights,
            and the model carries these masks. The model's own when left out, so that a pruned
            model stays so; none with an empty mapping.
        extra_loss: a term added to every batch's loss.
        after_step: called after each step.
        keep: the file that an interrupted training goes on from; gone when it is over.
        note: what `unfinished` tells of the kept file, as JSON has it.
        progress: told at every few batches; raising there leaves the file behind.

    Raises:
        BlindspotError: nothing to learn from, or the loss is no number any more.
    """
    rows = data.rows("train") if rows is None else rows
    if not len(rows):
        raise BlindspotError(f"{data.card.title} has no images to train on.")
    masks = carried(model) if masks is None else masks
    name = named(model, data, recipe, seed, rows, weights, masks) if keep else ""
    model.train().requires_grad_(requires_grad=True)
    try:
        with masked(model.network, masks):
            run = Run(
                model, data, recipe, seed, rows, weights, extra_loss, after_step, keep, name,
                note or {},
            )  # fmt: skip
            log = run.finish(progress)
        model.masks = packed_bits({name: mask.cpu().numpy() for name, mask in masks.items()})
        return log
    finally:
        model.eval().requires_grad_(requires_grad=False)
        for found in [name for name in vars(model) if is_lazy(model, name)]:
            delattr(model, found)  # what was found out about the weights it had before


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
    batch: int = 0  # of this epoch, the next to be learnt from
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


def forget_gradients(held: torch.optim.Optimizer) -> None:
    """No weight has a gradient any more.

    The optimizer's own `zero_grad` enters torch's compiler to be left out of it, and what it notes
    there is shared by all threads: while another model is being compiled, it can fail.
    """
    for group in held.param_groups:
        for weight in group["params"]:
            weight.grad = None


def optimizer(model: Classifier, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over all of the model's weights."""
    weights = list(model.parameters())
    match recipe.optimizer:
        case "Adam":
            return torch.optim.Adam(weights, recipe.rate, weight_decay=recipe.decay)
        case "AdamW":
            return torch.optim.AdamW(weights, recipe.rate, weight_decay=recipe.decay)
        case _:
            return torch.optim.SGD(
                weights, recipe.rate, momentum=recipe.momentum, weight_decay=recipe.decay
            )


def named(
    model: Classifier,
    data: DataSet,
    recipe: Recipe,
    seed: int,
    rows: Rows,
    weights: Floats | None,
    masks: Masks,
) -> str:
    """A digest of all that a training depends on, except what its hooks do."""
    begun = {k: v.detach().cpu().numpy() for k, v in model.network.state_dict().items()}
    begun |= {f"mask/{name}": mask.cpu().numpy() for name, mask in masks.items()}
    begun |= {"rows/": rows} | ({} if weights is None else {"weights/": weights})
    said = [data.fingerprint, recipe.as_dict(), seed, digest_arrays(begun)]
    return blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()
