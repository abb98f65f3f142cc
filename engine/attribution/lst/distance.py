"""How far one image is from another, in [0, 1] pixels.

LPIPS, which the paper also gives, needs AlexNet's weights and so is left out: nothing here may
ask the network.
"""

from torch import Tensor


def rmse(images: Tensor, others: Tensor) -> Tensor:
    """Root of the mean squared difference of each pair, (B,)."""
    return (images - others).square().flatten(1).mean(1).sqrt()


def largest_change(image: Tensor, other: Tensor) -> float:
    """The largest difference of any value (L∞)."""
    return float((image - other).abs().max())
