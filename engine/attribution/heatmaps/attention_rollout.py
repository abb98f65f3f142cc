"""Attention rollout: how much of each patch reaches the deciding token, layer after layer.

Â_l = A_l + I with rows made to add up to 1, where A_l is a layer's attention put together over
heads and I stands for the skip connection; R = Â_L … Â_2 Â_1, and the deciding token's row of R is
shown.

Abnar and Zuidema, "Quantifying Attention Flow in Transformers" (2020),
https://arxiv.org/abs/2005.00928
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.attribution.heatmaps.attention import attentions, lacks_grid, token_map
from engine.core.method import Case, Choice, Method, Progress, Slider, quiet, setting
from engine.core.result import Result
from engine.vision.case import ImageCase

JOINS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda attention: attention.mean(0),
    "max": lambda attention: attention.amax(0),
    "min": lambda attention: attention.amin(0),
}


@dataclass(frozen=True)
class AttentionRollout(Method[ImageCase]):
    """How much each patch could have contributed to the token that decides, by attention alone.

    The layers' attention is multiplied through, half of every token staying where it is. One unit
    is the share of one patch in the deciding token; with the tokens that are no patches, all
    shares add up to 1. The deciding token is the class token, or the mean of the patches in models
    without one. It does not depend on the class asked about and knows nothing of what the attended
    tokens say: attention is where the model could look, not why it decided.
    """

    name = "AttentionRollout"
    family = "attribution"
    title = "Attention rollout"
    cost = "live"
    paper = "Abnar & Zuidema 2020, https://arxiv.org/abs/2005.00928"
    needs = frozenset({"attention"})
    proof = (
        "tests/engine/attribution/test_attention_rollout.py"
        "::test_it_is_the_product_of_the_layers_written_out"
    )

    heads: str = setting(
        "mean",
        Choice(tuple(JOINS)),
        "Heads",
        "How the heads of a layer become one: their mean, the strongest or the weakest.",
    )
    discard: float = setting(
        0.0,
        Slider(0.0, 0.95, 0.05),
        "Discard",
        "Share of each token's weakest links that is left out before multiplying; 0 is the paper.",
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """No attention, or tokens that are no single grid."""
        return super().unmet(case) or lacks_grid(case)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in shares of the deciding token."""
        relation = rollout([self.joined(attention) for attention in attentions(case)])
        progress(1.0, "one forward pass")
        return {"map": token_map(relation, case, "share per patch")}

    def joined(self, attention: Tensor) -> Tensor:
        """One layer's attention (heads, N, N) as one matrix (N, N), weakest links left out."""
        links = JOINS[self.heads](attention)
        count = int(self.discard * links.shape[1])
        weakest = links.argsort(dim=1, stable=True)[:, :count]
        # the skip connection is added afterwards, so that no token ever loses itself
        return links.scatter(1, weakest, 0.0)


def rollout(layers: list[Tensor]) -> Tensor:
    """The product of the layers' matrices (N, N), each with the skip connection, last one first."""
    identity = torch.eye(len(layers[0]))
    relation = identity
    for links in layers:
        mixed = links + identity
        # for the mean over heads this halves; rows of max, min and discarded links have other sums
        relation = mixed / mixed.sum(1, keepdim=True) @ relation
    return relation
