"""Several experts behind one first layer, and how their evidence is put together (TLC).

Each expert gives logits 30 · cosine. As evidence they make a Dirichlet with α = exp(l) + 1 and
S = Σ α, belief b = (α − 1) / S and vacuity u = K / S. Along the chain of experts the mass that is
left over shrinks by Dempster's rule, w ← w · u / (1 − C), where C is the conflict of an expert with
the one before it. The published chain takes the belief of that expert alone, not of all before it,
so it is exact for two experts and an approximation beyond.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.core.device import in_double
from engine.vision.models.small.shape import NARROW, NetworkShape, enter

SCALE = 30.0
ETA = 0.2  # how softly experts are weighed by what they leave over
ENGAGED = 0.54  # share of a batch's most that an expert must be left


class Expert(nn.Module):
    """What an expert has to itself: a convolution, a hidden layer and a cosine head."""

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        small = shape.side < NARROW
        self.conv = nn.Conv2d(16, 32, 3 if small else 5, padding=1 if small else 2)
        self.places = min(shape.side // (2 if small else 4), 7)
        self.fc = nn.Linear(32 * self.places**2, 128)
        self.ways = nn.Linear(128, shape.classes, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Logits (N, classes) in ±30."""
        pooled = F.adaptive_avg_pool2d(F.relu(self.conv(maps)), self.places)
        hidden = F.relu(self.fc(pooled.flatten(1)))
        return SCALE * F.normalize(hidden, dim=1) @ F.normalize(self.ways.weight, dim=1).T


class Experts(nn.Module):
    """A shared first layer and several experts; their logits are weighed and added up."""

    def __init__(self, shape: NetworkShape, count: int = 3) -> None:
        super().__init__()
        self.shape = shape
        kernel = 3 if shape.side < NARROW else 5
        self.first = nn.Conv2d(shape.channels, 16, kernel, padding=kernel // 2)
        self.experts = nn.ModuleList([Expert(shape) for _ in range(count)])

    def each(self, images: Tensor) -> list[Tensor]:
        """The logits of every expert, (N, classes) each."""
        maps = F.max_pool2d(F.relu(self.first(enter(images, self.shape))), 2)
        return [expert(maps) for expert in self.experts]

    def forward(self, images: Tensor) -> Tensor:
        """All experts' logits together, (N, classes), each image by itself."""
        logits = self.each(images)
        return together(logits, chain(logits).left, over="experts")


@dataclass(frozen=True, eq=False)
class EvidenceChain:
    """Of each expert: belief (N, K), vacuity (N,), conflict (N,); and what is left, (N,).

    `left` has one more: 1 before the first expert, and after the last one the uncertainty.
    """

    belief: Sequence[Tensor]
    vacuity: Sequence[Tensor]
    conflict: Sequence[Tensor]
    left: Sequence[Tensor]


@torch.no_grad()
def chain(logits: Sequence[Tensor]) -> EvidenceChain:
    """The evidence of experts, one after another, in double precision."""
    beliefs: list[Tensor] = []
    vacuities: list[Tensor] = []
    conflicts: list[Tensor] = []
    # e³⁰ is 10¹³: in float32 the + K below would be lost beside it
    double_logits = [in_double(logit) for logit in logits]
    left = [torch.ones_like(double_logits[0][:, 0])]
    for expert_logits in double_logits:
        evidence = expert_logits.exp()
        total = evidence.sum(1) + expert_logits.shape[1]
        belief, vacuity = evidence / total[:, None], expert_logits.shape[1] / total
        conflict = torch.zeros_like(vacuity)
        if beliefs:
            # Σ_{p≠q} b_p b_q with the expert before, as released, not with all before fused
            conflict = beliefs[-1].sum(1) * belief.sum(1) - (beliefs[-1] * belief).sum(1)
        beliefs.append(belief)
        vacuities.append(vacuity)
        conflicts.append(conflict)
        # Dempster's rule for the mass of the whole frame
        left.append(left[-1] * vacuity / (1 - conflict))
    return EvidenceChain(beliefs, vacuities, conflicts, left)


def together(logits: Sequence[Tensor], left: Sequence[Tensor], over: str) -> Tensor:
    """The weighed sum of experts' logits, (N, classes).

    Args:
        logits: of each expert, (N, classes).
        left: what is left before each, (N,), and more.
        over: "batch", as published: an expert's weights add up to 1 over the images, so that an
            image's answer depends on the others; or "experts", so that it does not.
    """
    weights = torch.stack([remainder / ETA for remainder in left[: len(logits)]])  # (experts, N)
    # an image alone in its batch would get 1 from every expert as published
    shares = weights.softmax(1 if over == "batch" else 0).to(logits[0])
    return sum(share[:, None] * logit for share, logit in zip(shares, logits, strict=True))


def engaged(left: Sequence[Tensor], least: float = ENGAGED) -> Tensor:
    """Which images still engage each expert, (experts, N): those with much left."""
    # by the batch's largest: what is left shrinks by powers of ten from expert to expert
    return torch.stack([remainder / remainder.max() > least for remainder in left[:-1]])
