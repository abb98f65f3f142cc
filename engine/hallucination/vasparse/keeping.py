"""What of a cache deserves to stay, and what soaks up attention: the formulas of `strategy.py`."""

import torch
from torch import Tensor

from engine.vision.language.vlm import ModelSpec


def saliency(sight: Tensor) -> Tensor:
    """P (n,): how much the tokens of a cache look at the image, as shares.

    Args:
        sight: each token's attention to the whole image, (n,).
    """
    return sight.softmax(-1)


def scores(shares: Tensor, sight: Tensor, visual: float) -> Tensor:
    """δ (n,): how much each token of a cache deserves to stay.

    Args:
        shares: the newest token's attention to each, (n,).
        sight: each token's attention to the whole image, (n,).
        visual: λ.
    """
    # shares are never negative, so no sign is lost in the square, as it would be of q · k
    return shares.square() + visual * saliency(sight)


def calibrated(shares: Tensor, text: Tensor, mean: Tensor, gamma: float, sink: float) -> Tensor:
    """Attention (…, n) with less for sinks, in its number type; each row adds up to 1.

    Args:
        shares: attention after softmax.
        text: which columns are text, (n,).
        mean: s, the mean share that each column got from those behind it, (n,).
        gamma: how much less the greatest sink gets.
        sink: τ, from which mean share a column is a sink.
    """
    sinks = text & (mean > sink)
    # the greatest sink loses the share γ, a lesser one less in proportion to its s
    less = torch.where(sinks, 1 - gamma * mean / mean[text].max(), 1.0)
    weighted = shares * less
    return (weighted / weighted.sum(-1, keepdim=True)).to(shares.dtype)


def recovered(shares: Tensor) -> Tensor:
    """The most attention that any so many tokens hold, (…, n), from the mean of rows (…, n)."""
    return shares.sort(-1, descending=True).values.cumsum(-1)


class Sums:
    """Attention that each column got so far, by layer and position, (L, context).

    Args:
        spec: of the model.
        device: where it computes.
    """

    def __init__(self, spec: ModelSpec, device: torch.device) -> None:
        shape = spec.layers, spec.context
        self.before, self.after, self.rows, self.sight = torch.zeros(4, *shape, device=device)

    def mean(self, layer: int, places: Tensor) -> Tensor:
        """s of these positions, (n,), as the model attends."""
        # a word that is being read was looked at by no row yet: 0, not 0 / 0
        return self.before[layer, places] / self.rows[layer, places].clamp(min=1)
