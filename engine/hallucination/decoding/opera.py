"""OPERA: beam search that distrusts answers which hang on one of their own words, and goes back.

W is `scale` times the answer's attention to itself (last layer, largest over heads, each row over
the whole sequence adding up to 1), lower triangular. A column's over-trust is

    φ_j = 10⁻⁷ · Π_{i ≥ j} W_ij,   φ = max_j φ_j,   c = argmax_j φ_j

Each of the likeliest `candidates` next words is tried: the model reads it, and φ with its row is
subtracted from its logit, `weight` times. While the answer is no longer than `early` words, its
attention to the image is added instead. If c was the same more than `threshold` times in every
beam, the search goes back to the word behind c, or to c itself once it went there as often as there
are candidates, and what stood there may not come again.

Huang et al. 2024, OPERA: Alleviating Hallucination in Multi-Modal Large Language Models via
Over-Trust Penalty and Retrospection-Allocation, https://arxiv.org/abs/2311.17911, equations 3 to 8,
and the authors' `opera_beam_search`. There `early` and `column` are 10 and `threshold` is 15, for
answers of up to 512 words; the defaults here are for captions of twenty to forty. φ is computed in
logarithms and held below 10³⁰. Words that are no candidates get −∞ where the code has −999.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import log

import numpy as np
import torch
from torch import Tensor

from engine.core.method import Slider, setting
from engine.core.result import Field, Table, View
from engine.hallucination.decoding.beam import Beamed, Open, Searching
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import Spoken
from engine.vision.language.decoding.record import Step
from engine.vision.language.decoding.session import Moment, Move, Proposal, Start
from engine.vision.language.vlm import ModelSpec, RequestedOutputs, StepOut

SMALL = log(1e-7)
LARGE = log(1e30)
WINDOW = 512  # steps whose c is counted


@dataclass(frozen=True)
class OPERA(Beamed):
    """The answer of a search that distrusts words leaning on one earlier word.

    When a model makes things up, its later words often all look at one earlier word that seems to
    sum up what was seen, and no longer at the picture: a bright column in the answer's attention
    to itself. Words that deepen such a column are made less likely. If the same column keeps
    winning, the search goes back to it and goes on with another word.
    """

    name = "OPERA"
    title = "OPERA"
    paper = "Huang et al. 2024, https://arxiv.org/abs/2311.17911"
    needs = frozenset({"attention"})
    batched = False  # going back is for one answer
    proof = "tests/engine/hallucination/test_opera.py::test_one_fixed_column_is_gone_back_to_once"

    beams: int = setting(
        3, Slider(1, 5, 1, "answers"), "Beams", "How many answers are kept open at once."
    )
    candidates: int = setting(
        3, Slider(1, 5, 1, "words"), "Candidates", "How many next words of each answer are tried."
    )
    weight: float = setting(
        1.0, Slider(0.0, 5.0, 0.1), "Penalty weight", "How much over-trust lowers a word's score."
    )
    scale: float = setting(
        50.0,
        Slider(10.0, 100.0, 5.0),
        "Scale",
        "What attention is multiplied with: a column "
        "grows while the words behind it give it more than one part in so many.",
    )
    threshold: int | None = setting(
        8,
        Slider(2, 25, 1, "times", off="never"),
        "Go back after",
        "How often the same word may "
        "be the most trusted one before the search goes back to it. The paper takes 15, for long "
        "answers.",
    )
    early: int = setting(
        3,
        Slider(0, 10, 1, "words"),
        "Early words",
        "So many words are rewarded for looking at "
        "the image in place of being penalized. The paper takes 10, for long answers.",
    )
    column: int = setting(
        5,
        Slider(0, 10, 1, "words"),
        "First column",
        "Going back to words before this one is not "
        "worth it. The paper takes 10, for long answers.",
    )

    def wanted(self, spec: ModelSpec, /) -> RequestedOutputs:
        """The last layer's attention."""
        return RequestedOutputs(attention=(spec.layers - 1,))

    def session(self, start: Start) -> Retrospecting:
        """Begin to answer."""
        return Retrospecting(self, start)

    def shown(self, case: CaptionCase, spoken: Spoken, /) -> dict[str, View]:
        """The answer's attention to itself and what was made of it.

        Returns:
            self: attention of each word (rows) to the words before it and itself, NaN behind.
            trust: for each word, the most trusted word when it was chosen (its number from 0), the
                logarithm of its over-trust φ, and the share of attention to the image.
        """
        steps = spoken.steps[0]
        taken = [taken_of(step) for step in steps]
        count = len(steps)
        shares = np.full((count, count), np.nan, np.float32)
        for place, (step, pick) in enumerate(zip(steps, taken, strict=True)):
            shares[place, : place + 1] = step.notes["rows"][pick]
        places = np.arange(count, dtype=np.float32)
        pairs = list(zip(steps, taken, strict=True))
        arrays = {
            name: np.array([step.notes[name][pick] for step, pick in pairs], np.float32)
            for name in ("column", "over-trust", "image")
        }
        columns = Table.of(
            {
                "most trusted word": (arrays["column"], "words"),
                "over-trust": (arrays["over-trust"], "nats"),
                "to the image": (arrays["image"], "share"),
            },
            case.vlm.tokenizer.convert_ids_to_tokens([step.token for step in steps]),
        )
        field = Field(shares, places, places, "word looked at", "word", "share of attention")
        return {"self": field, "trust": columns}


def taken_of(step: Step) -> int:
    """Which of the candidates was taken."""
    return int(np.flatnonzero(step.notes["candidates"] == step.token)[0])


def over_trust(window: Tensor, scale: float) -> Tensor:
    """ln φ of every column, (…, n), of attention (…, n, n) of an answer to itself."""
    count = window.shape[-1]
    below = torch.ones(count, count, dtype=torch.bool, device=window.device).tril()
    # a product over forty words leaves the range of 32 bits; above the diagonal factors are 1
    logs = (scale * window).log().masked_fill(~below, 0.0)
    return SMALL + logs.sum(-2)


@dataclass(frozen=True)
class Snapshot:
    """What was known before a word: the search, attention (R, n, n), and every c so far (R, n)."""

    open: Open
    shares: Tensor
    columns: Tensor


@dataclass(frozen=True)
class CandidateRollout:
    """The candidates, tried.

    Args:
        out: the model's output on each, one after the other, R · C rows.
        tokens: (R, C).
        rows: attention of each to the answer, itself included, (R, C, n + 1).
        most: the mode of c over the candidates, (R,).
    """

    out: StepOut
    tokens: Tensor
    rows: Tensor
    most: Tensor


class Retrospecting(Searching[OPERA]):
    """A search that can go back."""

    remembers = True
    ahead: CandidateRollout

    def __init__(self, method: OPERA, start: Start) -> None:
        super().__init__(method, start)
        like = start.out.logits
        self.shares = like.new_zeros(method.beams, 0, 0)
        self.columns = torch.zeros(method.beams, 0, dtype=torch.int64, device=like.device)
        self.past: list[Snapshot] = []
        self.rejected: dict[int, set[int]] = defaultdict(set)
        self.went: Counter[int] = Counter()
        self.picked = torch.zeros(method.beams, dtype=torch.int64, device=like.device)

    def propose(self, now: Moment, /) -> Proposal:
        """Logits of the candidates less their penalty; −∞ for every other word."""
        method, strong, place = self.method, now.out.logits, now.said.shape[1]
        allowed = strong.clone()
        # before the candidates are taken, so that there are as many as ever
        if self.rejected[place]:
            allowed[:, sorted(self.rejected[place])] = -torch.inf
        logits, tokens = allowed.topk(min(method.candidates, strong.shape[1]), -1)
        # to try a word is to read it: what was taken is not read a second time
        out = self.start.model.step(
            tokens.flatten(), now.out.cache.expand(tokens.shape[1]), self.start.want
        )
        rows, image = self.seen(out, tokens.shape, place + 1)
        trust, column = over_trust(self.window(rows), method.scale).max(-1)
        # subtracted below: the minus makes of looking at the image a reward
        penalty = -image if place < method.early else trust.clamp(max=LARGE).exp()
        scores = torch.full_like(strong, -torch.inf)
        scores = scores.scatter(1, tokens, logits - method.weight * penalty)
        self.ahead = CandidateRollout(out, tokens, rows, column.mode(-1).values)
        notes = {
            "candidates": tokens,
            "rows": rows,
            "column": column,
            "over-trust": trust,
            "image": image,
        }
        return Proposal(scores, strong, notes=notes)

    def seen(self, out: StepOut, shape: torch.Size, length: int) -> tuple[Tensor, Tensor]:
        """Where candidates looked: at the answer, (R, C, length), and at the image, (R, C)."""
        last = self.start.model.vlm.spec.layers - 1
        shares = out.attention[last][:, :, -1].amax(1)
        # largest values over heads do not add up to 1
        shares = shares / shares.sum(-1, keepdim=True)
        image = shares[:, self.start.prefix.image].sum(-1)
        return shares[:, -length:].view(*shape, length), image.view(shape)

    def window(self, rows: Tensor) -> Tensor:
        """Attention of the answer to itself with each candidate's row, (R, C, n + 1, n + 1)."""
        # earlier words do not see the new one: a column of zeros above the diagonal
        before = torch.nn.functional.pad(self.shares, (0, 1))[:, None]
        return torch.cat([before.expand(-1, rows.shape[1], -1, -1), rows[:, :, None]], 2)

    def choose(self, proposal: Proposal, now: Moment, /) -> Move:
        """As a search does, or back."""
        if back := self.gone_back(now):
            return Move(self.picked, back=back)
        # lists of answers put aside grow in place; tensors are replaced, and need no copy
        self.past.append(Snapshot(self.open.copy(), self.shares, self.columns))
        move = super().choose(proposal, now)
        all_rows = torch.arange(len(move.tokens), device=move.tokens.device)
        rows = all_rows if move.rows is None else move.rows
        candidates = self.ahead.tokens[rows]
        # a dead beam's word may be no candidate: whichever is picked, its sum stays at −∞
        pick = (candidates == move.tokens[:, None]).to(torch.int8).argmax(1)
        self.picked = rows * candidates.shape[1] + pick
        added = self.ahead.rows[rows, pick][:, None]
        self.shares = torch.cat([torch.nn.functional.pad(self.shares[rows], (0, 1)), added], 1)
        self.columns = torch.cat([self.columns, self.ahead.most[:, None]], 1)[rows]
        return move

    def gone_back(self, now: Moment) -> int:
        """How many words are taken back, 0 for none; the search is then as it was there."""
        place = self.place_behind(now.said.shape[1])
        if place is None:
            return 0
        alive = self.open.sums[0] > -torch.inf
        # beams at −∞ hold any words: what they said rejects nothing
        self.rejected[place] |= set(now.said[alive, place].tolist())
        self.went[place] += 1
        snapshot = self.past[place]
        del self.past[place:]
        self.open, self.shares, self.columns = snapshot.open, snapshot.shares, snapshot.columns
        return now.said.shape[1] - place

    def place_behind(self, length: int) -> int | None:
        """Where another word is to be found: behind the most trusted word, or in its place."""
        if self.method.threshold is None:
            return None
        alive = self.open.sums[0] > -torch.inf
        column = int(self.ahead.most[alive].mode().values)
        recent_columns = torch.cat([self.columns, self.ahead.most[:, None]], 1)[alive, -WINDOW:]
        often = (recent_columns == column).sum(1) > self.method.threshold
        if column < self.method.column or not often.all():
            return None
        # each place at most as often as there are candidates, so that the search comes to an end
        free = (
            place
            for place in (column + 1, column)
            if place < length and self.went[place] < self.method.candidates
        )
        return next(free, None)

    def read(self, _now: Moment, _tokens: Tensor, /) -> StepOut:
        """What the model gave when it tried what was taken."""
        return self.ahead.out.take(self.picked)

    def views(self) -> dict[str, View]:
        """The best answers, and the words that were rejected where the search went back."""
        views = super().views()
        rejected_words = [
            (place, word) for place, words in self.rejected.items() for word in sorted(words)
        ]
        if rejected_words:
            tokenizer = self.start.model.vlm.tokenizer
            names = tokenizer.convert_ids_to_tokens([word for _, word in rejected_words])
            places = np.array([place for place, _ in rejected_words], np.int64)
            views["rejected"] = Table.of({"place": (places, "words")}, names)
        return views
