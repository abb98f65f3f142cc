"""Keys and values that a model has read: the cache of all of them. Nothing is changed in place.

Keys are kept after they were turned by their position, so a place may be dropped without moving
the others; `next_position` goes on from what was read, not from what is left. A layer may hold
fewer places than another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Held:
    """What one layer holds: keys and values (B, H, T, d), positions (B, T), −1 for padding."""

    keys: Tensor
    values: Tensor
    positions: Tensor

    def take(self, places: Tensor) -> Held:
        return Held(
            self.keys.index_select(2, places),
            self.values.index_select(2, places),
            self.positions.index_select(1, places),
        )

    def rows(self, rows: Tensor) -> Held:
        return Held(self.keys[rows], self.values[rows], self.positions[rows])

    def grown(self, keys: Tensor, values: Tensor, positions: Tensor) -> Held:
        """With more places behind."""
        return Held(
            torch.cat([self.keys, keys], 2),
            torch.cat([self.values, values], 2),
            torch.cat([self.positions, positions], 1),
        )


@dataclass(frozen=True)
class HeldLayers:
    """All layers, the position of each row's next token, (B,), and whether any row has padding."""

    layers: tuple[Held, ...]
    next_position: Tensor
    padded: bool = False

    def clone(self) -> HeldLayers:
        """Itself: it never changes."""
        return self

    def expand(self, count: int) -> HeldLayers:
        """Every row `count` times, one after the other."""
        rows = torch.arange(len(self.next_position)).repeat_interleave(count)
        return self.reorder(rows.to(self.next_position.device))

    def reorder(self, rows: Tensor) -> HeldLayers:
        """The rows of these numbers."""
        layers = tuple(layer.rows(rows) for layer in self.layers)
        return HeldLayers(layers, self.next_position[rows], self.padded)

    def crop(self, length: int) -> HeldLayers:
        """Without what came at position `length` or later; the same for all rows."""
        # by position, not by place: layers may have lost places; padding, at −1, stays
        layers = tuple(
            layer.take((layer.positions < length).all(0).nonzero()[:, 0]) for layer in self.layers
        )
        return HeldLayers(layers, self.next_position.clamp(max=length), self.padded)

    def select(self, layer: int, places: Tensor) -> HeldLayers:
        """With these places of one layer only."""
        return self.exchanged(layer, self.layers[layer].take(places))

    def mean_merge(self, layer: int, places: Tensor) -> HeldLayers:
        """With the mean of these places of one layer in the place of the last of them."""
        memory = self.layers[layer]
        last = int(places.max())
        keys, values = memory.keys.clone(), memory.values.clone()
        keys[:, :, last] = memory.keys[:, :, places].mean(2)
        values[:, :, last] = memory.values[:, :, places].mean(2)
        merged = Held(keys, values, memory.positions)
        stay = torch.ones(memory.keys.shape[2], dtype=torch.bool, device=places.device)
        stay[places] = False
        stay[last] = True
        return self.exchanged(layer, merged.take(stay.nonzero()[:, 0]))

    def exchanged(self, layer: int, layer_state: Held) -> HeldLayers:
        """With another content of one layer."""
        layers = (*self.layers[:layer], layer_state, *self.layers[layer + 1 :])
        return replace(self, layers=layers)

    def lengths(self) -> tuple[int, ...]:
        return tuple(layer.keys.shape[2] for layer in self.layers)

    def positions(self, layer: int) -> Tensor:
        """The position of each place of a layer."""
        return self.layers[layer].positions
