"""What a training does to weights beside its recipe: masks, or a rule that changes with time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier
from engine.vision.training.masks import Masks, carried


class Scheduled(nn.Module):
    """What stands between a weight and the forward pass (a parametrization), and knows the time.

    `forward` takes the weight that the optimizer moves, and gives the one that the network uses;
    its gradient may be its own. All that it does must follow from the weight and the time, and it
    has no persistent buffers: then an interrupted training goes on to the same bits.
    """

    def at(self, done: float) -> None:
        """Called before each step, before validation and at the end.

        Args:
            done: share of the recipe's steps that are done, from 0 to 1.
        """


@dataclass(frozen=True)
class Regime:
    """A training's regime; a subclass is a frozen dataclass whose fields are part of its digest.

    Increase `revision` when the same fields mean another training.
    """

    revision: ClassVar[int] = 1

    def masks(self, model: Classifier, data: DataSet, seed: int) -> Masks:  # noqa: ARG002
        """Where weights of the untrained model stay 0 all along; those that it carries."""
        return carried(model)

    def parametrizations(self, model: Classifier) -> Mapping[str, Scheduled]:  # noqa: ARG002
        """What each weight goes through, by its name in the network.

        What a weight ends as is what the network used in the end. Zeros of it are kept as a mask.
        """
        return {}
