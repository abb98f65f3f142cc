"""Views about a network: its weights, what they count for, how they were learned."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.core.result.view import Array, Floats, View, digest_arrays


@dataclass(frozen=True, eq=False)
class Checkpoint(View):
    """Weights that a method made, with where they came from."""

    weights: Mapping[str, Array]
    parent: str  # fingerprint of the model it was made from
    made_by: str  # family.name
    settings: str  # JSON
    card: str = "{}"  # JSON: what is needed to build the network again, see models.checkpoints
    masks: Mapping[str, Array] = field(default_factory=dict)  # by weight, one bit each, packed

    @property
    def digest(self) -> str:
        """A name made of the weights alone."""
        return digest_arrays(self.weights)


@dataclass(frozen=True, eq=False)
class Networks(View):
    """Weights of K networks of one form, such as one training with K seeds.

    Raises:
        ValueError: there is not one set of weights, or of masks, for each card.
    """

    weights: Mapping[str, Array]  # by name, (K, *shape)
    made_by: str  # family.name
    settings: str  # JSON
    cards: tuple[str, ...]  # JSON: of each, as a checkpoint has it
    masks: Mapping[str, Array] = field(default_factory=dict)  # (K, bytes): one bit a weight, packed

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind, arrays in {"weights": self.weights, "masks": self.masks}.items():
            if odd := [name for name, array in arrays.items() if len(array) != len(self.cards)]:
                count = len(arrays[odd[0]])
                raise ValueError(f"{len(self.cards)} networks have {count} {kind} {odd[0]!r}")

    def __len__(self) -> int:
        return len(self.cards)

    def __getitem__(self, place: int) -> Checkpoint:
        """One of the networks. Raises IndexError."""
        card = self.cards[place]
        weights = {name: array[place] for name, array in self.weights.items()}
        masks = {name: array[place] for name, array in self.masks.items()}
        parent = json.loads(card).get("parent", "")
        return Checkpoint(weights, parent, self.made_by, self.settings, card, masks)


@dataclass(frozen=True, eq=False)
class WeightScores(View):
    """How much each weight of a network counts: the higher, the longer it stays.

    `pooling` says how the scores of several weights become one for all of them: "l2", the root of
    the mean square; "sum"; or "mean".
    """

    values: Mapping[str, Floats]  # by the parameter's name, in its shape
    unit: str
    pooling: str


@dataclass(frozen=True, eq=False)
class TrainLog(View):
    """How a training went, one number for each epoch, (epochs done,); losses in nats.

    Training figures are of the images as they were shown: moved, mirrored or attacked, and before
    the step that they led to. Validation figures are of the plain images after the epoch, NaN
    where there are none. Accuracies are NaN where the objective knows no right answer.
    """

    train_loss: Floats
    train_accuracy: Floats
    validation_loss: Floats
    validation_accuracy: Floats
    seconds: Floats  # of training alone, for each epoch
    ids: NDArray[np.int64]  # of every image of the data set, (N,)
    shown: NDArray[np.int64]  # how often each was shown, (N,)
    epochs: int  # that were asked for

    @property
    def done(self) -> int:
        """Epochs that are over."""
        return len(self.train_loss)
