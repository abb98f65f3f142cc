"""What every unlearner shares: its own copy of the model, data that note what it saw, its bill.

An unlearner writes `change(work)`. It is given data that note every look, and hands back a model
with its lineage, its figures, what it cost, and who was seen. When a loss is no number any more,
the last weights that gave numbers are kept, and the run is marked as failed with its step.

The clock runs for what is specific to the request. What can be had before anybody asks (the
importance of all weights for the whole data, a pruned model) is billed apart, as seconds before.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from engine.core.keeping.lazy import lazy
from engine.core.method import Method, Progress, part_of, quiet
from engine.core.result import Result, Scores, Table, View
from engine.unlearning.case import ForgetCase
from engine.unlearning.protocol.metrics import ModelAnswers, evaluate_model, figures
from engine.unlearning.ways import clock
from engine.unlearning.ways.network import named_weights, own_copy, settled
from engine.unlearning.ways.seen import RecordedData
from engine.vision.data import Rows
from engine.vision.models.card import ModelCard, card_of, checkpoint
from engine.vision.models.classifier import Classifier
from engine.vision.models.passes import Passes, counting_passes
from engine.vision.training import Diverged
from engine.vision.training.masks import carried

MEASURING = 0.97  # share of the progress after which only measuring is left

Watch = Callable[[int, Classifier], None]  # told step and model, now and then


@dataclass
class UnlearningRun:
    """One unlearning under way.

    Args:
        case: what is asked; its own model and data are never handed out by it.
        model: a copy, to be changed in place.
        sees: which of "retain" and "forget" may be looked at.
        progress: of the unlearning alone.
        watch: told now and then how the model is; the clock stands still meanwhile.
    """

    case: ForgetCase
    model: Classifier
    sees: frozenset[str]
    progress: Progress = quiet
    watch: Watch | None = None

    passes: Passes = field(default_factory=Passes)
    step: int = 0
    before: float = 0.0  # seconds of what can be had before anybody asks
    spent: float | None = None  # seconds, where they are not those of the clock
    paused: float = 0.0
    failed: int = -1
    note: str = ""  # what a person should know of the run
    held: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    marked: dict[str, Tensor] = field(default_factory=dict)  # True for weights that were chosen

    def __post_init__(self) -> None:
        self.data = RecordedData.of(self.case.data)
        self.rng = np.random.default_rng([self.case.seed, 21])
        self.extra = np.zeros(len(self.data), np.int64)  # looks by others on its behalf
        self.good = {
            name: tensor.clone() for name, tensor in self.model.network.state_dict().items()
        }
        self.hold(carried(self.model))

    @lazy
    def teacher(self) -> Classifier:
        """The original, as a copy to be asked."""
        return settled(own_copy(self.case.model))

    @property
    def retain(self) -> Rows:
        """Rows that stay."""
        return self.rows("retain")

    @property
    def forget(self) -> Rows:
        """Rows that are to be forgotten."""
        return self.rows("forget")

    def rows(self, part: str) -> Rows:
        """Rows of a part that may be looked at."""
        if part not in self.sees:
            raise RuntimeError(f"it must not see what it is to {part}")
        result: Rows = getattr(self.case.splits, part)
        return result

    def hold(self, masks: Mapping[str, Tensor]) -> None:
        """From now on, weights stay what they are where the mask is False."""
        weights = named_weights(self.model)
        for name, mask in masks.items():
            weight = weights[name]
            merged = mask.to(weight.device, torch.bool)
            if name in self.held:
                # moves only where every mask lets it: zeros of a pruned model stay under SalUn
                merged = merged & self.held[name][0]
            self.held[name] = merged, weight.detach().clone()

    @torch.no_grad()
    def put_back(self) -> None:
        """Put back the weights that are held, after a step that moved them."""
        weights = named_weights(self.model)
        for name, (mask, frozen_weight) in self.held.items():
            weights[name].copy_(torch.where(mask, weights[name], frozen_weight))

    def remember(self) -> None:
        """These weights gave numbers: they are the last good ones."""
        state = self.model.network.state_dict()
        for name, tensor in self.good.items():
            tensor.copy_(state[name])

    def go_back(self) -> None:
        """The last good weights again."""
        # buffers too: BatchNorm's statistics have followed the batches that blew up
        self.model.network.load_state_dict(self.good)

    def show(self) -> None:
        """Let whoever watches see the model as it is."""
        if self.watch is None:
            return
        start = clock.now(self.model)
        training = self.model.training
        self.model.eval()
        # whoever watches asks the model; that is no work of the request
        with counting_passes(None):
            self.watch(self.step, self.model)
        self.model.train(training)
        self.paused += clock.now(self.model) - start

    def part(self, start: float, end: float) -> Progress:
        """Progress of a part of the work; partial results of others are not handed on."""
        return part_of(self.progress, start, end)

    @property
    def seen(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """How often each image was looked at, (N,)."""
        return self.data.seen + self.extra


@dataclass(frozen=True)
class Unlearner(Method[ForgetCase], ABC):
    """Settings as fields, `change` as the unlearning.

    `short` names it in a table; `sees` says which images it may look at; `dial` is the setting that
    trades forgetting for keeping, with places along it.
    """

    family: ClassVar[str] = "unlearning"
    needs: ClassVar[frozenset[str]] = frozenset({"retraining"})
    revision: ClassVar[int] = 2
    short: ClassVar[str]
    sees: ClassVar[frozenset[str]] = frozenset({"retain", "forget"})
    dial: ClassVar[tuple[str, tuple[Any, ...]] | None] = None

    @property
    def label(self) -> str:
        """Its name in a table, with the settings that are not at their default."""
        settings = [f"{spec.metadata['label'].lower()} {value}" for spec, value in self.changed()]
        return f"{self.short} ({', '.join(settings)})" if settings else self.short

    @abstractmethod
    def change(self, work: UnlearningRun) -> None:
        """Make the copy forget, in place. Raises Diverged when a loss is no number any more."""

    def reference(self, case: ForgetCase, progress: Progress = quiet) -> ForgetCase:
        """The case whose retraining this is compared with: nearly always the same."""
        del progress
        return case

    def __call__(
        self, case: ForgetCase, progress: Progress = quiet, watch: Watch | None = None
    ) -> Result:
        """Unlearn.

        Views: model, a checkpoint; scores, shares of one model (see `metrics.figures`); run, what
        it cost, one row (failed_at is the step where it failed, −1 when it did not) and perhaps a
        note; seen, how often each image was looked at; mask, where an unlearner chose weights, the
        share of each parameter that it chose.
        """

        def working(done: float, words: str = "", partial: Result | None = None) -> None:
            del partial
            progress(MEASURING * done, words)

        work = UnlearningRun(case, own_copy(case.model), self.sees, working, watch)
        start = clock.now(work.model)
        work.show()
        try:
            with counting_passes(work.passes):
                self.change(work)
        except Diverged:
            work.failed = work.step
            work.go_back()
        seconds = clock.now(work.model) - start - work.paused
        settled(work.model)
        answers = sound(work)
        shares = figures(answers)
        views: dict[str, View] = {
            "model": checkpoint(work.model, self.card(work, shares)),
            "scores": Scores(np.array(list(shares.values())), tuple(shares), "share"),
            "run": bill(work, seconds),
            "seen": seen_by(work),
        }
        if work.marked:
            views["mask"] = densities(work)
        progress(1.0, "measured")
        return views

    def card(self, work: UnlearningRun, found: Mapping[str, float]) -> ModelCard:
        """The card of the new model."""
        case = work.case
        return card_of(
            work.model,
            title=f"forgot {case.request.words[:60]} · {self.short}",
            parent=case.model,
            made_by=self.full_name(),
            settings=self.settings(),
            data=case.data.name,
            recipe=case.recipe.as_dict(),
            seed=case.seed,
            figures={name: round(figure, 4) for name, figure in found.items() if isfinite(figure)},
        )


def sound(work: UnlearningRun) -> ModelAnswers:
    """The model's answers; where they are no numbers, those of the last model whose are."""
    # losses were finite before each step; nobody has looked at what the last step made
    answers = evaluate_model(work.model, work.case)
    if answers.finite:
        return answers
    work.failed = work.step
    work.go_back()
    answers = evaluate_model(work.model, work.case)
    if not answers.finite:
        # a finite loss in training mode does not promise finite answers in eval mode
        work.model.network.load_state_dict(work.case.model.network.state_dict())
        answers = evaluate_model(work.model, work.case)
    return answers


def bill(work: UnlearningRun, seconds: float) -> Table:
    """What it cost.

    Samples are training images that were looked at; forward and backward are passes of an image
    through the network, also those of a teacher or of an attack. The share of retraining is that of
    its passes, a backward one counted as two.
    """
    train = work.case.splits.train
    samples = int(work.seen[train].sum())
    retain_passes = len(work.case.splits.retain) * work.case.recipe.passes
    whole = Passes(retain_passes, retain_passes)
    return Table.of(
        {
            "seconds": ([seconds if work.spent is None else work.spent], "s"),
            "seconds before": ([work.before], "s"),
            "samples": ([samples], ""),
            "forward": ([work.passes.forward], ""),
            "backward": ([work.passes.backward], ""),
            "share of retraining": ([work.passes.work / whole.work], "share"),
            "steps": ([work.step], ""),
            "failed_at": ([work.failed], ""),
        },
        notes=[work.note],
    )


def densities(work: UnlearningRun) -> Table:
    """The share of each parameter that was chosen, by its name."""
    shares = [mask.float().mean().item() for mask in work.marked.values()]
    sizes = [mask.numel() for mask in work.marked.values()]
    columns = {"density": (shares, "share"), "weights": (sizes, "")}
    return Table.of(columns, tuple(work.marked))


def seen_by(work: UnlearningRun) -> Table:
    """Every training image: its id, whether it was to be forgotten, and how often it was seen."""
    train = work.case.splits.train
    return Table.of(
        {
            "id": (work.case.data.ids[train], ""),
            "forget": (np.isin(train, work.case.splits.forget).astype(np.uint8), ""),
            "seen": (work.seen[train], ""),
        }
    )
