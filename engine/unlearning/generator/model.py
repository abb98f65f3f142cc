"""A generator: its network, its noise, and the classes that it can be asked for."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.device import best_device
from engine.core.errors import BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.result import digest_arrays
from engine.unlearning.generator.diffusion import NoiseSchedule
from engine.unlearning.generator.network import Denoiser
from engine.vision.data import DataSet, Rows


@dataclass(frozen=True, eq=False)
class ImageGenerator:
    """A class-conditional diffusion model of gray images.

    Args:
        network: gives the noise in an image.
        name: how a link or the command line calls it.
        title: how a person calls it.
        labels: a word for each class.
        noise: how much there is at which time.
        device: where it computes.
    """

    network: Denoiser
    name: str
    title: str
    labels: tuple[str, ...]
    noise: NoiseSchedule = field(default_factory=NoiseSchedule)
    device: torch.device = field(default_factory=best_device)

    def __post_init__(self) -> None:
        self.network.eval().requires_grad_(requires_grad=False).to(self.device)

    @lazy
    def fingerprint(self) -> str:
        """A digest of weights, size and noise, made once."""
        state: dict[str, Any] = {
            name: tensor.float().cpu().numpy() for name, tensor in self.network.state_dict().items()
        }
        return f"{digest_arrays(state)}-{self.side}-{self.noise}"

    @property
    def side(self) -> int:
        """Pixels a side."""
        return self.network.side

    def number(self, label: str) -> int:
        """Which class that is. Raises BlindspotError naming the known ones."""
        if label not in self.labels:
            class_list = ", ".join(self.labels[:20])
            raise BlindspotError(
                f"{self.title} draws no class {label[:40]!r}: choose {class_list}."
            )
        return self.labels.index(label)

    def other(self, network: Denoiser) -> ImageGenerator:
        """The same with another network's weights."""
        return replace(self, network=network)

    def own_network(self) -> Denoiser:
        """A copy of the network whose weights may be changed."""
        return copy.deepcopy(self.network).requires_grad_(requires_grad=True)

    def images(self, data: DataSet, rows: Rows) -> Tensor:
        """Images of a data set as it draws them: (n, 1, side, side) in [−1, 1], on its device."""
        gray = data.pixels(rows).mean(1, keepdim=True)
        if gray.shape[-1] != self.side or gray.shape[-2] != self.side:
            gray = F.interpolate(gray, (self.side, self.side), mode="area")
        return (2 * gray - 1).to(self.device)
