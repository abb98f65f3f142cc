"""What a cache holds of one answer, thinned out by what its tokens look at: for `vasparse.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import torch
from torch import Tensor

from engine.hallucination.keeping import Sums, scores
from engine.hallucination.vlm import Cache, ModelSpec, Prefix, StepOut


class Memory:
    """The attention that tokens of one answer got, and which of them stay for it.

    Args:
        spec: of the model.
        prefix: where image, prompt and answer lie.
        out: the model's output on image and prompt, with the attention of all rows.
    """

    def __init__(self, spec: ModelSpec, prefix: Prefix, out: StepOut) -> None:
        self.spec, self.device, self.response = spec, out.logits.device, prefix.response
        self.sums = Sums(spec, self.device)
        self.is_text = torch.ones(spec.context, dtype=torch.bool, device=self.device)
        self.is_text[prefix.image.to(self.device)] = False
        self.mass = torch.ones(spec.layers, device=self.device)  # of the attention, that was kept
        for layer in range(spec.layers):
            rows = out.attention[layer][0].mean(0)  # (T, T)
            places = out.cache.positions(layer)[0]
            self.sums.before[layer, places] = rows.sum(0)
            self.sums.after[layer, places] = rows.sum(0)
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
            after = out.attention[layer][0, :, -1].mean(0)
            before = raw[layer][0, :, -1].mean(0) if layer in raw else after
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
            own = (places >= self.response).nonzero()[:, 0]
            first = own[: int(merged * len(own))]
            if len(first) > 1 and len(own) % merge == 0:
                sight = self.sums.sight[layer]
                sight[places[first[-1]]] = sight[places[first]].mean()
                cache = cache.mean_merge(layer, first)
        return cache

    def thinned(self, cache: Cache, out: StepOut, keep: float, visual: float) -> Cache:
        """With the tokens of the highest score in each layer, in their order.

        Args:
            cache: what is held, after merging.
            out: the last output; its attention is to what was held before merging.
            keep: the share of the tokens read that stays.
            visual: λ.
        """
        most = ceil(keep * int(cache.next_position[0]) - 1e-9)
        for layer in range(self.spec.layers):
            places = cache.positions(layer)[0]
            if len(places) <= most:
                continue
            dense = torch.zeros(self.spec.context, device=self.device)
            dense[out.cache.positions(layer)[0]] = out.attention[layer][0, :, -1].mean(0)
            shares = dense[places]
            worth = scores(shares, self.sums.sight[layer, places], visual)
            best = worth.argsort(descending=True, stable=True)[:most].sort().values
            self.mass[layer] = shares[best].sum()
            cache = cache.select(layer, best)
        return cache
