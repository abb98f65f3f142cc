"""One answer under way, as a decoding strategy sees it.

`generate` owns the loop, the end and the record. A session holds what belongs to one answer: a
second stream, beams, counters. It sees the model's output, proposes scores, chooses, and lets the
model read what was taken. It never touches the model's modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor

from engine.core.result import View
from engine.vision.language.decoding.meter import Meter
from engine.vision.language.decoding.record import Step
from engine.vision.language.vlm import Prefix, RequestedOutputs, StepOut

Steps = tuple[Step, ...]
MethodT = TypeVar("MethodT")


@dataclass(frozen=True)
class Start:
    """Where a session begins.

    Args:
        model: the metered model.
        images: normalized pixels (B, 3, H, W).
        prompts: (B, P) tokens.
        prefix: where image, prompt and answer lie.
        out: the model's output on them.
        want: what the model is to show at every step.
        seed: of the question; what belongs to an image is drawn from it and the image.
        generator: of the words that are drawn.
    """

    model: Meter
    images: Tensor
    prompts: Tensor
    prefix: Prefix
    out: StepOut
    want: RequestedOutputs
    seed: int
    generator: torch.Generator


@dataclass(frozen=True)
class Moment:
    """All that is known before a token is chosen.

    Args:
        out: what the model gave.
        said: the tokens so far, (B, n).
        ended: which answers are over, (B,).
        steps: the record of each.
    """

    out: StepOut
    said: Tensor
    ended: Tensor
    steps: tuple[Steps, ...]

    def take(self, rows: Tensor) -> Moment:
        """With the rows of these numbers."""
        steps = tuple(self.steps[row] for row in rows.tolist())
        return Moment(self.out.take(rows), self.said[rows], self.ended[rows], steps)


@dataclass(frozen=True)
class Proposal:
    """Scores of the next token and what they were made of, (B, V) each.

    Args:
        scores: what is chosen from; −∞ for a token that may not come.
        strong: the model's own logits.
        weak: logits that were held against them, where there are some.
        notes: numbers of this step that go on record, (B, …) each.
    """

    scores: Tensor
    strong: Tensor
    weak: Tensor | None = None
    notes: Mapping[str, Tensor] = field(default_factory=dict)

    def take(self, rows: Tensor) -> Proposal:
        """With the rows of these numbers."""
        weak = None if self.weak is None else self.weak[rows]
        notes = {name: note[rows] for name, note in self.notes.items()}
        return Proposal(self.scores[rows], self.strong[rows], weak, notes)


@dataclass(frozen=True)
class Move:
    """What is taken.

    Args:
        tokens: (B′,).
        rows: of which row each is the next, (B′,); None when rows stay.
        back: go back by so many tokens instead, to what was known there; `tokens` are not read.
        over: nothing more is wanted after this.
    """

    tokens: Tensor
    rows: Tensor | None = None
    back: int = 0
    over: bool = False


class Session(Generic[MethodT]):
    """One answer under way; as it stands, greedy decoding."""

    remembers = False  # whether it may go back

    def __init__(self, method: MethodT, start: Start) -> None:
        self.method, self.start = method, start

    def opened(self) -> StepOut:
        """The output that decoding begins with; beams give it more rows."""
        return self.start.out

    def propose(self, now: Moment, /) -> Proposal:
        """Scores of the next token."""
        return Proposal(now.out.logits, now.out.logits)

    def choose(self, proposal: Proposal, _now: Moment, /) -> Move:
        """Which token is taken: the best."""
        return Move(proposal.scores.argmax(-1))

    def read(self, now: Moment, tokens: Tensor, /) -> StepOut:
        """The model reads what was taken; `now` has the rows of the move already."""
        return self.start.model.step(tokens, now.out.cache, self.start.want)

    def finished(self, now: Moment, /) -> Moment:
        """The answers that are given, with their records: those that were said."""
        return now

    def views(self) -> dict[str, View]:
        """What is shown of the session itself, once it is over, beside what steps record."""
        return {}
