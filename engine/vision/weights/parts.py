"""The parts of a network that can be pruned: weights of convolutions and linear layers, in order.

Biases, norms, positions and class tokens are never pruned. A weight that two layers share is one
part, under the name it has first.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import prod
from typing import Literal

from torch import nn

from engine.core.errors import BadModel, BadSetting, DoesNotFit
from engine.vision.models.classifier import Classifier

Role = Literal["first", "body", "head"]


@dataclass(frozen=True)
class PrunableWeight:
    """One weight that can be pruned."""

    name: str  # in the network: "conv1.weight"
    shape: tuple[int, ...]  # (out, in) or (out, in / groups, height, width)
    groups: int = 1
    role: Role = "body"
    shared: tuple[str, ...] = ()  # other names of the same weight

    @property
    def layer(self) -> str:
        """The module that it belongs to."""
        return self.name.rpartition(".")[0]

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def filters(self) -> int:
        """How many output channels or units."""
        return self.shape[0]

    @property
    def is_conv(self) -> bool:
        return len(self.shape) == 4

    @property
    def depthwise(self) -> bool:
        """Whether each filter reads one channel only."""
        return self.is_conv and self.groups > 1 and self.shape[1] == 1


def prunable_parts(
    model: Classifier, *, head: bool = True, only: Collection[str] | None = None
) -> tuple[PrunableWeight, ...]:
    """What of a model can be pruned, in the order of its layers.

    Args:
        model: the classifier.
        head: whether the last layer, which gives the logits, is among them.
        only: names of parts or of their layers; all when left out.

    Raises:
        DoesNotFit: nothing of it can be pruned.
        BadSetting: a name in `only` is none.
    """
    results: dict[int, PrunableWeight] = {}
    last = head_of(model)
    for name, module in model.network.named_modules(remove_duplicate=False):
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        weight_name, weight = f"{name}.weight" if name else "weight", module.weight
        if id(weight) in results:
            existing = results[id(weight)]
            role: Role = "head" if module is last else existing.role
            results[id(weight)] = PrunableWeight(
                existing.name,
                existing.shape,
                existing.groups,
                role,
                (*existing.shared, weight_name),
            )
            continue
        role = "head" if module is last else "body" if results else "first"
        groups = module.groups if isinstance(module, nn.Conv2d) else 1
        results[id(weight)] = PrunableWeight(weight_name, tuple(weight.shape), groups, role)
    chosen_parts = [result for result in results.values() if head or result.role != "head"]
    if only is not None:
        known_names = {part.name for part in chosen_parts} | {part.layer for part in chosen_parts}
        if odd := sorted(set(only) - known_names):
            message = f"{model.title} has no prunable layer {odd[0]!r}: choose among "
            raise BadSetting(message + ", ".join(part.layer for part in chosen_parts) + ".")
        chosen_parts = [part for part in chosen_parts if part.name in only or part.layer in only]
    if not chosen_parts:
        raise DoesNotFit(
            f"{model.title} has no layer that can be pruned here: it needs a convolution or a "
            "linear layer" + ("." if head else " besides its head.")
        )
    return tuple(chosen_parts)


def head_of(model: Classifier) -> nn.Module | None:
    """The last linear layer where it gives the logits, or None."""
    try:
        return model.head
    except BadModel:
        return None
