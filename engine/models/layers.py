"""Places in a network whose output can be looked at, and how it is caught."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from engine.models.classifier import Classifier


@dataclass(frozen=True)
class Layer:
    """A place in the network whose output can be looked at."""

    name: str
    shape: tuple[int, ...]  # of one output: (C, h, w) for maps, (tokens, width) for tokens

    @property
    def is_map(self) -> bool:
        """Whether it is a spatial map (C, h, w) of more than one place.

        Swin and its kin give (h, w, C), told by the equal sides coming first: no map of ours.
        """
        if len(self.shape) != 3 or min(self.shape[1:]) == 1:
            return False
        first, second, third = self.shape
        return not (first == second != third)

    @property
    def is_tokens(self) -> bool:
        """Whether it is a row of tokens."""
        return len(self.shape) == 2 and self.shape[0] > 1


def survey(net: Classifier, pixels: Tensor) -> tuple[Layer, ...]:
    """The blocks of a borrowed model that give maps or tokens, in the order of the forward."""
    found: dict[str, Layer] = {}

    def note(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and name not in found:
                layer = Layer(name, tuple(output.shape[1:]))
                if layer.is_map or layer.is_tokens:
                    found[name] = layer

        return hook

    with ExitStack() as hooks:
        for name, module in blocks(net.network):
            hooks.callback(module.register_forward_hook(note(name)).remove)
        net(pixels)
    return tuple(found.values())


def blocks(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Top-level parts, and the members of those that are only rows of blocks, not their insides."""
    for name, part in network.named_children():
        if isinstance(part, nn.Identity | nn.Dropout):
            continue
        if isinstance(part, nn.Sequential | nn.ModuleList):
            yield from ((f"{name}.{inner}", one) for inner, one in part.named_children())
        else:
            yield name, part


@contextmanager
def capturing(module: nn.Module, *, inputs: bool = False) -> Iterator[list[Tensor]]:
    """Collect what a module gives (or is given) while the block runs; the hook always comes off."""
    seen: list[Tensor] = []

    def hook(_module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(given[0] if inputs else output)

    handle = module.register_forward_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()
