"""Weights held at zero while a network learns: applied in every forward pass, then baked in.

The mask multiplies inside the forward pass, so what is masked has no gradient and nothing that an
optimizer does can revive it. torch's parametrization renames a masked weight inside the network;
whoever keeps or compares weights uses the plain names.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.core.errors import BlindspotError
from engine.vision.models.bits import unpacked_bits
from engine.vision.models.classifier import Classifier

Masks = Mapping[str, Tensor]  # a parameter's name in the network → True where it may differ from 0


class Masked(nn.Module):
    """A weight where the mask is True, and 0 elsewhere."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight as the network sees it."""
        return weight * self.mask


@contextmanager
def masked(network: nn.Module, masks: Masks) -> Iterator[None]:
    """Masked inside the block; after it the weights are plain again, with their zeros in place.

    A weight that several layers share is masked in all of them, under whichever of its names. A
    mask that has the weight's type and device is not copied: who changes it in place changes what
    the network sees.

    Raises:
        BlindspotError: a mask is of no parameter, or has another shape.
    """
    with parametrized(network, [*multipliers(network, masks)]):
        yield


def multipliers(network: nn.Module, masks: Masks) -> Iterator[tuple[str, nn.Module]]:
    """Each masked weight's name, and what multiplies it.

    Raises:
        BlindspotError: a mask is of no parameter, or has another shape.
    """
    parameters = dict(network.named_parameters(remove_duplicate=False))
    for name, mask in masks.items():
        if name not in parameters:
            raise BlindspotError(f"There is no weight called {name!r} to mask.")
        if parameters[name].shape != mask.shape:
            shapes = f"{tuple(mask.shape)}, not {tuple(parameters[name].shape)}"
            raise BlindspotError(f"The mask of {name} has the shape {shapes}.")
        yield name, Masked(mask.to(parameters[name]))


@contextmanager
def parametrized(network: nn.Module, through: Sequence[tuple[str, nn.Module]]) -> Iterator[None]:
    """Weights go through modules inside the block; after it they are what came out at last.

    Args:
        network: changed in place.
        through: a weight's name and its module, in their order where a weight has several. A
            weight that several layers share goes through in all of them.

    Raises:
        BlindspotError: a name is of no parameter.
    """
    parameters = dict(network.named_parameters(remove_duplicate=False))
    if odd := [name for name, _ in through if name not in parameters]:
        raise BlindspotError(f"There is no weight called {odd[0]!r}.")
    places = [
        (*owner(network, alias), mask)
        for name, mask in through
        for alias, weight in parameters.items()
        if weight is parameters[name]
    ]
    try:
        for module, leaf, parametrization in places:
            parametrize.register_parametrization(module, leaf, parametrization)
        yield
    finally:
        for module, leaf, _ in places:
            # one removal takes all of a weight's modules, and registering may have stopped half-way
            if parametrize.is_parametrized(module, leaf):
                parametrize.remove_parametrizations(module, leaf, leave_parametrized=True)


def carried(model: Classifier) -> Masks:
    """The masks that a pruned model carries; none of another."""
    shapes = {name: tuple(tensor.shape) for name, tensor in model.network.state_dict().items()}
    result = unpacked_bits(model.masks, shapes)
    return {name: torch.from_numpy(mask) for name, mask in result.items()}


def bake(network: nn.Module, masks: Masks) -> None:
    """Set the weights to 0 where the masks are False, for good."""
    with masked(network, masks):
        pass


def effective_weights(network: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers by their plain names, as the network uses them: 0 where masked."""
    results = {}
    for name in network.state_dict():
        module, leaf = owner(network, unmasked_name(name))
        results[unmasked_name(name)] = getattr(module, leaf).detach()
    return results


def owner(network: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The module that has a parameter, and the parameter's name in it."""
    path, _, leaf = name.rpartition(".")
    return network.get_submodule(path), leaf


def unmasked_name(name: str) -> str:
    """A weight's own name, whether it is masked or not."""
    if ".parametrizations." in f".{name}" and name.endswith(".original"):
        return f".{name}".replace(".parametrizations.", ".").removesuffix(".original")[1:]
    return name
