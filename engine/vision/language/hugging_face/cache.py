"""What the library's layers write into while they read: keys and values of one pass."""

from typing import Any

from torch import Tensor

from engine.vision.language.held_layers import Held


class LayerCache:
    """Stands where a layer expects the library's cache, and never changes what it was given.

    Args:
        layers: what each layer held before this pass.
        positions: of what is read now, (B, q).
    """

    def __init__(self, layers: tuple[Held, ...], positions: Tensor) -> None:
        self.layers, self.positions = list(layers), positions

    def update(
        self, keys: Tensor, values: Tensor, layer: int, *_more: Any, **_named: Any
    ) -> tuple[Tensor, Tensor]:
        """All keys and values of a layer, (B, H, k, d): those held and the new ones."""
        self.layers[layer] = memory = self.layers[layer].grown(keys, values, self.positions)
        return memory.keys, memory.values
