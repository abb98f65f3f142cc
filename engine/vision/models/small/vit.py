"""A vision transformer for small images."""

from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from engine.core.errors import BadModel
from engine.vision.models.small.shape import NetworkShape, enter

TOKENS = 12  # at most so many patches along a side
HEADS = 4


class SmallViT(VisionTransformer):
    """timm's vision transformer, four blocks of four heads, so that attention can be read."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__(
            img_size=shape.side,
            patch_size=patch(shape.side),
            in_chans=shape.channels,
            num_classes=shape.classes,
            embed_dim=HEADS * shape.wide(64 // HEADS),
            depth=4,
            num_heads=HEADS,
            mlp_ratio=2.0,
            weight_init="skip",  # they are drawn or loaded by who builds it
        )
        self.shape = shape

    def forward(self, images: Tensor) -> Tensor:  # type: ignore[override]  # timm's masks are not used
        """Logits (N, classes)."""
        return super().forward(enter(images, self.shape))


def patch(side: int) -> int:
    """The smallest patch of two pixels or more that parts the side into few enough tokens."""
    for size in range(2, side // 2 + 1):
        if side % size == 0 and side // size <= TOKENS:
            return size
    raise BadModel(f"A side of {side} pixels cannot be parted into patches for the small ViT.")
