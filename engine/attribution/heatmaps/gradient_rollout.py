"""Gradient-weighted rollout: attention counts where more of it would raise the score.

Ā_l = mean over heads of (∂f/∂A_l ⊙ A_l)⁺ and R ← R + Ā_l R from R = I, first layer to last; the
deciding token's row of R − I is shown. This is the rule for self-attention of

Chefer, Gur and Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and
Encoder-Decoder Transformers" (2021), https://arxiv.org/abs/2103.15679
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.attribution.heatmaps.attention import attentions_and_gradients, lacks_grid, token_map
from engine.core.method import Case, Method, Progress, quiet
from engine.core.result import Result
from engine.vision.case import ImageCase


@dataclass(frozen=True)
class GradientRollout(Method[ImageCase]):
    """Which patches the class's score rests on, by attention that would raise it.

    Each layer's attention is multiplied by its slope, falling slopes are left out, and what
    remains is passed on from layer to layer to the token that decides: the class token, or the
    mean of the patches in models without one. Unlike plain rollout it depends on the class. The
    values have no unit of their own: they grow with the slopes, so compare places within
    one picture. What speaks against the class is not shown.
    """

    name = "GradientRollout"
    family = "attribution"
    title = "Gradient-weighted rollout"
    cost = "live"
    paper = "Chefer, Gur & Wolf 2021, https://arxiv.org/abs/2103.15679"
    needs = frozenset({"attention", "gradient"})
    proof = (
        "tests/engine/attribution/test_attention_rollout.py"
        "::test_it_is_the_paper_s_rule_written_out_with_gradients_from_finite_differences"
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """No attention, or tokens that are no single grid."""
        return super().unmet(case) or lacks_grid(case)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in relevance, never negative."""
        layers = [
            # ReLU before the mean: a head that argues against must not cancel one that argues for
            (gradient * attention).relu().mean(0)
            for attention, gradient in attentions_and_gradients(case)
        ]
        progress(1.0, "one forward and one backward pass")
        return {"map": token_map(relevance(layers), case, "relevance")}


def relevance(layers: list[Tensor]) -> Tensor:
    """R − I (N, N) after all layers: what each token has from each other beyond itself."""
    identity = torch.eye(len(layers[0]))
    relation = identity
    for links in layers:
        # rows are not normalized, unlike in plain rollout: relevances are added, not shared out
        relation = relation + links @ relation
    # each token begins with 1 of itself, beside which the small slopes would vanish
    return relation - identity
