"""How far an image can change without changing the answer: a proof for the shallow form.

Where pixels move by at most r (Euclidean), no distance changes by more than r, and so
d_k e^(−r/σ_k) ≤ d_k' ≤ min(1, d_k e^(r/σ_k)). Scores are linear in the detections, so the lead of
a class over another one has a least value. Where that is above 0, the answer stays.

The closed form takes the smallest σ for all components, as the paper does: with P and N the sums
over components that speak for and against the answer, and b the difference of the offsets,
P/s − N s + b > 0 for s = e^(r/σ_min). `own_widths` lets each component keep its own σ and finds
the radius by halving an interval, which proves at least as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

HALVINGS = 50
FARTHEST = 30.0  # times the largest σ, beyond which nothing is searched
MOST = 60.0  # exponents beyond which nothing is left to tell


@dataclass(frozen=True)
class Leads:
    """How images' answers stand against all other classes.

    Args:
        detections: (N, K).
        gains: what a component adds to the lead over each class, (N, K, C).
        ahead: what is ahead without any component, (N, C).
        widths: σ, (K,).
        own: the answer of each image, (N,).
    """

    detections: Tensor
    gains: Tensor
    ahead: Tensor
    widths: Tensor
    own: Tensor

    @classmethod
    def of(
        cls, detections: Tensor, linear: tuple[Tensor, Tensor], widths: Tensor, own: Tensor
    ) -> Leads:
        """Those of answers (N,) of a head with weights (K, C) and offset (C,)."""
        weights, offset = linear
        gains = weights.T[own][:, :, None] - weights[None]
        return cls(detections, gains, offset[own][:, None] - offset, widths, own)

    def least(self, radius: Tensor) -> Tensor:
        """The least lead (N, C) within a radius, (N,) or one number; infinite over the answer."""
        grown = (radius.reshape(-1, 1) / self.widths).clamp(max=MOST).exp()
        low, high = self.detections / grown, (self.detections * grown).clamp(max=1)
        lead = self.gains.relu() * low[:, :, None] - (-self.gains).relu() * high[:, :, None]
        return self.others(lead.sum(1) + self.ahead)

    def others(self, values: Tensor) -> Tensor:
        """The same numbers (N, C), infinite at the answer itself."""
        return values.scatter(1, self.own[:, None], torch.inf)

    def closed_form(self) -> Tensor:
        """The radius over each class, (N, C): the paper's, with the smallest σ for all."""
        held = self.detections[:, :, None]
        speak, against = (self.gains.relu() * held).sum(1), ((-self.gains).relu() * held).sum(1)
        ahead = self.ahead
        root = (ahead**2 + 4 * against * speak).sqrt()
        growth = torch.where(ahead >= 0, (ahead + root) / (2 * against), 2 * speak / (root - ahead))
        nothing = torch.where(speak + ahead > 0, torch.inf, 1.0)  # 0 / 0: nothing speaks against
        growth = torch.where(growth.isnan(), nothing, growth)
        return self.others(self.widths.min() * growth.log().clamp(min=0))

    def own_widths(self) -> Tensor:
        """The radius (N,) where each component keeps its σ; infinite where no lead is lost."""
        far = float(FARTHEST * self.widths.max())
        low, high = torch.zeros_like(self.ahead[:, 0]), torch.full_like(self.ahead[:, 0], far)
        safe = self.least(high).amin(1) > 0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            holds = self.least(middle).amin(1) > 0
            low, high = torch.where(holds, middle, low), torch.where(holds, high, middle)
        return torch.where(safe, torch.inf, low)
