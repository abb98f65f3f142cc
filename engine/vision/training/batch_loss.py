"""From rows of a data set to the loss of a batch, in training and in validation."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from engine.core.errors import BlindspotError
from engine.core.result import Floats
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.passes import counting_passes
from engine.vision.training.figures import LOOK
from engine.vision.training.figures import outputs as outputs_of
from engine.vision.training.hooks import Augmentation
from engine.vision.training.images import altered, batch_generator
from engine.vision.training.objective import Batch, Criterion, Objective
from engine.vision.training.recipe import Recipe


class Losses(Protocol):
    """What the loop asks of whatever it trains: one network or several at once."""

    @property
    def network(self) -> nn.Module:
        """The network whose weights are trained."""

    @property
    def data(self) -> DataSet:
        """The images."""

    @property
    def recipe(self) -> Recipe:
        """Epochs, batches, rates and augmentation."""

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
        data: the images.
        rows: those that are learned from.
        recipe: how they are augmented and attacked.
        seed: of their order, their augmentation and attacks.
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
        """The network whose weights are trained."""
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
            losses = self.objective(self.model, batch)
            return self.weighed(losses, rows), total(losses, len(rows)), math.nan
        outputs = self.model(batch.pixels)
        losses = self.objective.each(outputs, batch.targets)
        loss = self.weighed(losses, rows)
        if self.weights is None and batch.targets.dim() > 1:
            loss = self.objective.loss(outputs, batch.targets)  # rounds its gradient only once
        return loss, total(losses, len(rows)), self.objective.right(outputs, batch.targets)

    def batch(self, rows: Rows, place: tuple[int, int], *, plain: bool = False) -> Batch:
        """Images and targets of some rows.

        Args:
            rows: of the data set.
            place: epoch and number of the batch; with the seed, they determine the augmentation.
            plain: whether `pixels` are the images without augmentation.
        """
        device = self.model.device
        # np.float32: bytes over a plain 255 become float64
        images = torch.from_numpy(self.data.images[rows] / np.float32(255)).to(device)
        targets = self.targets[torch.from_numpy(rows)].to(device)
        second = None
        if self.second_view is not None:
            # a stream of its own; 1, since a 0 at the end would hash to that of the first view
            second = self.second_view(images, batch_generator(self.seed, *place, 1)).expand(
                -1, 3, -1, -1
            )
        if not plain:
            images = altered(
                images, targets, self.model, self.recipe, batch_generator(self.seed, *place)
            )
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
        targets = self.targets[torch.from_numpy(rows)]
        outputs = outputs_of(self.model, self.data, rows)
        accuracy = self.objective.right(outputs, targets) / len(rows)
        return self.objective.loss(outputs, targets).item(), accuracy

    def by_objective(self, rows: Rows) -> float:
        """The objective's mean over images without augmentation, in eval mode."""
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
