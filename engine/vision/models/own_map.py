"""Models that have a map of their own: their score at every pixel, or a mask of what they look at.

A network has one when it has `own_maps`, images (N, 3, H, W) to (N, classes, H, W) scores or to
(N, 1, H, W) one mask for all classes, and `map_unit`, which says what a value is.
"""

from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from engine.core.borrow import borrowed
from engine.core.errors import BadModel
from engine.vision.models.classifier import Classifier
from engine.vision.models.small.gp import PooledMap


@runtime_checkable
class HasOwnMap(Protocol):
    """A network with a map of its own."""

    map_unit: ClassVar[str]

    def own_maps(self, images: Tensor) -> Tensor:
        """Scores (N, classes, H, W) or a mask (N, 1, H, W) of normalized images."""


def own_maps(model: Classifier, pixels: Tensor) -> Tensor:
    """The model's own maps of pixels (N, 3, side, side) in [0, 1], on the CPU, without gradients.

    Returns:
        (N, classes, side, side), or (N, 1, side, side) where it is a mask.

    Raises:
        BadModel: the model has no map of its own.
    """
    with borrowed(model) as net, torch.inference_mode():
        network = net.network
        if not isinstance(network, HasOwnMap):
            raise BadModel(f"{model.title} has no map of its own.")
        images = (pixels.to(model.device) - net.mean) / net.std
        return network.own_maps(images).float().cpu()


def own_peaks(model: Classifier, pixels: Tensor) -> tuple[Tensor, Tensor] | None:
    """Where each feature of a GP network has its maximum, which is all that its logits see.

    Args:
        model: any.
        pixels: one image, (3, side, side) in [0, 1].

    Returns:
        Rows and columns (features, 2), and what each adds to the logits, (features, classes), on
        the CPU; with the last layer's bias they are the logits. None for other networks.
    """
    with borrowed(model) as net, torch.inference_mode():
        network = net.network
        if not isinstance(network, PooledMap) or type(network).pooled is not PooledMap.pooled:
            return None
        images = (pixels[None].to(model.device) - net.mean) / net.std
        features = network.decoded(images)[0].float()
        highest, at = features.flatten(1).max(1)
        parts = network.head.weight.float() * highest
        places = torch.stack([at // features.shape[-1], at % features.shape[-1]], 1)
    return places.cpu(), parts.T.cpu()


def is_mask(model: Classifier) -> bool:
    """Whether the model's own map is one mask for all classes. Raises BadModel without a map."""
    if not isinstance(model.network, HasOwnMap):
        raise BadModel(f"{model.title} has no map of its own.")
    return model.network.map_unit != "logit"
