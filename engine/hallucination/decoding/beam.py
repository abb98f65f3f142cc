"""Beam search: several answers are kept open, and the likeliest whole answer wins.

As it is usually done (and as Hugging Face's `generate` does it): of the likeliest 2 · beams
continuations, those that end an answer are put aside when they are among the first `beams`, and the
first `beams` of the others go on. An answer's score is the sum of its words' log-probabilities,
divided by their number to the power of the length penalty. The search is over when as many answers
as beams were put aside and none that goes on scores better as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Slider, setting
from engine.core.result import Table, View
from engine.evaluation.language.strategy import Strategy
from engine.vision.language.decoding.session import Moment, Move, Proposal, Session, Start, Steps
from engine.vision.language.vlm import StepOut


@dataclass(frozen=True)
class Beamed(Strategy):
    """Settings of every search with beams."""

    beams: int = setting(
        3, Slider(1, 8, 1, "answers"), "Beams", "How many answers are kept open at once."
    )
    penalty: float = setting(
        1.0,
        Slider(0.0, 2.0, 0.1),
        "Length penalty",
        "An answer's score is divided by its length "
        "to this power: 0 favors short answers, 2 long ones.",
    )


@dataclass(frozen=True)
class Beam(Beamed):
    """The likeliest whole answer that was found, where greedy takes the likeliest next word.

    Several answers are kept open at once. Each step goes on with those whose words together are
    likeliest, so that a word that looks good now cannot spoil what follows. What is likely need not
    be true: a habit of speech is likely too.
    """

    name = "Beam"
    title = "Beam search"
    proof = "tests/engine/hallucination/test_generate.py::test_nothing_likelier_can_be_said"

    def session(self, start: Start) -> Searching[Beam]:
        """Begin to answer."""
        return Searching(self, start)


@dataclass(frozen=True)
class Hypothesis:
    """An answer that has been put aside, the end included, with its record."""

    score: float
    sum: float  # of log-probabilities
    said: Tensor  # (n,)
    steps: Steps


@dataclass
class Open:
    """What is known of the beams, (images, beams), and of the answers put aside."""

    sums: Tensor
    aside: list[list[Hypothesis]]
    over: list[bool] = field(default_factory=list)

    def copy(self) -> Open:
        """As it stands."""
        return Open(self.sums, [list(hypotheses) for hypotheses in self.aside], list(self.over))


BeamedT = TypeVar("BeamedT", bound=Beamed)


class Searching(Session[BeamedT], Generic[BeamedT]):
    """Beams of every image stand one after the other in the batch."""

    def __init__(self, method: BeamedT, start: Start) -> None:
        super().__init__(method, start)
        images = len(start.out.logits)
        sums = torch.full((images, method.beams), -inf, device=start.out.logits.device)
        sums[:, 0] = 0  # all beams begin alike: only the first may go on
        self.open = Open(sums, [[] for _ in range(images)], [False] * images)

    def opened(self) -> StepOut:
        """The output, once for every beam."""
        rows = torch.arange(len(self.start.out.logits), device=self.open.sums.device)
        return self.start.out.take(rows.repeat_interleave(self.method.beams))

    def choose(self, proposal: Proposal, now: Moment, /) -> Move:
        """The beams that go on; answers that end are put aside."""
        images, beams = self.open.sums.shape
        sums = self.open.sums.reshape(-1, 1) + proposal.scores.log_softmax(-1)
        vocabulary = sums.shape[1]
        spec = self.start.model.vlm.spec
        most = (1 + len(spec.ends)) * beams  # so many that `beams` of them do not end
        best, places = sums.view(images, -1).topk(min(most, beams * vocabulary))
        first_row = beams * torch.arange(images, device=best.device)[:, None]
        rows, tokens = first_row + places // vocabulary, places % vocabulary
        ends = spec.ended(tokens)
        self.put_aside(now, best, rows, tokens, ends)
        # those that do not end, in their order: a stable sort brings them to the front
        open_places = ends.to(torch.int8).argsort(dim=1, stable=True)[:, :beams]
        # where too few go on, ended ones fill the places at −∞: dead beams
        open_sums = best.masked_fill(ends, -inf).gather(1, open_places)
        self.open.sums = open_sums
        over = all(self.open.over)
        return Move(
            tokens.gather(1, open_places).flatten(),
            rows.gather(1, open_places).flatten(),
            over=over,
        )

    def put_aside(
        self, now: Moment, best: Tensor, rows: Tensor, tokens: Tensor, ends: Tensor
    ) -> None:
        """Keep the answers that end; see for which images the search is over.

        Args:
            now: before the step.
            best: sums of the best continuations, best first, (images, n).
            rows: which row each continues.
            tokens: with which word.
            ends: which of them end.
        """
        length = now.said.shape[1] + 1
        for image, hypotheses in enumerate(self.open.aside):
            # its beams only go on because the batch does: what they find comes too late
            if self.open.over[image]:
                continue
            for place in ends[image, : self.method.beams].nonzero()[:, 0].tolist():
                row, total = int(rows[image, place]), best[image, place].item()
                if total > -inf:
                    sequence = torch.cat([now.said[row], tokens[image, place : place + 1]])
                    self.keep(
                        hypotheses,
                        Hypothesis(self.score(total, length), total, sequence, now.steps[row]),
                    )
            # a guess and no bound: with a length penalty a longer answer may still score better
            full = len(hypotheses) >= self.method.beams
            self.open.over[image] = full and hypotheses[-1].score >= self.score(
                best[image, 0].item(), length
            )

    def score(self, total: float, length: int) -> float:
        """Of an answer with that sum of log-probabilities and so many words, the end included."""
        # sums are negative: the larger the power, the less a long answer loses by its length
        return total / length**self.method.penalty

    def keep(self, hypotheses: list[Hypothesis], hypothesis: Hypothesis) -> None:
        """One answer more, among the best."""
        hypotheses.append(hypothesis)
        hypotheses.sort(key=lambda answer: -answer.score)
        del hypotheses[self.method.beams :]

    def finished(self, now: Moment, /) -> Moment:
        """The best answer of every image, put aside or cut at the length."""
        beams = self.method.beams
        for image, hypotheses in enumerate(self.open.aside):
            if self.open.over[image]:
                continue
            for beam, total in enumerate(self.open.sums[image].tolist()):
                row = image * beams + beam
                if total > -inf:
                    score = self.score(total, now.said.shape[1])
                    self.keep(hypotheses, Hypothesis(score, total, now.said[row], now.steps[row]))
        best = [hypotheses[0] for hypotheses in self.open.aside]
        longest = max(len(hypothesis.said) for hypothesis in best)
        sequences = now.said.new_full((len(best), longest), self.start.model.vlm.spec.pad)
        for row, winner in enumerate(best):
            sequences[row, : len(winner.said)] = winner.said
        out = now.out.take(beams * torch.arange(len(best), device=sequences.device))
        ended = self.start.model.vlm.spec.ended(sequences).any(1)
        return Moment(out, sequences, ended, tuple(hypothesis.steps for hypothesis in best))

    def views(self) -> dict[str, View]:
        """The best answers of the first image: text, score, log-probability and length."""
        hypotheses = self.open.aside[0]
        tokenizer = self.start.model.vlm.tokenizer
        columns: dict[str, tuple[Any, str]] = {
            "score": (
                np.array([hypothesis.score for hypothesis in hypotheses], np.float32),
                "nats",
            ),
            "log-probability": (
                np.array([hypothesis.sum for hypothesis in hypotheses], np.float32),
                "nats",
            ),
            "length": (
                np.array([len(hypothesis.said) for hypothesis in hypotheses], np.int64),
                "words",
            ),
        }
        names = tuple(f"{place + 1}" for place in range(len(hypotheses)))
        notes = tuple(tokenizer.decode(hypothesis.said.tolist()) for hypothesis in hypotheses)
        return {"beams": Table.of(columns, names, notes)}
