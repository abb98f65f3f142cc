"""Networks that go straight through: an MLP and a LeNet."""

from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.models.small.shape import NARROW, NetworkShape, enter


class Mlp(nn.Module):
    """Two hidden layers; 784-256-256-10 for MNIST, 64-128-128-10 for the digits."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.wide(128 if shape.side < NARROW else 256)
        self.fc1, self.act1 = nn.Linear(shape.channels * shape.side**2, width), nn.ReLU()
        self.fc2, self.act2 = nn.Linear(width, width), nn.ReLU()
        self.head = nn.Linear(width, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        hidden = self.act1(self.fc1(enter(images, self.shape).flatten(1)))
        return self.head(self.act2(self.fc2(hidden)))


class LeNet(nn.Module):
    """Two convolutions with pooling and one hidden layer; small images keep their last map whole.

    Large images are averaged down to seven places a side before the hidden layer.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        small = shape.side < NARROW
        kernel = 3 if small else 5
        first, second, hidden = shape.wide(16), shape.wide(32), shape.wide(128)
        self.conv1 = nn.Conv2d(shape.channels, first, kernel, padding=kernel // 2)
        self.act1, self.pool1 = nn.ReLU(), nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(first, second, kernel, padding=kernel // 2)
        self.act2 = nn.ReLU()
        self.halve = not small
        self.places = min(shape.side // (2 if small else 4), 7)
        self.fc, self.act3 = nn.Linear(second * self.places**2, hidden), nn.ReLU()
        self.head = nn.Linear(hidden, shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        maps = self.pool1(self.act1(self.conv1(enter(images, self.shape))))
        maps = self.act2(self.conv2(maps))
        if self.halve:
            maps = F.max_pool2d(maps, 2)
        if maps.shape[-1] != self.places:
            maps = F.adaptive_avg_pool2d(maps, self.places)
        return self.head(self.act3(self.fc(maps.flatten(1))))
