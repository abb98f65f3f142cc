"""From rows of a data set to the loss of a batch, in training and in validation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from engine.data import DataSet, Rows
from engine.errors import BlindspotError
from engine.models.classifier import Classifier
from engine.models.passes import counting_passes
from engine.result import Floats
from engine.training.figures import LOOK, outputs
from engine.training.hooks import Augmentation
from engine.training.images import altered, drawn
from engine.training.objective import Batch, Criterion, Objective
from engine.training.recipe import Recipe


class Losses(Protocol):
    """What the loop needs to know of what it trains."""

    @property
    def network(self) -> nn.Module:
        """What has the weights."""

    @property
    def data(self) -> DataSet:
        """Where images come from."""

    @property
    def recipe(self) -> Recipe:
        """How it is trained."""

    def parts(self, epoch: int) -> list[Rows]:
        """The rows of each batch of an epoch, in order; as many in every epoch."""

    def __call__(self, rows: Rows, place: tuple[int, int]) -> tuple[Tensor, float, float]:
        """Loss of a batch, the sum of its images' losses, and how many of them are right."""

    def validated(self) -> tuple[float, float]:
        """Mean loss and share of right answers on the plain validation images."""


@dataclass(frozen=True)
class BatchLoss:
    """The loss of batches of one training.

    Args:
        model: in training mode, with gradients.
        data: where images come from.
        rows: what is learned from.
        recipe: how they are moved, mirrored and attacked.
        seed: of their order and of what is done to them.
        objective: the loss.
        targets: of the whole data set, (len(data), …).
        weights: (len(data),), what each image's loss is multiplied with.
        second_view: what makes a second view of each image from the plain one.
        average: the model with averaged weights, for objectives that ask it.
    """

    model: Classifier
    data: DataSet
    rows: Rows
    recipe: Recipe
    seed: int
    objective: Objective
    targets: Tensor
    weights: Floats | None = None
    second_view: Augmentation | None = None
    average: Classifier | None = None

    @property
    def network(self) -> nn.Module:
        """What has the weights."""
        return self.model.network

    def parts(self, epoch: int) -> list[Rows]:
        """The rows of each batch of an epoch, in order."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        return np.array_split(order, math.ceil(len(order) / self.recipe.batch))

    def __call__(self, rows: Rows, place: tuple[int, int]) -> tuple[Tensor, float, float]:
        """Loss of a batch, the sum of its images' losses, and how many of them are right (or NaN).

        Raises:
            BlindspotError: outputs and targets, or weights and objective, do not fit together.
        """
        batch = self.batch(rows, place)
        if not isinstance(self.objective, Criterion):
            each = self.objective(self.model, batch)
            return self.weighed(each, rows), total(each, len(rows)), math.nan
        found = self.model(batch.pixels)
        each = self.objective.each(found, batch.targets)
        loss = self.weighed(each, rows)
        if self.weights is None and batch.targets.dim() > 1:
            loss = self.objective.loss(found, batch.targets)  # the same, its gradient rounded once
        return loss, total(each, len(rows)), self.objective.right(found, batch.targets)

    def batch(self, rows: Rows, place: tuple[int, int], *, plain: bool = False) -> Batch:
        """The images of some rows as the recipe has them shown, or as they are.

        Args:
            rows: of the data set.
            place: epoch and number of the batch, which random numbers come from.
            plain: whether the first view is the image itself.
        """
        device = self.model.device
        images = torch.from_numpy(self.data.images[rows] / np.float32(255)).to(device)
        targets = self.targets[torch.from_numpy(rows)].to(device)
        second = None
        if self.second_view is not None:
            second = self.second_view(images, drawn(self.seed, *place, 1)).expand(-1, 3, -1, -1)
        if not plain:
            images = altered(images, targets, self.model, self.recipe, drawn(self.seed, *place))
        return Batch(rows, images.expand(-1, 3, -1, -1), targets, second, self.average)

    def weighed(self, losses: Tensor, rows: Rows) -> Tensor:
        """The mean of a batch's losses, each times its image's weight."""
        if self.weights is None:
            return losses.mean()
        if losses.shape != rows.shape:
            raise BlindspotError("Weights need an objective that gives the loss of each image.")
        return (losses * torch.from_numpy(self.weights[rows]).to(losses)).mean()

    def validated(self) -> tuple[float, float]:
        """Mean loss and share of right answers on the plain validation images; NaN without any."""
        rows = self.data.rows("validation")
        if not len(rows):
            return math.nan, math.nan
        if not isinstance(self.objective, Criterion):
            return self.by_objective(rows), math.nan
        wanted = self.targets[torch.from_numpy(rows)]
        found = outputs(self.model, self.data, rows)
        right = self.objective.right(found, wanted) / len(rows)
        return self.objective.loss(found, wanted).item(), right

    def by_objective(self, rows: Rows) -> float:
        """The mean loss of plain images in eval mode, part by part."""
        self.model.eval()
        losses = 0.0
        try:
            with torch.no_grad(), counting_passes(None):
                for number, part in enumerate(np.array_split(rows, -(-len(rows) // LOOK))):
                    batch = self.batch(part, (0, number), plain=True)
                    losses += total(self.objective(self.model, batch), len(part))
        finally:
            self.model.train()
        return losses / len(rows)


def total(losses: Tensor, count: int) -> float:
    """The sum of a batch's losses; a single number counts for each of its images."""
    return losses.detach().expand(count).sum().item()
