"""Places in a network whose output can be looked at, and how it is caught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import get_ident
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from engine.vision.models.classifier import Classifier


@dataclass(frozen=True)
class Layer:
    """A place in the network whose output can be looked at."""

    name: str
    shape: tuple[int, ...]  # of one output: (C, h, w), (h, w, C) or (tokens, width)
    grid: tuple[int, int] | None = None  # rows and columns of patches, where tokens can be a map

    @property
    def is_map(self) -> bool:
        """Whether it can be read as a spatial map of more than one place."""
        if len(self.shape) == 3:
            return min(self.cells) > 1
        return self.grid is not None

    @property
    def is_tokens(self) -> bool:
        """Whether it is a row of tokens."""
        return len(self.shape) == 2 and self.shape[0] > 1

    @property
    def channels_last(self) -> bool:
        """Whether it is (h, w, C), as in Swin: told by the equal sides coming first."""
        return len(self.shape) == 3 and self.shape[0] == self.shape[1] != self.shape[2]

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the map; (0, 0) where it is none."""
        if len(self.shape) == 3:
            return self.shape[:2] if self.channels_last else self.shape[1:]
        return self.grid or (0, 0)

    def as_maps(self, output: Tensor) -> Tensor:
        """The layer's output, or its gradient, as maps (N, C, h, w).

        Tokens that stand before the patches (class token, registers) are left out.
        """
        if self.channels_last:
            return output.movedim(-1, 1)
        if self.grid is None:
            return output
        rows, columns = self.grid
        patches = output[:, output.shape[1] - rows * columns :]  # (N, patches, C)
        return patches.transpose(1, 2).unflatten(2, self.grid)


def survey(net: Classifier, pixels: Tensor) -> tuple[Layer, ...]:
    """The blocks of a borrowed model that give maps or tokens, in the order of the forward."""
    results: dict[str, Layer] = {}

    def note(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and name not in results:
                layer = Layer(name, tuple(output.shape[1:]))
                if layer.is_map or layer.is_tokens:
                    results[name] = layer

        return hook

    with ExitStack() as hooks:
        for name, module in blocks(net.network):
            hooks.callback(module.register_forward_hook(note(name)).remove)
        net(pixels)
    return tuple(with_grids(net.network, results.values()))


def with_grids(network: Any, layers: Iterable[Layer]) -> Iterator[Layer]:
    """The layers, with the grid of patches where a row of tokens is a map (timm's form).

    Where the class token alone is read, the patches of the last attention block and of what
    follows reach no score, so they are no map.
    """
    grid = getattr(getattr(network, "patch_embed", None), "grid_size", None)
    prefix = getattr(network, "num_prefix_tokens", 0)
    by_class_token = prefix > 0 and getattr(network, "global_pool", "") == "token"
    attentions = [
        name
        for name, module in network.named_modules()
        if is_attention(module) or isinstance(module, nn.MultiheadAttention)
    ]
    unread = False
    for layer in layers:
        last = bool(attentions) and f"{attentions[-1]}.".startswith(f"{layer.name}.")
        unread = unread or (by_class_token and last)
        if grid is None or not layer.is_tokens or unread:
            yield layer
            continue
        patches = grid[0] * grid[1]
        fits = layer.shape[0] in {patches, patches + prefix} and patches > 1
        yield replace(layer, grid=(grid[0], grid[1])) if fits else layer


def is_attention(module: nn.Module) -> bool:
    """Whether it is an attention layer whose softmax can be read (timm's form)."""
    return hasattr(module, "fused_attn") and hasattr(module, "attn_drop")


def blocks(network: nn.Module, inside: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Top-level parts, and the members of those that are only rows of blocks, not their insides.

    A network that wraps another one names in `unfolded` the parts that count as top level too.
    """
    unfolded: tuple[str, ...] = getattr(network, "unfolded", ())
    for name, part in network.get_submodule(inside).named_children():
        full_name = f"{inside}.{name}" if inside else name
        if isinstance(part, nn.Identity | nn.Dropout):
            continue
        if full_name in unfolded:
            yield from blocks(network, full_name)
        elif isinstance(part, nn.Sequential | nn.ModuleList):
            yield from ((f"{full_name}.{inner}", child) for inner, child in part.named_children())
        else:
            yield full_name, part


@contextmanager
def capturing(module: nn.Module, *, inputs: bool = False) -> Iterator[list[Tensor]]:
    """Collect what a module gives (or is given) while the block runs; the hook always comes off.

    Only what the own thread asks of it: others may be asking the same module.
    """
    captures: list[Tensor] = []
    thread_id = get_ident()

    def hook(_module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        if get_ident() == thread_id:
            captures.append(arguments[0] if inputs else output)

    handle = module.register_forward_hook(hook)
    try:
        yield captures
    finally:
        handle.remove()
