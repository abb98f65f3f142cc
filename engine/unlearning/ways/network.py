"""Copies of a network that may be changed, and the same network before it learned anything."""

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.small import NetworkShape, build
from engine.vision.models.threads import one_thread

Slopes = dict[str, Tensor]  # by the parameter's name, in its shape


def own_copy(model: Classifier) -> Classifier:
    """A copy in eval mode whose weights have gradients.

    Its memory format is always the same: sums are added in another order in another one, and the
    original's depends on whether anybody has asked it before.
    """
    twin = model.twin(paced=False)
    twin.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return twin.requires_grad_(requires_grad=True)


def settled(model: Classifier) -> Classifier:
    """A model of one's own as everybody gets one: eval mode, no gradients, nothing remembered."""
    model.eval().requires_grad_(requires_grad=False)
    for parameter in model.parameters():
        parameter.grad = None
    model.changed()
    return model


def untrained(model: Classifier, seed: int) -> Classifier:
    """The model's network with first weights from the seed; masks and normalization are kept.

    The normalization is that of all training images, the forgotten ones among them.
    """
    network = build(model.architecture, cast(NetworkShape, model.network.shape), seed)
    return Classifier(
        network,
        model.name,
        model.title,
        model.side,
        model.mean.flatten().tolist(),
        model.std.flatten().tolist(),
        model.labels,
        model.device,
        model.lineage,
        model.architecture,
        masks=model.masks,
    )


def named_weights(model: Classifier) -> dict[str, nn.Parameter]:
    """Every weight of the network by its name; a shared one once."""
    return dict(model.network.named_parameters())


def images_and_labels(model: Classifier, data: DataSet, rows: Rows) -> tuple[Tensor, Tensor]:
    """Images and labels of some rows on the model's device."""
    return data.pixels(rows).to(model.device), data.targets(rows).to(model.device)


def in_parts(rows: Rows, batch: int, rng: np.random.Generator) -> list[Rows]:
    """The rows in random order, in even parts of at most `batch`."""
    # even, so that no short last batch counts as much as a full one
    return np.array_split(rng.permutation(rows), max(1, -(-len(rows) // batch)))


def slopes(loss: Tensor, model: Classifier, *, keep: bool = False) -> Slopes:
    """The gradient of a loss with respect to every weight; 0 where it does not depend on one."""
    weights = named_weights(model)
    # not backward(): nothing is left in .grad that a later step might take for its own
    gradients = torch.autograd.grad(
        loss, list(weights.values()), retain_graph=keep, allow_unused=True
    )
    return {
        name: torch.zeros_like(weight) if gradient is None else gradient
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }


def mean_slopes(model: Classifier, data: DataSet, parts: Sequence[Rows]) -> Iterator[Slopes]:
    """The gradient of each part's mean cross-entropy, in the mode that the model is in."""
    for rows in parts:
        with one_thread(), torch.enable_grad():
            pixels, targets = images_and_labels(model, data, rows)
            gradients = slopes(F.cross_entropy(model(pixels), targets), model)
        yield gradients
