"""COMET: a classifier that sees only what its own mask keeps, while a detector watches the rest.

A selector makes a mask m of the image, and the predictor sees m · x. A detector, which learned
whole images before and is changed no more, sees the rest, (1 − m) · x. Images are normalized, so
that what is taken away has the data's mean color. In training the detector must find nothing in
the rest: so the mask keeps all the evidence and not only enough of it
(`engine.vision.training.comet`).

Zhang et al., "Comprehensive Attribution: Inherently Explainable Vision Model with Feature Detector"
(ECCV 2024), https://arxiv.org/abs/2407.19308
"""

from typing import ClassVar, Self

from torch import Tensor, nn

from engine.vision.models.small.phantom import SceneCnn
from engine.vision.models.small.shape import NetworkShape, enter
from engine.vision.models.small.unet import UNet

SHARE_KEPT = "share kept"


class Comet(nn.Module):
    """Selector, predictor and detector.

    The detector is always in evaluation mode: in the published loop its BatchNorm, which follows
    the mode of the whole, drifts although its weights are frozen.
    """

    map_unit: ClassVar[str] = SHARE_KEPT
    unfolded: ClassVar[tuple[str, ...]] = ("predictor",)  # whose layers are maps of what is kept
    watched: ClassVar[bool] = True  # whether the detector has a say in training

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        self.detector = SceneCnn(shape)
        self.selector = UNet(NetworkShape(shape.channels, shape.side, 1, shape.width))
        self.predictor = SceneCnn(shape)  # the last, since the model's head is its

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of what the mask keeps."""
        return self.predictor(self.split(images)[1])

    def split(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The mask (N, 1, H, W), what it keeps of the images and what it takes away."""
        pixels = enter(images, self.shape)
        mask = self.own_maps(pixels)
        return mask, mask * pixels, (1 - mask) * pixels

    def own_maps(self, images: Tensor) -> Tensor:
        """The mask, (N, 1, H, W): how much of each pixel is kept, from 0 to 1."""
        return self.selector.own_maps(images).sigmoid()

    def train(self, mode: bool = True) -> Self:
        """Selector and predictor only."""
        super().train(mode)
        self.detector.eval()
        return self


class SelectorOnly(Comet):
    """The same without a word from the detector: a mask that keeps enough to be right."""

    watched = False
