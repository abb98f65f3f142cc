"""How far two networks are apart, and the loss between them.

A network between two trained ones has weights that no training made. Its BatchNorm statistics would
be those of neither, so they are counted anew from training images for each (Frankle et al., "Linear
Mode Connectivity and the Lottery Ticket Hypothesis" 2020, https://arxiv.org/abs/1912.05671).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.core.result import Field, Points
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.passes import counting_passes
from engine.vision.models.threads import one_thread
from engine.vision.training import outputs
from engine.vision.training.figures import LOOK
from engine.vision.weights.masks import Masks

ALPHAS = 30  # networks on the line between two, its ends among them
MARGIN = 0.25  # of the plane around its three networks, in their span
STATISTICS = 200  # training images that BatchNorm's statistics are counted from
FLAT = 1e-6  # of the first direction's length: what is left of a second one that is none

Weights = Mapping[str, Tensor]
Doubles = NDArray[np.float64]


def kept_entries(weights: Weights, masks: Masks) -> Tensor:
    """The weights that a mask keeps, one after another, as float64 on the CPU."""
    return torch.cat([weights[p.name].cpu().double()[masks[p.name]] for p in masks.parts])


def distance_and_angle(first: Weights, second: Weights, masks: Masks) -> tuple[float, float]:
    """Distance and angle in degrees over the kept entries only; both 0 exactly of equal weights."""
    a, b = kept_entries(first, masks), kept_entries(second, masks)
    u, v = (F.normalize(vector, dim=0) for vector in (a, b))
    # Kahan's formula: arccos(u·v) keeps half of the digits near 0, where tickets lie close together
    angle = 2 * torch.atan2((u - v).norm(), (u + v).norm())
    return (a - b).norm().item(), torch.rad2deg(angle).item()


@dataclass(frozen=True)
class Surroundings:
    """Loss and error of networks of one form with other weights.

    Args:
        model: whose form they have; its weights are changed.
        data: the images.
        rows: those they are asked about.
    """

    model: Classifier
    data: DataSet
    rows: Rows

    def at(self, weights: Weights) -> tuple[float, float]:
        """Mean loss in nats and share of wrong answers; BatchNorm's statistics are made anew."""
        with torch.no_grad():
            for name, parameter in self.model.network.named_parameters():
                parameter.copy_(weights[name])
        count_statistics(self.model, self.data)
        logits, labels = outputs(self.model, self.data, self.rows), self.data.targets(self.rows)
        wrong = (logits.argmax(1) != labels).float().mean().item()
        return F.cross_entropy(logits, labels).item(), wrong

    def line(self, first: Weights, second: Weights) -> Doubles:
        """Loss and error at each α, (ALPHAS, 2): at α = 0 those of one, at 1 of the other."""
        names = [name for name, _ in self.model.network.named_parameters()]
        return np.array(
            [
                self.at({name: torch.lerp(first[name], second[name], alpha) for name in names})
                for alpha in np.linspace(0, 1, ALPHAS).tolist()
            ]
        )

    def plane(
        self, start: Weights, corner: Weights, other: Weights, nodes: int
    ) -> dict[str, Field | Points]:
        """The loss on the plane through three networks; nothing where they lie on a line.

        Gram and Schmidt's axes: the first leads from start to one, the second is what of the way to
        the other is at right angles to it; both in units of weights, with so many nodes each.

        Views: plane; arms, the ways from one to start and to the other; way, the line between.
        """
        origin, first, second = (self.flat(weights) for weights in (start, corner, other))
        first, second = first - origin, second - origin
        along = first.norm().item()
        across = first / max(along, 1e-12)
        at = torch.dot(second, across).item()
        upward = second - at * across
        height = upward.norm().item()
        # below this, what is left of the second direction is rounding
        if height <= FLAT * along or not along:
            return {}
        upward /= height
        x, y = axis(nodes, 0.0, along, at), axis(nodes, 0.0, height)
        losses = [[self.loss(origin + u * across + v * upward) for u in x] for v in y]
        labels = ("toward the first order's ticket", "toward the second order's ticket")
        ends = np.array([[along, 0.0], [0.0, 0.0], [at, height]], np.float32)
        alphas = np.linspace(0, 1, ALPHAS, dtype=np.float32)[:, None]
        way = (1 - alphas) * ends[0] + alphas * ends[2]
        return {
            "plane": Field(np.array(losses, np.float32), x, y, *labels, "nat"),
            "arms": Points(ends, self.losses((corner, start, other)), *labels, "nat"),
            "way": Points(way, self.line(corner, other)[:, 0].astype(np.float32), *labels, "nat"),
        }

    def flat(self, weights: Weights) -> Tensor:
        """All parameters in a row, float64."""
        names = [name for name, _ in self.model.network.named_parameters()]
        return torch.cat([weights[name].cpu().double().ravel() for name in names])

    def loss(self, row: Tensor) -> float:
        """The loss of the parameters in a row."""
        parameters = dict(self.model.network.named_parameters())
        split = row.split([parameter.numel() for parameter in parameters.values()])
        shaped = {k: v.view_as(parameters[k]) for k, v in zip(parameters, split, strict=True)}
        return self.at(shaped)[0]

    def losses(self, networks: Sequence[Weights]) -> NDArray[np.float32]:
        return np.array([self.at(weights)[0] for weights in networks], np.float32)


def barrier(errors: Doubles) -> float:
    """How far the error rises between two networks: max over α, less the mean of the ends."""
    # max over α of E(α) − mean of the ends; both ends are among the α, so it is at least 0
    return float(errors.max() - (errors[0] + errors[-1]) / 2)


def count_statistics(model: Classifier, data: DataSet) -> None:
    """Count BatchNorm's statistics anew, the mean over some training images, and nothing else."""
    norms = [module for module in model.network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    rows = data.some("train", STATISTICS)
    with torch.no_grad(), one_thread(), counting_passes(None):
        # nearly equal parts: each batch weighs the same in the cumulative mean
        for part in np.array_split(rows, -(-len(rows) // LOOK)):
            model(data.pixels(part).to(model.device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def axis(nodes: int, *places: float) -> NDArray[np.float32]:
    """So many nodes of an axis on which the places lie, with a margin."""
    low, high = min(places), max(places)
    padding = MARGIN * (high - low)
    return np.linspace(low - padding, high + padding, nodes, dtype=np.float32)
