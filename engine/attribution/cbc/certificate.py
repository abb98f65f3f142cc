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
TINY = 0.9  # power of a type's least number: what is smaller may have been rounded to none
FARTHEST = 30.0  # times the largest σ, beyond which nothing is searched
MOST = 60.0  # exponents beyond which a component may be anything from unseen to wholly seen


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
        exponents = radius.reshape(-1, 1) / self.widths
        growth = exponents.clamp(max=MOST).exp()
        # e^(−distance / σ) is never above 1
        low, high = self.detections / growth, (self.at_most * growth).clamp(max=1)
        is_far = exponents > MOST
        return self.lead(torch.where(is_far, 0.0, low), torch.where(is_far, 1.0, high))

    def lead(self, low: Tensor, high: Tensor) -> Tensor:
        """The least lead (N, C) where each component is seen from low to high, (N, K) each."""
        # the worst case: what speaks for the answer seen least, what speaks against it most
        lead = self.gains.relu() * low[:, :, None] - (-self.gains).relu() * high[:, :, None]
        return self.others(lead.sum(1) + self.ahead)

    @property
    def at_most(self) -> Tensor:
        """The detections, where a number that was too small to be held is not taken for none."""
        return self.detections.clamp(min=torch.finfo(self.detections.dtype).tiny ** TINY)

    def others(self, values: Tensor) -> Tensor:
        """The same numbers (N, C), infinite at the answer itself."""
        return values.scatter(1, self.own[:, None], torch.inf)

    def closed_form(self) -> Tensor:
        """The radius over each class, (N, C): the paper's, with the smallest σ for all."""
        supporting = (self.gains.relu() * self.detections[:, :, None]).sum(1)
        opposing = ((-self.gains).relu() * self.at_most[:, :, None]).sum(1)
        ahead = self.ahead
        root = (ahead**2 + 4 * opposing * supporting).sqrt()
        # the positive root of N s² − b s − P = 0; for b < 0 in the form in which nothing cancels
        growth = torch.where(
            ahead >= 0, (ahead + root) / (2 * opposing), 2 * supporting / (root - ahead)
        )
        without_opposition = torch.where(
            supporting + ahead > 0, torch.inf, 1.0
        )  # 0 / 0: nothing speaks against
        growth = torch.where(growth.isnan(), without_opposition, growth)
        # a root below 1 would be a negative radius: the answer is not ahead as it is
        return self.others(self.widths.min() * growth.log().clamp(min=0))

    def own_widths(self) -> Tensor:
        """The radius (N,) where each component keeps its σ; infinite where no lead is lost."""
        far = float(FARTHEST * self.widths.max())
        low, high = torch.zeros_like(self.ahead[:, 0]), torch.full_like(self.ahead[:, 0], far)
        zeros = torch.zeros_like(self.detections)
        always_leads = self.lead(zeros, zeros + 1) > 0  # is seen; or nothing speaks against
        safe = (always_leads | self.closed_form().isinf()).all(1)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            holds = self.least(middle).amin(1) > 0
            low, high = torch.where(holds, middle, low), torch.where(holds, high, middle)
        # the lower end, at which the lead is known to hold
        return torch.where(safe, torch.inf, low)
