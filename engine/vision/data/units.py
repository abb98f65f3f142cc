"""Model neurons in known groups, to test whether a method finds the groups.

Gabor units answer to one orientation wherever its stripes begin: the energy of a pair of filters.
On and off cells answer to a bright or a dark spot near the middle.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

SPOT, AROUND = 1.2, 2.4  # px, the two widths of an on or off cell
WAVE, ENVELOPE = 6.0, 3.5  # px, of a Gabor filter: from stripe to stripe, and its width


@dataclass(frozen=True, eq=False)
class Units:
    """Neurons and the group that each belongs to.

    Args:
        filters: (n, 2, side, side); two for energy, the second all zero for a plain cell.
        group: (n,), int64.
        energy: the length of the two answers; else the first answer, cut off at 0.
    """

    filters: Tensor
    group: Tensor
    energy: bool

    def __len__(self) -> int:
        return len(self.filters)

    def __call__(self, images: Tensor) -> Tensor:
        """The answers to images (B, side, side): (B, n). Differentiable."""
        answers = torch.einsum("bhw,nkhw->bnk", images, self.filters)
        if not self.energy:
            return answers[..., 0].relu()
        # a root has an infinite slope at 0
        return (answers.square().sum(-1) + 1e-12).sqrt()


def gabor_units(
    count: int = 60, orientations: int = 4, side: int = 18, noise: float = 0.1, seed: int = 0
) -> Units:
    """Units of some orientations, as many of each, with noise on their filters."""
    rng = np.random.default_rng([seed, 6])
    group = np.arange(count) % orientations
    at = np.arange(side) - (side - 1) / 2
    y, x = np.meshgrid(at, at, indexing="ij")
    filters = np.empty((count, 2, side, side))
    for unit in range(count):
        angle = np.pi * group[unit] / orientations
        down, right = rng.uniform(-1, 1, 2)
        along = (x - right) * np.cos(angle) + (y - down) * np.sin(angle)
        envelope = np.exp(-((x - right) ** 2 + (y - down) ** 2) / (2 * ENVELOPE**2))
        phase = 2 * np.pi * along / WAVE
        filters[unit] = envelope * np.cos(phase), envelope * np.sin(phase)
    return Units(noisy(filters, noise, rng), torch.from_numpy(group), energy=True)


def on_off_units(count: int = 42, side: int = 18, noise: float = 0.05, seed: int = 0) -> Units:
    """On cells and off cells, half and half, their centers a pixel or so from the middle."""
    rng = np.random.default_rng([seed, 7])
    group = np.arange(count) % 2
    at = np.arange(side) - (side - 1) / 2
    y, x = np.meshgrid(at, at, indexing="ij")
    filters = np.zeros((count, 2, side, side))
    for unit in range(count):
        center_y, center_x = rng.uniform(-1, 1, 2)
        away = (x - center_x) ** 2 + (y - center_y) ** 2
        center, surround = (np.exp(-away / (2 * width**2)) for width in (SPOT, AROUND))
        # both sum to 1, so that an even image gives no answer
        cell = center / center.sum() - surround / surround.sum()
        filters[unit, 0] = cell if group[unit] == 0 else -cell
    return Units(noisy(filters, noise, rng), torch.from_numpy(group), energy=False)


def noisy(filters: np.ndarray, noise: float, rng: np.random.Generator) -> Tensor:
    """Filters of unit length with noise of that length on each that is not empty."""
    length = np.sqrt((filters**2).sum((2, 3), keepdims=True))
    grain = rng.normal(size=filters.shape) / np.sqrt(filters[0, 0].size)
    noisy_filters = np.where(length > 0, filters / np.maximum(length, 1e-12) + noise * grain, 0)
    return torch.from_numpy(noisy_filters.astype(np.float32))
