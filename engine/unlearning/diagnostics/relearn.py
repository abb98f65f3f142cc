"""How soon it is all back: the forgotten images are learned again, step by step."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.case import ForgetCase
from engine.unlearning.diagnostics.base import MODELS_READY, Diagnostic, compared_models
from engine.unlearning.ways.descend import MOMENTUM
from engine.unlearning.ways.network import images_and_labels, in_parts, own_copy
from engine.vision.data import Rows
from engine.vision.models.classifier import Classifier
from engine.vision.training import Diverged, descend, outputs

WITHIN = 0.05  # of the way between the retrained model's loss and the original's


@dataclass(frozen=True)
class Relearn(Diagnostic):
    """The loss on the forgotten images while the models learn them again.

    A model that has only hidden them has them back sooner than one that never saw them. Relearnt
    is a loss within 5 % of the original's, measured on the way to it from the retrained model's;
    without a retrained model, a loss at most 5 % above the original's.
    """

    name = "Relearn"
    title = "Relearning"
    needs = frozenset({"gradient"})
    proof = "tests/engine/unlearning/test_diagnostics.py::test_the_original_is_relearnt_at_once"

    steps: int = setting(30, Slider(5, 200, 5), "Steps", "At most so many batches.")
    rate: float = setting(0.01, Slider(1e-4, 0.2, 1e-4, log=True), "Rate", "How far a step goes.")
    batch: int = setting(32, Slider(1, 256, 1, log=True), "Batch", "Images to a step.")

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: losses, mean over the forgotten images after each step; needed, the steps until
        it was relearnt (NaN where it was not), and the loss that counts as relearnt.
        """
        models = compared_models(case, progress)
        curves = {}
        for number, (name, model) in enumerate(models.items()):
            low, high = (
                MODELS_READY + (1 - MODELS_READY) * (number + offset) / len(models)
                for offset in (0, 1)
            )
            curves[name] = self.curve(model, case.case, part_of(progress, low, high, lead=name))
            progress(high, f"the {name} model learned again")
        start = curves["original"][0]
        retrained_loss = curves["retrained"][0] if "retrained" in curves else start
        # a retrained model with as low a loss as the original leaves no way to be measured along
        goal = start + WITHIN * max(retrained_loss - start, start)
        needed = [first_step(curve, goal) for curve in curves.values()]
        columns = {"step": (np.arange(self.steps + 1), "")}
        columns |= {name: (np.array(curve), "nat") for name, curve in curves.items()}
        return {
            "losses": Table.of(columns),
            "needed": Table.of(
                {"steps": (needed, ""), "goal": ([goal] * len(needed), "nat")}, tuple(models)
            ),
        }

    def curve(self, model: Classifier, case: ForgetCase, progress: Progress = quiet) -> list[float]:
        """The loss on the forgotten images before and after each step; NaN once it diverged."""
        model_copy = own_copy(model)
        # no decay: only the images are to move the weights
        optimizer = torch.optim.SGD(model_copy.parameters(), self.rate, momentum=MOMENTUM)
        evaluation_count = self.steps + 1

        def measured(step: int) -> float:
            return forget_loss(
                model_copy,
                case,
                part_of(progress, step / evaluation_count, (step + 1) / evaluation_count),
            )

        losses = [measured(0)]
        with suppress(Diverged):
            for step, _ in enumerate(descend(optimizer, self.losses(model_copy, case)), 1):
                losses.append(measured(step))
        return losses + [float("nan")] * (self.steps + 1 - len(losses))

    def losses(self, own: Classifier, case: ForgetCase) -> Iterator[Callable[[], Tensor]]:
        """The loss of each batch, as often around as there are steps."""

        def loss(rows: Rows) -> Tensor:
            pixels, targets = images_and_labels(own, case.data, rows)
            return F.cross_entropy(own(pixels), targets)

        rng = np.random.default_rng([case.seed, 32])
        waiting: list[Rows] = []
        for _ in range(self.steps):
            waiting = waiting or in_parts(case.splits.forget, self.batch, rng)
            yield partial(loss, waiting.pop())


def forget_loss(model: Classifier, case: ForgetCase, progress: Progress = quiet) -> float:
    """Mean cross-entropy on the forgotten images; norms keep their statistics throughout."""
    rows = case.splits.forget
    logits = outputs(model, case.data, rows, progress)
    return F.cross_entropy(logits, case.data.targets(rows)).item()


def first_step(curve: list[float], goal: float) -> float:
    """The first step at which the loss is as low as that; NaN where it never is."""
    return next((float(step) for step, loss in enumerate(curve) if loss <= goal), float("nan"))
