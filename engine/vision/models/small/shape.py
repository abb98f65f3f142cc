"""What a small network is built for, and how an image enters it."""

from dataclasses import dataclass

from torch import Tensor

USUAL_WIDTH, WIDTHS = 1.0, (0.25, 4.0)  # and between which a network can be built
NARROW = 16  # pixels: below this side an image is small, and kernels and widths are too


@dataclass(frozen=True)
class NetworkShape:
    """What a network is built for: channels that carry something (1 or 3), side, classes, width."""

    channels: int
    side: int
    classes: int
    width: float = USUAL_WIDTH  # times the usual number of channels and hidden units

    def wide(self, count: int) -> int:
        """So many channels or units at this width; one at least."""
        return max(1, round(count * self.width))


def enter(images: Tensor, shape: NetworkShape) -> Tensor:
    """(N, 3, H, W) as the network's own channels: gray is the mean."""
    return images.mean(1, keepdim=True) if shape.channels == 1 else images
