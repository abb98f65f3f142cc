"""A network whose patches are the means of 4 × 4 pixels, and images of a few values."""

import numpy as np
import torch
from torch import nn

from engine.anomaly import FamiliarCase
from engine.vision.data import DataCard, DataSet
from tests import tiny

SIDE, CELL, GRID = 32, 4, 8


class Cells(nn.Module):
    """Its only map has the mean color of each cell, (3, 8, 8); then a head nobody needs."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AvgPool2d(CELL)
        self.fc = nn.Linear(3 * GRID * GRID, 2)

    def forward(self, images):
        return self.fc(self.pool(images).flatten(1))


class Rich(nn.Module):
    """The cells' colors through 24 random features."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Sequential(nn.AvgPool2d(CELL), nn.Conv2d(3, 24, 1), nn.ReLU()))
        self.fc = nn.Linear(24 * GRID * GRID, 2)

    def forward(self, images):
        return self.fc(self.body(images * 4 - 2).flatten(1))


def model(network=Cells):
    return tiny.classifier(tiny.random_weights(network(), scale=1.0), SIDE, "cells")


def images(count, seed=0, spread=40):
    """Smooth colors that differ from place to place, with noise of each image, (n, 3, 32, 32)."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(99).integers(60, 140, (3, GRID, GRID))
    noise = rng.integers(0, spread, (count, 3, GRID, GRID))
    return (base + noise).repeat(CELL, 2).repeat(CELL, 3).astype(np.uint8)


def data(pixels, fit=None, **truth):
    """Normal images, (n, 3, 32, 32): the first `fit` to learn from, half of them if not said."""
    fit = len(pixels) // 2 if fit is None else fit
    return DataSet(
        "cells",
        DataCard("Cells", "", "", ""),
        ("normal",),
        pixels,
        np.zeros(len(pixels), int),
        np.arange(len(pixels)) * 2,
        np.where(np.arange(len(pixels)) < fit, 0, 2).astype(np.uint8),
        truth,
    )


def case(normal, image, network=Cells, **rest):
    """An image (3, 32, 32) of bytes among normal ones."""
    pixels = torch.from_numpy((image / 255).astype(np.float32))
    return FamiliarCase(model(network), pixels, normal, **rest)


def with_lesion(image, at=(2, 5), size=2):
    """The image with bright red cells that no normal image has."""
    odd = image.copy()
    row, column = (place * CELL for place in at)
    odd[0, row : row + size * CELL, column : column + size * CELL] = 255
    return odd


def cells_of(pixels):
    """The patches of images (n, 3, 32, 32), (n, 3, 8, 8), by plain means."""
    scaled = np.asarray(pixels, np.float64) / 255
    return scaled.reshape(*scaled.shape[:2], GRID, CELL, GRID, CELL).mean((3, 5))
