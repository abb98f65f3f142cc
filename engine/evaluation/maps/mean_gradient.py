"""The mean gradient over many images, a batch at a time: what SmoothGrad and its kin share.

One batch of images and one running sum are all that is held, however many images there are.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from engine.core.method import Progress
from engine.vision.case import ImageCase

Draw = Callable[[int, Tensor], None]  # draws image number i into a (3, H, W) view


def mean_gradient(
    case: ImageCase, draw: Draw, weights: Tensor, progress: Progress, words: str
) -> Tensor:
    """Σ weightᵢ · ∂f/∂x at image i, (3, H, W).

    Args:
        case: gives model, target and batch size.
        draw: `draw(i, out)` fills `out` with image i; called once for each, in order.
        weights: (count,), one for each image.
        progress: told after each batch; may raise to cancel.
        words: what the progress says.
    """
    count = len(weights)
    total = torch.zeros_like(case.image)
    batch = min(case.model.pace("gradient").batch, count)
    buffer = torch.empty(batch, *case.image.shape)
    for start in range(0, count, len(buffer)):
        size = min(len(buffer), count - start)
        for place in range(size):
            draw(start + place, buffer[place])
        _, gradients = case.gradient(buffer[:size])
        # one by one: the order of the sum, and so its rounding, is the same for every batch size
        for weight, gradient in zip(weights[start : start + size], gradients, strict=True):
            total.addcmul_(gradient, weight)
        progress((start + size) / count, words)
    return total
