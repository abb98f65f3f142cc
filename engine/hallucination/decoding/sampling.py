"""Sampling: words are drawn by their probability."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from engine.core.method import Slider, setting
from engine.evaluation.language.strategy import Strategy
from engine.vision.language.decoding.session import Moment, Move, Proposal, Session, Start


@dataclass(frozen=True)
class Sampling(Strategy):
    """An answer drawn word by word from the model's own distribution.

    Another seed gives another answer: what changes from one to the next is what the model is not
    sure of.
    """

    name = "Sampling"
    title = "Sampling"
    proof = "tests/engine/hallucination/test_generate.py::test_words_are_drawn_by_their_probability"

    temperature: float = setting(
        1.0, Slider(0.1, 2.0, 0.1), "Temperature", "Below 1 likely words become likelier."
    )
    top: float = setting(
        1.0,
        Slider(0.05, 1.0, 0.05),
        "Nucleus p",
        "Only the likeliest words that together have this share of the probability are drawn from.",
    )

    def session(self, start: Start) -> SamplingSession:
        """Begin to answer."""
        return SamplingSession(self, start)


class SamplingSession(Session[Sampling]):
    """Draws."""

    def propose(self, now: Moment, /) -> Proposal:
        """The tempered distribution, cut to its nucleus."""
        logits = now.out.logits
        return Proposal(nucleus(logits / self.method.temperature, self.method.top), logits)

    def choose(self, proposal: Proposal, _now: Moment, /) -> Move:
        """One that is drawn."""
        return Move(sample_tokens(proposal.scores, self.start.generator))


def nucleus(logits: Tensor, share: float) -> Tensor:
    """Logits with −∞ for all but the fewest tokens whose probabilities reach a share."""
    if share >= 1:
        return logits
    order = logits.argsort(-1, descending=True)
    shares = logits.gather(-1, order).softmax(-1)
    behind = shares.cumsum(-1) - shares >= share  # the first one always stays
    return logits.masked_fill(torch.zeros_like(behind).scatter(-1, order, behind), -inf)


def sample_tokens(logits: Tensor, generator: torch.Generator) -> Tensor:
    """A token of each row, (B,)."""
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
