"""One contrast for four methods: what strong logits say beyond weak ones.

    z = a · strong − b · weak   where strong ≥ max(strong) + ln(cut), and −∞ elsewhere

Visual contrastive decoding and self-contrast have a = 1 + α and b = α on logits; DoLa has
a = b = 1 on log-probabilities; VASparse has a = 1 and b = η. They differ in how the weak logits
are made: from a noised image, from other experts, from an early layer, from fewer image tokens.
"""

from math import inf, log

import torch
from torch import Tensor


def plausible(strong: Tensor, cut: float) -> Tensor:
    """Which tokens may still be chosen, (…, V): a share of the best one's probability at least."""
    if cut <= 0:
        return torch.ones_like(strong, dtype=torch.bool)
    # p ≥ cut · max p in logits: both sides have the same normalizer
    return strong >= strong.amax(-1, keepdim=True) + log(cut)


def contrast_logits(strong: Tensor, weak: Tensor, a: float, b: float, cut: float) -> Tensor:
    """Contrasted logits (…, V).

    Args:
        strong: logits (…, V); the cut is made on these, before the contrast.
        weak: logits (…, V).
        a, b: factors of the two.
        cut: share of the best token's probability that another needs to stay; 0 keeps all.
    """
    # cut by the strong logits alone: in the contrast a word that both find unlikely could lead
    return (a * strong - b * weak).masked_fill(~plausible(strong, cut), -inf)
