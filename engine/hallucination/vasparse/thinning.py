"""What a cache holds of one answer, thinned out by what its tokens look at: for `strategy.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from torch import Tensor

from engine.core.result import Floats
from engine.hallucination.vasparse.keeping import Sums, scores
from engine.vision.language.vlm import Cache, ModelSpec, Prefix, StepOut

RANKINGS = ("visual-aware", "top-k", "random")


@dataclass(frozen=True)
class Rule:
    """Which tokens stay.

    Args:
        keep: the share of those that compete.
        visual: λ.
        protects: whether only image tokens compete, so that the text stays.
        ranking: visual-aware, by attention alone, or random.
    """

    keep: float
    visual: float
    protects: bool
    ranking: str

    def worth(self, shares: Tensor, sight: Tensor, luck: Tensor) -> Tensor:
        """How much each token deserves to stay, (n,).

        Args:
            shares: the newest token's attention to each, (n,).
            sight: each token's attention to the whole image, (n,).
            luck: a number drawn once for each, (n,).
        """
        if self.ranking == "random":
            return luck
        return scores(shares, sight, self.visual if self.ranking == "visual-aware" else 0.0)


def when_lost(in_memory: Sequence[Floats], layers: int, count: int) -> Floats:
    """At which step, from 1, each layer lost each token, (layers, count); NaN for never.

    Args:
        in_memory: for each step, 1 where a token was in memory, (layers, tokens read so far).
        layers: of the model.
        count: tokens.
    """
    lost = np.full((layers, count), np.nan, np.float32)
    for step, present in enumerate(in_memory, start=1):
        so_far = lost[:, : present.shape[1]]
        so_far[np.isnan(so_far) & (present == 0)] = step
    return lost


class TokenMemory:
    """The attention that tokens of one answer got, and which of them stay for it.

    Args:
        spec: of the model.
        prefix: where image, prompt and answer lie.
        out: the model's output on image and prompt, with the attention of all rows.
        rule: which tokens stay.
        generator: of what is chosen at random.
    """

    def __init__(
        self, spec: ModelSpec, prefix: Prefix, out: StepOut, rule: Rule, generator: torch.Generator
    ) -> None:
        self.spec, self.device, self.response = spec, out.logits.device, prefix.response
        self.rule, self.image = rule, len(prefix.image)
        # drawn once: who stays at random does not change from one word to the next
        self.luck = torch.rand(spec.layers, spec.context, generator=generator).to(self.device)
        self.sums = Sums(spec, self.device)
        self.is_text = torch.ones(spec.context, dtype=torch.bool, device=self.device)
        self.is_text[prefix.image.to(self.device)] = False
        self.mass = torch.ones(spec.layers, device=self.device)  # of the attention, that was kept
        for layer in range(spec.layers):
            rows = out.attention[layer][0].float().mean(0)  # (T, T)
            places = out.cache.positions(layer)[0]
            self.sums.before[layer, places] = rows.sum(0)
            self.sums.after[layer, places] = rows.sum(0)
            # causal: column j was seen by rows j to T − 1, itself included
            self.sums.rows[layer, places] = torch.arange(len(rows), 0, -1.0, device=self.device)
            self.sums.sight[layer, places] = rows[:, ~self.is_text[places]].sum(-1)

    def note(self, out: StepOut, raw: Mapping[int, Tensor], places: Sequence[Tensor]) -> None:
        """A word was read.

        Args:
            out: the output on it.
            raw: attention before calibration, of the layers where there was any.
            places: the positions that each layer looked at; the last one is the word's.
        """
        for layer, at in enumerate(places):
            after = out.attention[layer][0, :, -1].float().mean(0)
            before = raw[layer][0, :, -1].float().mean(0) if layer in raw else after
            self.sums.before[layer, at] += before
            self.sums.after[layer, at] += after
            self.sums.rows[layer, at] += 1
            self.sums.sight[layer, at[-1]] = after[~self.is_text[at]].sum()

    def condensed(self, cache: Cache, merge: int, merged: float) -> Cache:
        """With the answer's first words as one, in every layer that holds a multiple of `merge`.

        Args:
            cache: what is held.
            merge: so many words, or a multiple.
            merged: the share of them that becomes one.
        """
        for layer in range(self.spec.layers):
            places = cache.positions(layer)[0]
            # each layer for itself: by the released code's counter the first one alone merges
            response_places = (places >= self.response).nonzero()[:, 0]
            first = response_places[: int(merged * len(response_places))]
            if len(first) > 1 and len(response_places) % merge == 0:
                sight = self.sums.sight[layer]
                # what is merged stands in the place of its last word, and so does what it saw
                sight[places[first[-1]]] = sight[places[first]].mean()
                cache = cache.mean_merge(layer, first)
        return cache

    def thinned(self, cache: Cache, out: StepOut) -> Cache:
        """With the tokens of the highest score in each layer, in their order.

        Args:
            cache: what is held, after merging.
            out: the last output; its attention is to what was held before merging.
        """
        for layer in range(self.spec.layers):
            places = cache.positions(layer)[0]
            safe = self.is_text[places] & self.rule.protects
            # of all that was read, not of what is left: else shares would be kept of shares
            competing_count = self.image if self.rule.protects else int(cache.next_position[0])
            # 0.55 · 100 is 55.00000000000001 in floating point: without 1e-9 one more would stay
            most = int(safe.sum()) + ceil(self.rule.keep * competing_count - 1e-9)
            if len(places) <= most:
                continue
            # by position: attention is to what was held before the merging, whose places have moved
            dense = torch.zeros(self.spec.context, device=self.device)
            attention = out.attention[layer][0, :, -1].float().mean(0)
            dense[out.cache.positions(layer)[0]] = attention
            shares, sight = dense[places], self.sums.sight[layer, places]
            worth = self.rule.worth(shares, sight, self.luck[layer, places])
            worth = worth.masked_fill(safe, torch.inf)
            # stable: of equal scores the earlier token stays; then back into the order of positions
            best = worth.argsort(descending=True, stable=True)[:most].sort().values
            self.mass[layer] = shares[best].sum()
            cache = cache.select(layer, best)
        return cache
