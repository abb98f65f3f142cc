"""The loop that every strategy runs in: propose, choose, record, read, until the answer ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from engine.core.method import Progress, quiet
from engine.core.result import View
from engine.vision.language.decoding.meter import Meter
from engine.vision.language.decoding.record import Step, TopTokens, looks
from engine.vision.language.decoding.session import Moment, Proposal, Session, Start, Steps
from engine.vision.language.vlm import VLM, ModelSpec, Prefix, RequestedOutputs


class DecodingMethod(Protocol):
    """What the loop needs to know of a decoding method."""

    batched: ClassVar[bool]  # whether many images can be answered at once

    @property
    def length(self) -> int:
        """Tokens that an answer may have."""

    def wanted(self, spec: ModelSpec, /) -> RequestedOutputs:
        """What the model is to show at every step."""

    def session(self, start: Start) -> Session[Any]:
        """Begin to answer."""


@dataclass(frozen=True)
class Spoken:
    """Answers and what they cost.

    Args:
        tokens: (B, n), padded behind the end.
        ended: which of them came to an end by themselves, (B,).
        steps: the record of each, without the end's own step; empty when none was kept.
        back: (tokens said, tokens taken back) of every time that the loop went back.
        calls: forward passes.
        read: tokens that went through the model.
        looked: places of the cache that tokens could look at, over all layers and tokens.
        views: what the session shows of itself; empty when no record was kept.
    """

    tokens: Tensor
    ended: Tensor
    steps: tuple[Steps, ...]
    back: tuple[tuple[int, int], ...]
    calls: int
    read: int
    looked: int
    views: Mapping[str, View] = field(default_factory=dict)


@torch.no_grad()
def generate(
    vlm: VLM,
    strategy: DecodingMethod,
    images: Tensor,
    prompts: Tensor,
    *,
    seed: int = 0,
    batch: int = 0,
    record: bool = True,
    progress: Progress = quiet,
) -> Spoken:
    """Answer prompts about images.

    Args:
        vlm: the model.
        strategy: how to decode.
        images: normalized pixels (B, 3, H, W).
        prompts: (B, P), padded on the left.
        seed: of every random number.
        batch: which of several batches of one question this is: words are drawn anew in each.
        record: keep what `Step` holds; without it only tokens and costs are kept.
        progress: told after every token.
    """
    model = Meter(vlm)
    want = strategy.wanted(vlm.spec)
    if record and "attention" in vlm.spec.caps:
        want = replace(want, attention=tuple(range(vlm.spec.layers)))
    out, prefix = model.prefill(model.encode_image(images), prompts, want)
    generator = torch.Generator(device=images.device).manual_seed(seed + batch)
    start = Start(model, images, prompts, prefix, out, want, seed, generator)
    session = strategy.session(start)
    length = min(strategy.length * vlm.spec.wordy, vlm.spec.context - prefix.response)
    return Loop(session, prefix, vlm.spec, model, record=record).run(length, progress)


class Loop:
    """Answers under way."""

    def __init__(
        self, session: Session[Any], prefix: Prefix, spec: ModelSpec, model: Meter, *, record: bool
    ) -> None:
        self.session, self.prefix, self.spec, self.model = session, prefix, spec, model
        self.record = record
        self.past: list[Moment] = []
        self.back: list[tuple[int, int]] = []
        self.share = 0.0  # done; it does not fall when the loop goes back

    def run(self, length: int, progress: Progress) -> Spoken:
        """Until every answer has ended, or has as many tokens as it may."""
        now = self.opened()
        while now.said.shape[1] < length and not now.ended.all():
            proposal = self.session.propose(now)
            move = self.session.choose(proposal, now)
            if move.back:
                now = self.gone_back(now, move.back)
                continue
            if self.session.remembers:
                # before rows are taken: whoever goes back finds the beams as they stood
                self.past.append(now)
            if move.rows is not None:
                now, proposal = now.take(move.rows), proposal.take(move.rows)
            tokens = move.tokens.masked_fill(now.ended, self.spec.pad)
            steps = self.recorded(now, proposal, tokens) if self.record else now.steps
            sequence = torch.cat([now.said, tokens[:, None]], 1)
            ended = now.ended | self.spec.ended(tokens)
            now = Moment(now.out, sequence, ended, steps)
            self.share = max(self.share, sequence.shape[1] / length)
            progress(self.share, "speaking")
            # the last word is not read: nothing follows it, and it would count as a cost
            if move.over or ended.all() or sequence.shape[1] == length:
                break
            now = replace(now, out=self.session.read(now, tokens))
        progress(1.0, "spoken")
        final = self.session.finished(now)
        ended = self.spec.ended(final.said).any(1)
        cost = self.model.calls, self.model.read, self.model.looked
        views = self.session.views() if self.record else {}
        return Spoken(final.said, ended, final.steps, tuple(self.back), *cost, views)

    def opened(self) -> Moment:
        """Before the first token."""
        out = self.session.opened()
        count = len(out.logits)
        nothing = torch.empty(count, 0, dtype=torch.int64, device=out.logits.device)
        ended = torch.zeros(count, dtype=torch.bool, device=out.logits.device)
        return Moment(out, nothing, ended, ((),) * count)

    def gone_back(self, now: Moment, count: int) -> Moment:
        """What was known before the last `count` tokens."""
        self.back.append((now.said.shape[1], count))
        place = len(self.past) - count
        earlier = self.past[place]
        del self.past[place:]
        return earlier

    def recorded(self, now: Moment, proposal: Proposal, tokens: Tensor) -> tuple[Steps, ...]:
        """The record of each row with this step, except where an answer ends or has ended."""
        attention = looks(now.out, self.prefix).float().cpu().numpy()
        shares = proposal.scores.float().softmax(-1)
        # entr(0) is 0; p · ln p of a word that was cut would be NaN
        entropy = torch.special.entr(shares).sum(-1)
        records = []
        for row, token in enumerate(tokens.tolist()):
            if token in {self.spec.pad, *self.spec.ends}:
                records.append(now.steps[row])
                continue
            weak = None if proposal.weak is None else TopTokens.of(proposal.weak[row])
            strong, final = TopTokens.of(proposal.strong[row]), TopTokens.of(proposal.scores[row])
            notes = {name: note[row].float().cpu().numpy() for name, note in proposal.notes.items()}
            share, token_entropy = shares[row, token].item(), entropy[row].item()
            step = Step(token, share, token_entropy, strong, weak, final, attention[row], notes)
            records.append((*now.steps[row], step))
        return tuple(records)
