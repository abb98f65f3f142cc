"""The upper level of BiP: scores of all weights, and the mask that keeps the largest of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import BlindspotError
from engine.core.result import Table
from engine.sparsity.masks.compare import ratio
from engine.vision.models.bits import Bits
from engine.vision.models.classifier import Classifier
from engine.vision.training.batch_loss import BatchLoss
from engine.vision.training.masks import unmasked_name
from engine.vision.weights.masks import Masks

MOMENTUM = 0.9  # of the scores
SAME = "IoU with the final mask"
FALLS = ((0.9, 0.01), (0.75, 0.1))  # from that share of the training on, this part of their rate


def hypergradient(
    by_mask: Tensor, by_weight: Tensor, signs: Tensor, strength: float, *, compat: bool = False
) -> Tensor:
    """dℓ by each score, straight through the mask and |s|: every argument is (n,).

    Args:
        by_mask: θ⊙g, the gradient of the loss by the mask.
        by_weight: m⊙g, that by the weights.
        signs: of the scores.
        strength: 1/γ.
        compat: the term as released: −strength (θ⊙g)², and not turned by the score's sign.
    """
    if compat:
        return signs * by_mask - strength * by_mask.square()
    return signs * (by_mask - strength * by_weight.square())  # m is 0 or 1: g⊙(m⊙g) = (m⊙g)²


@dataclass
class MaskSearch:
    """The hook of a training that takes a step on the scores after every `lower` on the weights.

    Args:
        losses: of the second batches.
        every: all prunable weights of the model.
        keep: how many stay.
        rate: of the scores, at first.
        strength: 1/γ of the implicit term; None for the accelerated variant without it.
        lower: steps on the weights to one on the scores.
        compat: the term as released.

    Raises:
        BlindspotError: fewer weights stay than there are layers.
    """

    losses: BatchLoss
    every: Masks
    keep: int
    rate: float
    strength: float | None = None
    lower: int = 1
    compat: bool = False
    done: int = 0  # steps on the weights
    history: list[Bits] = field(default_factory=list)  # the mask at first, and at each epoch's end

    def __post_init__(self) -> None:
        network = self.losses.network
        layers = len(self.every.parts)
        if self.keep < layers:
            raise BlindspotError(
                f"{self.keep} weights are too few for {layers} layers, each of which needs one: "
                "keep more."
            )
        weights = [network.get_parameter(part.name).detach() for part in self.every.parts]
        # a copy: as released, scores share the weights' memory, and the mask is that of largest |θ|
        self.scores = flat_vector(weights).clone()
        self.speed, self.mask = torch.zeros_like(self.scores), torch.ones_like(self.scores)
        rows = self.mask.split([part.size for part in self.every.parts])
        self.masks = {
            part.name: row.view(part.shape)
            for part, row in zip(self.every.parts, rows, strict=True)
        }  # views of `mask`, which the training follows
        self.batches = len(self.losses.parts(0))
        self.choose()
        self.note()

    def __call__(self, model: Classifier, rate: float) -> None:  # noqa: ARG002 - a hook has both
        """Count a step on the weights; after the last of `lower`, take one on the scores."""
        self.done += 1
        if self.done % self.lower == 0:
            # torch's SGD with momentum, without the released decay of scores
            self.speed.mul_(MOMENTUM).add_(self.slope(model))
            share = self.done / (self.batches * self.losses.recipe.epochs)
            part = next((part for start, part in FALLS if share > start), 1.0)
            self.scores.sub_(self.rate * part * self.speed)
            self.choose()
        if self.done % self.batches == 0:
            self.note()

    def slope(self, model: Classifier) -> Tensor:
        """The gradient by the scores from the second batch; BatchNorm's averages stay."""
        epoch, batch = divmod(self.done - 1, self.batches)
        masks, network = [*self.masks.values()], model.network
        weights = {unmasked_name(name): weight for name, weight in network.named_parameters()}
        penalized = [] if self.strength is None else [weights[name] for name in self.masks]
        # only steps on the weights count statistics, so that each image counts once an epoch
        averages = [(buffer, buffer.clone()) for buffer in network.buffers()]
        for mask in masks:
            mask.requires_grad = True
        try:
            with torch.enable_grad():
                loss, _, _ = self.losses(self.losses.parts(epoch)[batch], (epoch, batch))
                # the network sees m ⊙ θ: by m this is θ ⊙ g, by θ it is m ⊙ g, in one pass
                gradients = torch.autograd.grad(loss, [*masks, *penalized])
        finally:
            for mask in masks:
                mask.requires_grad = False
            for average, before in averages:
                average.copy_(before)
        # straight through the choice, then through |s|: its slope is the sign
        by_mask, signs = flat_vector(gradients[: len(masks)]), self.scores.sign()
        if self.strength is None:
            return signs * by_mask
        by_weight = flat_vector(gradients[len(masks) :])
        return hypergradient(by_mask, by_weight, signs, self.strength, compat=self.compat)

    def choose(self) -> None:
        """The mask of the largest |s|, exactly `keep` of them; of equal ones the last stay.

        Where a layer would be left without a weight its largest stays, and the smallest of what is
        kept elsewhere goes.
        """
        order = torch.sort(self.scores.abs(), stable=True).indices
        self.mask.zero_()
        self.mask[order[len(order) - self.keep :]] = 1
        if not all(mask.any() for mask in self.masks.values()):
            # a layer that keeps any keeps its largest: forcing all changes the empty ones only
            largest = self.largest()
            others = order[~torch.isin(order, largest)]
            self.mask.zero_()
            # `others` lacks one weight a layer: with the largest, exactly `keep` are on
            self.mask[torch.cat([others[len(order) - self.keep :], largest])] = 1

    def largest(self) -> Tensor:
        """The place of the largest |s| of each layer, (layers,); of equal ones the last."""
        sizes = self.scores.abs().split([part.size for part in self.every.parts])
        starts = np.cumsum([0, *(len(size) for size in sizes[:-1])]).tolist()
        places = [torch.sort(size, stable=True).indices[-1] for size in sizes]
        return torch.stack([place + start for place, start in zip(places, starts, strict=True)])

    def note(self) -> None:
        """Remember the mask of this moment."""
        self.history.append(self.mask.bool().cpu().numpy())

    def at(self, epoch: int) -> Masks:
        """The mask at the end of an epoch: 0 for the one it began with, −1 for the last."""
        return replace(self.every, flat=self.history[epoch].copy())

    def memory(self) -> dict[str, Tensor]:
        """Scores, their speed, the masks so far, and the place."""
        history, done = torch.from_numpy(np.stack(self.history)), torch.tensor(self.done)
        return {"scores": self.scores, "speed": self.speed, "history": history, "done": done}

    def recall(self, memory: dict[str, Tensor]) -> None:
        self.scores.copy_(memory["scores"])
        self.speed.copy_(memory["speed"])
        self.history, self.done = [*memory["history"].numpy()], int(memory["done"])
        self.choose()


def flat_vector(tensors: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    """All of them one after another, flat."""
    return torch.cat([tensor.flatten() for tensor in tensors])


def kept_of(total: int, share: float) -> int:
    """How many of so many weights stay: n − int((1 − k) n), as the released code counts."""
    # int() cuts off: rounding would differ from the released count by one
    return total - int((1 - share) * total)


def churn(search: MaskSearch) -> Table:
    """For each epoch the share of weights whose bit flipped, and the IoU with the final mask.

    The first row is the mask that it began with.
    """
    bits = np.stack(search.history)
    flipped = np.mean(bits ^ np.concatenate([bits[:1], bits[:-1]]), 1)
    iou = [ratio(float((bit & bits[-1]).sum()), float((bit | bits[-1]).sum())) for bit in bits]
    rows = ("start", *(f"epoch {epoch}" for epoch in range(1, len(bits))))
    return Table.of({"flipped": (flipped, "share"), SAME: (np.array(iou), "share")}, rows)
