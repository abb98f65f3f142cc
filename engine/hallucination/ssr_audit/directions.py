"""Where declined and answered questions part, layer by layer: directions, probes, contributions.

The direction of layer l is v_l = mean of declined states minus mean of answered ones, of length 1:
it points to DECLINE. Means and probes are learned from other questions than those that are told.

Winninger et al., "Using Mechanistic Interpretability to Craft Adversarial Attacks against Large
Language Models" (2025), https://arxiv.org/abs/2503.06269
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.hallucination.ssr_audit.network import Edit, QuestionNet
from engine.hallucination.ssr_audit.questions import DECLINE, EncodedQuestions

PAPER = (
    "Winninger et al., Using Mechanistic Interpretability to Craft Adversarial Attacks against "
    "Large Language Models (2025), https://arxiv.org/abs/2503.06269"
)
ACCURATE = 0.95  # a probe that is right so often is called accurate
STEPS, RATE, PENALTY = 300, 0.05, 1e-3  # of a probe

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Subspaces:
    """What separates the questions at each layer, 0 being the embedding.

    Args:
        directions: v_l, of length 1, (1 + L, d); they point to DECLINE.
        gaps: how far the means lie apart along them, (1 + L,).
        middles: the projection half-way between the means, (1 + L,).
        weights, offsets: probes; sigmoid(r · w + b) is the probability of an *answer*.
    """

    directions: Tensor
    gaps: Tensor
    middles: Tensor
    weights: Tensor
    offsets: Tensor

    def projections(self, states: Tensor) -> Tensor:
        """Along v_l, 0 half-way between the means, (1 + L, N) from (1 + L, N, d)."""
        return (states * self.directions[: len(states), None]).sum(2) - self.middles[
            : len(states), None
        ]

    def odds(self, states: Tensor, layer: int) -> Tensor:
        """The probe's logit of an answer, (N,), from the states of its layer (N, d)."""
        return states @ self.weights[layer] + self.offsets[layer]

    def accuracies(self, states: Tensor, declined: Tensor) -> list[float]:
        """How often the probe of each layer is right."""
        return [
            ((self.odds(state, layer) < 0) == declined).float().mean().item()
            for layer, state in enumerate(states)
        ]


@torch.no_grad()
def states_of(net: QuestionNet, prompts: EncodedQuestions, edit: Edit | None = None) -> Tensor:
    """States of all layers, (1 + L, N, d)."""
    return net.states(net.embed(prompts.ids), prompts.last, edit)


def subspaces(states: Tensor, declined: Tensor) -> Subspaces:
    """Directions and probes of states (1 + L, N, d) of questions that are declined (N,) or not."""
    declined_mean, answered_mean = states[:, declined].mean(1), states[:, ~declined].mean(1)
    gap = declined_mean - answered_mean
    gap_length = gap.norm(dim=1)
    # where all questions end in the same mark the embedding has no gap: 0, not NaN
    directions = gap / gap_length.clamp(min=1e-9)[:, None]
    middles = ((declined_mean + answered_mean) / 2 * directions).sum(1)
    probes = [probe(state, ~declined) for state in states]
    weights, offsets = (torch.stack(part) for part in zip(*probes, strict=True))
    return Subspaces(directions, gap_length, middles, weights, offsets)


def probe(states: Tensor, answered: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (d,) and offset of a logistic unit, 1 for answered; learned by Adam on all of them.

    States are standardized while it learns; the weights it gives are for states as they are.
    """
    mean, scale = states.mean(0), states.std(0).clamp(min=1e-6)
    inputs, targets = (states - mean) / scale, answered.float()
    with torch.enable_grad():
        weight = torch.zeros(states.shape[1], device=states.device, requires_grad=True)
        offset = torch.zeros((), device=states.device, requires_grad=True)
        optimizer = torch.optim.Adam([weight, offset], RATE)
        for _ in range(STEPS):
            loss = (
                torch.nn.functional.binary_cross_entropy_with_logits(
                    inputs @ weight + offset, targets
                )
                + PENALTY * weight.square().sum()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    plain = weight.detach() / scale
    return plain, offset.detach() - plain @ mean


def first_accurate(accuracies: Sequence[float]) -> int:
    """The first layer whose probe is accurate; the most accurate one where none is.

    The embedding is no layer.
    """
    for layer, accuracy in enumerate(accuracies):
        if layer and accuracy > ACCURATE:
            return layer
    return 1 + int(np.argmax(accuracies[1:]))


def removed(direction: Tensor, layer: int) -> Edit:
    """Takes a direction (d,) out of the last word's state after a layer: r - (r · v) v."""

    def edit(at: int, hidden: Tensor, last: Tensor) -> Tensor:
        if at != layer:
            return hidden
        rows = torch.arange(len(hidden))
        state = hidden[rows, last]
        changed = hidden.clone()
        changed[rows, last] = state - (state @ direction)[:, None] * direction
        return changed

    return edit


def add_direction(direction: Tensor, layer: int, size: float) -> Edit:
    """Adds a direction (d,) of length 1, so many times, to the last word's state: r + c v."""

    def edit(at: int, hidden: Tensor, last: Tensor) -> Tensor:
        if at != layer:
            return hidden
        changed = hidden.clone()
        changed[torch.arange(len(hidden)), last] += size * direction
        return changed

    return edit


def random_direction(seed: int, width: int) -> Tensor:
    """A direction of length 1, (d,)."""
    drawn = torch.randn(width, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm()


@torch.no_grad()
def declines(net: QuestionNet, prompts: EncodedQuestions, edit: Edit | None = None) -> float:
    """The share of questions that are declined."""
    return (net(prompts, edit).argmax(1) == DECLINE).float().mean().item()


def part_shares(net: QuestionNet, prompts: EncodedQuestions, direction: Tensor) -> Doubles:
    """How much more each head and MLP writes along v_L where it declines, (L, heads + 1).

    The MLP comes last. All of them and the embedding add up to the distance of the means.
    """
    written = net.written(prompts)
    parts = torch.cat([written.heads, written.mlps[:, :, None]], 2) @ direction  # (N, L, heads + 1)
    gap = parts[prompts.declined].mean(0) - parts[~prompts.declined].mean(0)
    return gap.double().numpy()


def cosines(directions: Tensor) -> Doubles:
    """Of v_l with v_{l+1}, (L,)."""
    similarities = torch.nn.functional.cosine_similarity(directions[:-1], directions[1:])
    return similarities.cpu().double().numpy()


def separations(projected: Tensor, declined: Tensor) -> Doubles:
    """Cohen's d of declined against answered questions along v_l, (1 + L,)."""
    declined_projections, answered_projections = projected[:, declined], projected[:, ~declined]
    # questions come in pairs, one of each kind: of equal numbers the pooled variance is the mean
    pooled = (
        ((declined_projections.var(1) + answered_projections.var(1)) / 2).sqrt().clamp(min=1e-9)
    )
    separation = (declined_projections.mean(1) - answered_projections.mean(1)) / pooled
    return separation.cpu().double().numpy()
