"""Noise made in rounds: a surrogate learns the noisy images, then noise makes them easier for it.

Both minimize the same error: the surrogate over its weights, the noise of each image over itself.
In a round the surrogate takes some optimizer steps in training mode on images with the noise they
have, in gray levels as it would be released, and augmented afterwards. Then the noise takes signed
steps with the surrogate fixed in eval mode. It ends when the surrogate is wrong on few enough of
the noisy images, or after all rounds. How many steps there will be is not known beforehand, so the
recipe's rate is held, and `descend` takes the steps.

Huang et al., "Unlearnable Examples: Making Personal Data Unexploitable" (2021),
https://arxiv.org/abs/2101.04898
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from math import nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Progress, Slider, quiet, setting
from engine.core.result import Table
from engine.unlearning.protection.local_masks import PixelMasks, overlap
from engine.unlearning.protection.protection import Levels, MadeNoise, Protection, protected, within
from engine.unlearning.protection.signed_steps import (
    SignedSteps,
    error_on,
    slope,
    step_setting,
    steps_setting,
)
from engine.vision.data import DataSet, Rows
from engine.vision.lab import TrainCase
from engine.vision.models.threads import one_thread
from engine.vision.training import cross_entropy, descend, fresh, outputs
from engine.vision.training.batch_loss import BatchLoss
from engine.vision.training.optimizer import optimizer

AT_A_TIME = 2**18  # pixels of images whose noise takes its steps together
LEARNED, MASKED = 0.2, 0.3  # shares of a round at which the surrogate and the masks are done


@dataclass(frozen=True)
class NoiseInRounds(Protection):
    """Noise that is made with a surrogate, the network of the case's recipe."""

    rounds: int = setting(
        15, Slider(1, 60, 1), "Rounds", "How often surrogate and noise take turns, at most."
    )
    batches: int = setting(
        30,
        Slider(1, 200, 1),
        "Steps of the surrogate",
        "Batches that it learns in each round; published are 10 of 512 images.",
    )
    steps: int = steps_setting(10)
    step: float = step_setting()
    stop: float = setting(
        0.0,
        Slider(0.0, 0.5, 0.01),
        "Stop at an error of",
        "It is over when the surrogate is "
        "wrong on fewer of the noisy training images; 0 takes all rounds. Published is 0.01.",
    )

    @property
    def by_class(self) -> bool:
        """Whether all images of a class have the same noise."""
        return False

    @abstractmethod
    def masks(self, loop: NoiseLoop) -> PixelMasks | None:
        """Where each training image may change in this round, (n, H, W); None is everywhere."""

    def noise(self, case: TrainCase, progress: Progress = quiet) -> Levels:
        """Noise of the training images, (n, C, H, W)."""
        return self.made(case, progress).levels

    def made(self, case: TrainCase, progress: Progress = quiet) -> MadeNoise:
        """The noise, the last masks, and what came of each round."""
        loop = NoiseLoop(self, case)
        for number in range(self.rounds if self.epsilon else 0):
            words = f"round {number + 1} of at most {self.rounds}"
            for share in loop.take_turns():
                progress((number + share) / self.rounds, words)
            if loop.errors[-1] < self.stop:
                break
        return MadeNoise(loop.levels(), loop.masks, {"rounds": loop.table()})


class NoiseLoop:
    """Surrogate and noise while they take turns.

    Args:
        method: the settings.
        case: data, recipe of the surrogate, and seed.

    Attributes:
        noise: (n, C, H, W) of the training images, values of [-1, 1].
        common: of each class, (classes, C, H, W), where its images have the same.
        masks: of the last round, (n, H, W); None where every pixel may change.
        errors: the surrogate's after each round, shares of the noisy training images.
    """

    def __init__(self, method: NoiseInRounds, case: TrainCase) -> None:
        self.method, self.data, self.seed = method, case.data, case.seed
        self.rows = case.data.rows("train")
        self.images = torch.from_numpy(case.data.images[self.rows] / np.float32(255))
        self.targets = case.data.targets(self.rows)
        self.noise = torch.zeros_like(self.images)
        self.common = self.noise.new_zeros(len(case.data.classes), *self.noise.shape[1:])
        self.masks: PixelMasks | None = None
        self.errors: list[float] = []
        self.overlaps: list[float] = []
        self.model = fresh(case.data, case.recipe, case.seed)
        self.loss = BatchLoss(
            self.model,
            case.data,
            self.rows,
            case.recipe,
            case.seed,
            cross_entropy,
            case.data.targets(),
        )
        self.optimizer = optimizer(self.model.network.parameters(), case.recipe)
        self.batches = (
            (rows, (epoch, number))
            for epoch in count()
            for number, rows in enumerate(self.loss.parts(epoch))
        )
        epsilon = method.epsilon / 255
        self.change = SignedSteps(epsilon, method.steps, method.step * epsilon)

    def take_turns(self) -> Iterator[float]:
        """One round; yields the share of it that is done."""
        self.learn()
        yield LEARNED
        before = self.masks
        with one_thread():
            self.masks = self.method.masks(self)
            yield MASKED
            for done in self.improve():
                yield MASKED + (1 - MASKED) * done
        if self.masks is not None:
            self.overlaps.append(nan if before is None else overlap(self.masks, before))
        self.errors.append(self.error())

    def learn(self) -> None:
        """The surrogate takes its steps, in training mode."""
        # augmented after the noise is on: whoever trains on released images cannot do otherwise
        loss = replace(self.loss, data=self.released())
        self.model.train().requires_grad_(requires_grad=True)
        batches = islice(self.batches, self.method.batches)
        for _ in descend(self.optimizer, (round_loss(loss, *batch) for batch in batches)):
            pass
        # noise is made in eval mode: with batch statistics images would weigh on each other
        self.model.eval().requires_grad_(requires_grad=False)

    def improve(self) -> Iterator[float]:
        """The noise takes its steps; yields the share of images that is done."""
        for done, places in self.parts():
            if self.method.by_class:
                self.noise[places] = self.cut(places)
            channel_mask = None
            if self.masks is not None:
                channel_mask = torch.from_numpy(self.masks[places])[:, None].to(self.model.device)
            images, noise = (
                part[places].to(self.model.device) for part in (self.images, self.noise)
            )
            loss = error_on(self.targets[places].to(self.model.device))
            # floating: a step may be shorter than a gray level, and rounding would swallow it
            noise = self.change(self.model, images, noise, loss, channel_mask).cpu()
            if self.method.by_class:
                self.share(noise, places)
            else:
                self.noise[places] = noise
            yield done
        if self.method.by_class:
            self.noise = self.cut(slice(None))

    def share(self, noise: Tensor, places: Rows) -> None:
        """Each class gets the mean of its images' new noise."""
        epsilon = self.method.epsilon / 255
        labels = self.targets[places]
        for label in labels.unique():
            # each image's noise was cut to its own room; the mean is cut again where it is put on
            self.common[label] = noise[labels == label].mean(0).clamp(-epsilon, epsilon)

    def cut(self, places: Rows | slice) -> Tensor:
        """The noise of their classes on some images, cut to what each has room for."""
        images = self.images[places]
        return (images + self.common[self.targets[places]]).clamp(0, 1) - images

    def slopes(self) -> Tensor:
        """The gradient of the surrogate's error at the noisy images, (n, C, H, W)."""
        result = torch.empty_like(self.images)
        for _, places in self.parts():
            # at the image with its noise, as SALM's mask has it: the clean one would give another
            noisy = (self.images[places] + self.noise[places]).to(self.model.device)
            loss = error_on(self.targets[places].to(self.model.device))
            result[places] = slope(self.model, noisy, loss).cpu()
        return result

    def parts(self) -> Iterator[tuple[float, Rows]]:
        """Places of some of the training images at a time, and the share done with each.

        Noise of a class is the mean over a batch of the recipe; otherwise no image hangs on others.
        """
        if self.method.by_class:
            # from rows of the data to places among the training images, which ascend
            parts = [np.searchsorted(self.rows, rows) for rows in self.loss.parts(len(self.errors))]
        else:
            pixels = len(self.rows) * self.images[0, 0].numel()
            parts = np.array_split(np.arange(len(self.rows)), -(-pixels // AT_A_TIME))
        for number, places in enumerate(parts, 1):
            yield number / len(parts), places

    def levels(self) -> Levels:
        """The noise in gray levels."""
        rounded = np.rint(255 * self.noise.numpy()).astype(np.int16)
        return within(rounded, self.data.images[self.rows], self.method.epsilon)

    def released(self) -> DataSet:
        """The data as they would be released now."""
        return protected(self.data, self.levels())

    def error(self) -> float:
        """The share of noisy training images on which the surrogate is wrong."""
        predictions = outputs(self.model, self.released(), self.rows).argmax(1)
        return (predictions != self.targets).double().mean().item()

    def table(self) -> Table:
        """A row for each round."""
        columns: dict[str, tuple[Any, str]] = {
            "round": (np.arange(1, len(self.errors) + 1), ""),
            "surrogate's error": (np.array(self.errors), "share"),
        }
        if self.masks is not None:
            columns["mask kept"] = np.array(self.overlaps), "share"
        return Table.of(columns)


def round_loss(loss: BatchLoss, rows: Rows, place: tuple[int, int]) -> Callable[[], Tensor]:
    """What computes the loss of one batch."""
    return lambda: loss(rows, place)[0]
