"""OM and DMM: the model is taught the logits of a model that never saw the images.

Where those come from is the difference: OM (oracle matching) is given the logits of a network that
was really trained without the images, DMM (datamodel matching) predicts them: the original's own
logits, plus what a datamodel says that they gain when the images go. Nothing is driven upwards, and
what is aimed at is a function, so that there is no moment at which to stop.

Georgiev et al., "Attribute-to-Delete" (2024), https://arxiv.org/abs/2410.23232. Adam, as many steps
and as many images that stay are what small networks here need.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Case, Progress, Slider, setting
from engine.unlearning.dmm.datamodel import networks_setting, ridge_setting, shift_of
from engine.unlearning.dmm.trainings import (
    PART,
    STAYS,
    logits_of,
    seconds_of,
    teachers,
    too_many_for,
    train_part,
)
from engine.unlearning.ways import clock
from engine.unlearning.ways.descend import rate_setting
from engine.unlearning.ways.network import in_parts, named_weights
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from engine.vision.data import Rows
from engine.vision.models.passes import counting_passes
from engine.vision.training import descend

WATCHED_STEPS = 20  # times at which whoever watches sees the model
TEACHERS = 100  # oracles among which the seed chooses
READY = 0.5  # share of the progress until the logits are known


@contextmanager
def before_the_request(work: UnlearningRun) -> Iterator[None]:
    """Neither the seconds nor the passes inside are those of the request."""
    start = clock.now(work.model)
    with counting_passes(None):
        yield
    work.paused += clock.now(work.model) - start


@dataclass(frozen=True)
class OutputMatching(Unlearner, ABC):
    """An unlearner that is taught logits, on what is to be forgotten and on some of what stays."""

    steps: int = setting(200, Slider(1, 1000, 1, log=True), "Steps", "Batches that it learns from.")
    rate: float = rate_setting(0.003)
    batch: int = setting(256, Slider(8, 512, 8, log=True), "Batch", "At most so many to a step.")
    retained: int = setting(
        12,
        Slider(1, 20, 1),
        "Retained",
        "How many times as many images of what stays as are to be forgotten it also sees in an "
        "epoch; others in each.",
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or too_many_for(case)

    @abstractmethod
    def targets(self, work: UnlearningRun, progress: Progress) -> Tensor:
        """The logits that are taught, of every image of the data, (images, classes)."""

    def change(self, work: UnlearningRun) -> None:
        """Learn the logits, in eval mode: the targets, too, were computed in eval mode."""
        targets = self.targets(work, work.part(0.0, READY)).to(work.model.device)
        optimizer = torch.optim.Adam(list(named_weights(work.model.eval()).values()), self.rate)
        for _ in descend(optimizer, self.losses(work, targets), before_step=work.remember):
            work.step += 1
            work.put_back()
            work.progress(READY + (1 - READY) * work.step / self.steps, f"step {work.step}")
            if work.step % max(1, self.steps // WATCHED_STEPS) == 0:
                work.show()

    def losses(self, work: UnlearningRun, targets: Tensor) -> Iterator[Callable[[], Tensor]]:
        """The loss of each batch: the mean square of what logits are off by."""

        def loss(rows: Rows) -> Tensor:
            pixels = work.data.pixels(rows).to(work.model.device)
            # on logits: probabilities saturate near 0 and 1, where a square has hardly a slope
            return F.mse_loss(work.model(pixels), targets[torch.from_numpy(rows)])

        waiting: list[Rows] = []
        for _ in range(self.steps):
            waiting = waiting or in_parts(self.epoch(work), self.batch, work.rng)
            yield partial(loss, waiting.pop())

    def epoch(self, work: UnlearningRun) -> Rows:
        """What is to be forgotten, and a fresh draw of what stays."""
        most = self.retained * len(work.forget)
        # forgotten images have targets like any other: nothing is driven away from anything
        return np.concatenate([work.forget, work.rng.permutation(work.retain)[:most]])


@dataclass(frozen=True)
class OracleMatching(OutputMatching):
    """The model is taught what a network says that was trained without the images.

    Whoever has such a network needs no unlearning: this is the best that matching can do, an upper
    bound for DMM, and no way to save a training. The oracle is another network than the retrained
    one of the scoreboard, and none of those by which KLoM judges or that make its noise; each seed
    has its own. Its training is billed as seconds before.
    """

    name = "OM"
    title = "Oracle matching"
    short = "OM"
    cost = "job"
    paper = "Georgiev et al. 2024, https://arxiv.org/abs/2410.23232"
    revision = 2  # oracles that KLoM does not use as its noise either
    dial = ("steps", (10, 30, 100, 200, 400))
    proof = (
        "tests/engine/unlearning/dmm/test_matching.py::test_om_comes_to_say_what_its_oracle_says"
    )

    def targets(self, work: UnlearningRun, progress: Progress) -> Tensor:
        """Those of the seed's oracle."""
        number = work.case.seed % TEACHERS
        with before_the_request(work):
            trained_part = train_part(work.case, STAYS, teachers(number // PART), progress)
        # the whole part was trained together; one of its networks is used
        work.before += seconds_of([trained_part]) / PART
        return torch.from_numpy(logits_of(trained_part)[number % PART].copy())


@dataclass(frozen=True)
class DatamodelMatching(OutputMatching):
    """The model is taught what a datamodel predicts that it would say without the images.

    A datamodel says what each training image adds to each output, learned from many networks of
    which each had half of the images. These are trained before anybody asks, once for all requests,
    and billed as seconds before. How well they predict is shown by DM-Direct; with few of them it
    may be little. A whole class is hardly predicted: each of these networks had half of it.
    """

    name = "DMM"
    title = "Datamodel matching"
    short = "DMM"
    cost = "job"
    paper = "Georgiev et al. 2024, https://arxiv.org/abs/2410.23232"
    dial = ("steps", (10, 30, 100, 200, 400))
    proof = (
        "tests/engine/unlearning/dmm/test_matching.py"
        "::test_dmm_is_taught_the_original_s_logits_and_what_the_datamodel_adds"
    )

    networks: int = networks_setting()
    ridge: float = ridge_setting()

    def targets(self, work: UnlearningRun, progress: Progress) -> Tensor:
        """The original's, plus what the datamodel says that they gain."""
        with before_the_request(work):
            logit_gain, seconds = shift_of(work.case, self.networks, self.ridge, progress)
        work.before += seconds
        targets = torch.from_numpy(logit_gain).float()
        rows = work.case.splits.train
        for part in np.array_split(rows, -(-len(rows) // self.batch)):
            with torch.no_grad():
                logits = work.teacher(work.data.pixels(part).to(work.model.device))
            # anchored at the model that is asked: the datamodel gives the difference alone
            targets[torch.from_numpy(part)] += logits.cpu()
        return targets
