"""Sparsemax: the nearest point of the simplex, which unlike softmax has many zeros.

Martins and Astudillo, "From Softmax to Sparsemax" (2016), https://arxiv.org/abs/1602.02068
"""

import torch
from torch import Tensor


def sparsemax(scores: Tensor) -> Tensor:
    """The point p of the simplex with the least ‖p − z‖₂ for each row z of (…, M)."""
    # a shift of z only shifts τ; near 0 the sums below keep their digits
    shifted = scores - scores.amax(-1, keepdim=True)
    ordered = shifted.sort(-1, descending=True).values
    sums = ordered.cumsum(-1)
    ranks = torch.arange(1, scores.shape[-1] + 1, dtype=scores.dtype, device=scores.device)
    # k* = max{k : 1 + k z_k > Σ_{j≤k} z_j}, which holds up to k* and for no later k: so a count
    support = (1 + ranks * ordered > sums).sum(-1, keepdim=True)
    # τ such that what is left of the k* largest adds up to 1
    threshold = (sums.gather(-1, support - 1) - 1) / support
    return (shifted - threshold).clamp_min(0)
