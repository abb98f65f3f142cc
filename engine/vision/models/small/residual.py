"""ResNet-8: convolutions beside shortcuts."""

from torch import Tensor, nn

from engine.vision.models.small.shape import NetworkShape, enter


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1, self.act1 = nn.BatchNorm2d(outside), nn.ReLU()
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(outside), nn.ReLU()
        self.short = (
            nn.Identity()
            if stride == 1 and inside == outside
            else nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(N, outside, H / stride, W / stride)."""
        hidden = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(maps)))))
        return self.act2(hidden + self.short(maps))


class ResNet8(nn.Module):
    """A stem, three residual blocks and a linear head over the mean: eight layers deep."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        fine, middle, coarse = shape.wide(16), shape.wide(32), shape.wide(64)
        self.conv = nn.Conv2d(shape.channels, fine, 3, padding=1, bias=False)
        self.bn, self.act = nn.BatchNorm2d(fine), nn.ReLU()
        self.blocks = nn.Sequential(
            Residual(fine, fine, 1),
            Residual(fine, middle, 2),
            # images of 8 px would come down to maps of 2 × 2
            Residual(middle, coarse, 2 if shape.side > 8 else 1),
        )
        self.head = nn.Linear(coarse, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        maps = self.act(self.bn(self.conv(enter(images, self.shape))))
        return self.head(self.blocks(maps).mean((2, 3)))
