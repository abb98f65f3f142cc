"""A search for masks: nothing of a network can change but which of its weights take part.

Each searched weight W has a binary b, which the network sees as W ⊙ b, and a real number m, which
alone is learned: on the way back the gradient of b, ∂ℓ/∂b = g ⊙ W, goes to m as it is, also where
b = 0. `swap` then exchanges weights that are off and have come to a larger m for weights that are
on and have come to a smaller one, as many in as out.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.vision.models.bits import Bits
from engine.vision.models.classifier import Classifier
from engine.vision.training.masks import owner
from engine.vision.weights.masks import Masks


class ChosenWeight(nn.Module):
    """A frozen weight of which a choice is on.

    Args:
        weight: its values, of any shape; they are copied.
        on: where it is on at first, bool of that shape.
        free: where it may be on, bool of that shape.
        steps: how many swaps are noted.
    """

    weight: Tensor
    on: Tensor  # 0 or 1
    free: Tensor
    swapped: Tensor  # (steps,), how many went in, and as many out
    step: Tensor  # how many steps are done

    def __init__(self, weight: Tensor, on: Bits, free: Bits, steps: int = 0) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().clone())
        self.register_buffer("on", torch.from_numpy(on.copy()).to(weight))
        self.register_buffer("free", torch.from_numpy(free.copy()).to(weight.device))
        self.register_buffer("swapped", torch.zeros(steps, dtype=torch.int64))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, numbers: Tensor) -> Tensor:
        """W ⊙ b; backward, the gradient of b goes to the numbers."""
        # straight through, and not gated by b: weights that are off must get a gradient to come in
        return self.weight * (self.on + (numbers - numbers.detach()))


def searchable(
    model: Classifier, masks: Masks, stored_bits: Mapping[str, Bits], off: float, steps: int
) -> dict[str, ChosenWeight]:
    """Freeze a copy of a model, all but the numbers m behind the weights of the masks.

    Args:
        model: changed in place: its only parameters are the numbers, 1 where on, else `off`.
        masks: what is on at first.
        stored_bits: where an earlier round left a weight, by name; what it cut is never on.
        off: the number of a weight that is off.
        steps: of the search.
    """
    result, learned = {}, set()
    for part in masks.parts:
        numbers = model.network.get_parameter(part.name)
        chosen = ChosenWeight(numbers, masks.array(part.name), stored_bits[part.name], steps)
        numbers.data = torch.where(chosen.on > 0, 1.0, off).to(numbers)
        # a shared weight is one tensor: all its uses must see the same choice
        for name in (part.name, *part.shared):
            parametrize.register_parametrization(*owner(model.network, name), chosen)
        learned.add(id(numbers))
        result[part.name] = chosen
    for module in model.network.modules():
        for leaf, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) not in learned:
                delattr(module, leaf)
                # as a buffer no optimizer finds it, whatever gradient or decay there is
                module.register_buffer(leaf, parameter.detach())
    return result


@torch.no_grad()
def swap(chosen: ChosenWeight, numbers: Tensor, share: float = 1.0) -> int:
    """Exchange weights until those that are on have the largest numbers, or a share of these.

    Of equal numbers the weight that is on stays.

    Args:
        chosen: changed in place.
        numbers: m, of the weight's shape.
        share: of the exchanges that may be done, rounded up; the largest gains first.

    Returns:
        How many weights went in; as many went out.
    """
    m, on, free = numbers.flatten(), chosen.on.view(-1), chosen.free.view(-1)
    inside = on.nonzero()[:, 0]
    outside = ((on == 0) & free).nonzero()[:, 0]
    if not len(inside) or not len(outside):
        return 0
    going = inside[m[inside] < m[outside].max()]  # no others can take part
    coming = outside[m[outside] > m[inside].min()]
    going = going[m[going].argsort(stable=True)]
    coming = coming[m[coming].argsort(descending=True, stable=True)]
    pairs = min(len(going), len(coming))
    # best against worst: gains fall from pair to pair, so those above 0 are the first ones
    count = ceil(share * int((m[coming[:pairs]] > m[going[:pairs]]).sum()))
    on[going[:count]] = 0
    on[coming[:count]] = 1
    return count


def searched_key(name: str, what: str) -> str:
    """Where a searched weight of that name has its "original", the numbers m, or its "0.weight"."""
    path, _, leaf = name.rpartition(".")
    return f"{path}.parametrizations.{leaf}.{what}".removeprefix(".")


def sha_of(network: nn.Module, names: Iterable[str]) -> str:
    """SHA-256 of tensors of a network by their plain names, also while they are searched."""
    result = sha256()
    for name in names:
        module, leaf = owner(network, name)
        searched = parametrize.is_parametrized(module, leaf)
        tensor = (
            network.get_buffer(searched_key(name, "0.weight"))
            if searched
            else getattr(module, leaf)
        )
        result.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return result.hexdigest()
