"""What is kept of an answer's making: all that a page draws from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.vision.language.vlm import Prefix, StepOut

BEST = 8  # tokens of a step that are kept

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TopTokens:
    """The best few tokens of a step and their probabilities, best first, (BEST,) each."""

    tokens: NDArray[np.int64]
    shares: Floats

    @classmethod
    def of(cls, logits: Tensor) -> TopTokens:
        """From logits (V,)."""
        shares, tokens = logits.softmax(-1).topk(min(BEST, len(logits)))
        return cls(tokens.cpu().numpy(), shares.float().cpu().numpy())


@dataclass(frozen=True)
class Step:
    """One token of one answer.

    Args:
        token: what was taken.
        share: its probability under the scores that it was chosen from.
        entropy: of that distribution, nats.
        strong, weak, final: the best tokens of the model, of what was held against it, and of
            the scores.
        looks: attention to the image from the place where the token was chosen, (layers, heads,
            I); 0 for image tokens that had been dropped, and empty where none is shown.
        notes: what the strategy put on record.
    """

    token: int
    share: float
    entropy: float
    strong: TopTokens
    weak: TopTokens | None
    final: TopTokens
    looks: Floats
    notes: Mapping[str, Floats]


def looks(out: StepOut, prefix: Prefix) -> Tensor:
    """Attention of the last place to each of the image's tokens, (B, layers, heads, I).

    Args:
        out: attention (B, H, q, k) of every layer, or of none.
        prefix: where the image lies.
    """
    if not out.attention:
        return torch.zeros(len(out.logits), 0, 0, len(prefix.image))
    results = []
    for layer, shares in sorted(out.attention.items()):
        positions = out.cache.positions(layer)
        # by position: a thinned-out layer has fewer columns, and dropped tokens get 0
        match = positions[:, None, :] == prefix.image.to(positions)[None, :, None]  # (B, I, k)
        results.append(torch.einsum("bhk,bik->bhi", shares[:, :, -1], match.to(shares)))
    return torch.stack(results, 1)
