"""Self-contrast of a mixture of experts: what its best experts say beyond another one.

    z = (1 + β) l_strong − β l_weak   where l_strong ≥ max l_strong + ln α

Shi et al. 2024, Unchosen Experts Can Contribute Too: Unleashing MoE Models' Power by
Self-Contrast, https://arxiv.org/abs/2405.14507, section 3. Strong are the experts that the model
was trained to ask, weak is one of another rank, in every layer, with weight 1. α is the cut and β
the strength here; VCD has the two names the other way round. The released code can hold back the
end of an answer; here it comes when it is the best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.core.errors import DoesNotFit
from engine.core.method import Slider, setting
from engine.core.result import Table, View
from engine.evaluation.language.strategy import Strategy
from engine.hallucination.decoding.contrast import contrast_logits
from engine.hallucination.decoding.sampling import sample_tokens
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import Spoken
from engine.vision.language.decoding.session import Moment, Move, Proposal, Session, Start
from engine.vision.language.vlm import ModelSpec, RequestedOutputs, StepOut

MOST = 7  # the last rank of eight experts


@dataclass(frozen=True)
class SCMoE(Strategy):
    """The answer made of what the best experts say beyond one that was not chosen.

    Each layer of a mixture of experts has several small networks, and a router that asks the two
    it rates best for every word. The same model answers a second time with another expert, and
    what that one says too is subtracted. No second model and no second image is needed. Whether
    it helps depends on the model: the other expert may know nothing, or the same.
    """

    name = "SCMoE"
    title = "SCMoE"
    paper = "Shi et al. 2024, https://arxiv.org/abs/2405.14507"
    needs = frozenset({"routing"})
    proof = (
        "tests/engine/hallucination/test_self_contrast.py"
        "::test_scores_are_the_contrast_of_two_routings"
    )

    beta: float = setting(
        0.5,
        Slider(0.0, 3.0, 0.1),
        "Strength β",
        "How much of what the weak expert says is subtracted.",
    )
    rank: int | None = setting(
        2,
        Slider(0, MOST, 1, off="the strong ones"),
        "Weak rank k",
        "Which expert is weak: 0 is "
        "the one that the router rates best, 2 the best of those not asked. Off, nothing is "
        "subtracted, since both are the same.",
    )
    alpha: float = setting(
        0.1,
        Slider(0.0, 1.0, 0.01),
        "Plausible from α",
        "The share of the best word's "
        "probability that a word needs, with the strong experts, to be considered.",
    )
    temperature: float | None = setting(
        None,
        Slider(0.1, 2.0, 0.1, off="best word"),
        "Temperature",
        "Draw words in place of taking the best.",
    )

    def wanted(self, spec: ModelSpec, /) -> RequestedOutputs:
        """How experts are weighted in every layer.

        Raises:
            DoesNotFit: the model has no expert of that rank.
        """
        if (self.rank or 0) >= spec.experts:
            raise DoesNotFit(
                f"The model has {spec.experts} experts to a layer: choose a weak rank below that."
                if spec.experts
                else "The model has no experts to choose among: choose a mixture of experts."
            )
        return RequestedOutputs(routing=tuple(range(spec.layers)))

    def session(self, start: Start) -> Routed:
        """Begin to answer, with a second stream through the weak expert."""
        return Routed(self, start)

    def shown(self, case: CaptionCase, spoken: Spoken, /) -> dict[str, View]:
        """Who was asked for each word.

        Returns:
            experts 1 … experts L: of each layer, the weight of every expert in the strong and in
                the weak routing, 0 for those not asked.
            routings: how far apart the two distributions are, KL(strong ‖ weak).
        """
        steps, spec = spoken.steps[0], case.vlm.spec
        tokens = case.vlm.tokenizer.convert_ids_to_tokens([step.token for step in steps])
        divergences = np.array([step.notes["apart"] for step in steps], np.float32)
        views: dict[str, View] = {"routings": Table.of({"KL": (divergences, "nats")}, tokens)}
        for layer in range(spec.layers):
            columns = {}
            for side in ("strong", "weak"):
                routing = np.array([step.notes[side][layer] for step in steps], np.float32)
                routing = routing.reshape(len(steps), spec.experts)
                for expert in range(spec.experts):
                    columns[f"{side} {expert + 1}"] = (routing[:, expert], "share")
            views[f"experts {layer + 1}"] = Table.of(columns, tokens)
        return views


class Routed(Session[SCMoE]):
    """Two routings with a cache each; both read the words that are chosen."""

    def __init__(self, method: SCMoE, start: Start) -> None:
        super().__init__(method, start)
        ranks = None if method.rank is None else (method.rank,)
        self.want = replace(method.wanted(start.model.vlm.spec), ranks=ranks)
        # a cache of its own: behind the first layer's experts keys and values differ too
        image = start.model.encode_image(start.images)
        self.weak, _ = start.model.prefill(image, start.prompts, self.want)

    def propose(self, now: Moment, /) -> Proposal:
        """The contrast of both."""
        beta, strong, weak = self.method.beta, now.out.logits, self.weak.logits
        notes = {
            "strong": expert_weights(now.out),
            "weak": expert_weights(self.weak),
            "apart": divergence(strong, weak),
        }
        scores = contrast_logits(strong, weak, 1 + beta, beta, self.method.alpha)
        return Proposal(scores, strong, weak, notes)

    def choose(self, proposal: Proposal, now: Moment, /) -> Move:
        """The best, or one that is drawn."""
        if self.method.temperature is None:
            return super().choose(proposal, now)
        return Move(sample_tokens(proposal.scores / self.method.temperature, self.start.generator))

    def read(self, now: Moment, tokens: Tensor, /) -> StepOut:
        """Both streams read what was taken."""
        # the weak stream reads what was chosen, and not what it would have said itself
        self.weak = self.start.model.step(tokens, self.weak.cache, self.want)
        return super().read(now, tokens)


def expert_weights(out: StepOut) -> Tensor:
    """The weight of every expert at the last place, (B, layers, E)."""
    return torch.stack([routing[:, -1] for _, routing in sorted(out.routing.items())], 1)


def divergence(strong: Tensor, weak: Tensor) -> Tensor:
    """KL(strong ‖ weak) of two distributions as logits (B, V), nats, (B,)."""
    first, second = strong.log_softmax(-1), weak.log_softmax(-1)
    return (first.exp() * (first - second)).sum(-1)
