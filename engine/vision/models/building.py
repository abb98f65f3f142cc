"""What a network will become, before it is built: all that a stranger's file or link asks for.

A name of timm's or a card of a few bytes can ask for any network that timm knows, of up to 27 GB.
So each is built without memory first, on torch's meta device, where a layer has a shape and no
numbers (at most a second of computing for any of timm's); its bytes are counted, and one image is
sent through it. Only then does it get memory, of the sizes that its own file has.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.core.errors import BadModel

MOST_BYTES = 2 * 2**30  # of weights and buffers
MOST_WHOLE = 256 * 2**20  # of a network that has to be built whole before its layers are narrowed
MOST_STEP = 256 * 2**20  # of what one step makes of one image
Make = Callable[[], nn.Module]


def on_meta(make: Make, called: str, most: int = MOST_BYTES) -> nn.Module:
    """A network without memory, once it is known that it would not take too much.

    Args:
        make: builds it.
        called: the network, in messages.
        most: bytes that it may take.

    Raises:
        BadModel: it cannot be built, or would take more.
    """
    try:
        with torch.device("meta"):
            network = make()
    except BadModel:
        raise
    except Exception as error:  # each architecture has its own way to refuse
        raise BadModel(f"{called} cannot be built: {first_line(error)}.") from error
    if (size := bytes_of(network)) > most:
        raise BadModel(
            f"{called} takes {size / 2**30:,.1f} GB of memory, and at most {most / 2**30:.2g} GB "
            "are taken for one model here: choose a smaller architecture."
        )
    return network


def bytes_of(network: nn.Module) -> int:
    """Of all weights and buffers, those that no file has among them."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors(network))


def tensors(network: nn.Module) -> Iterator[Tensor]:
    yield from network.parameters()
    yield from network.buffers()


def check_pass(network: nn.Module, side: int, called: str, channels: int = 3) -> None:
    """Send one image of (channels, side, side) through a network without memory.

    Where torch cannot say without numbers what a step makes, the network is left to be tried.

    Raises:
        BadModel: its layers do not fit each other or the image, or a step would take more than
            MOST_STEP.
    """
    was_training, guard = network.training, StepGuard(called)
    try:
        with torch.no_grad(), guard:
            network.eval()(torch.zeros(1, channels, side, side, device="meta"))
    except BadModel:
        raise
    except Exception as error:
        if isinstance(error, NotImplementedError) or "meta" in str(error):  # a real image says it
            return
        raise BadModel(
            f"{called}: its layers do not fit each other or an image of {side} pixels "
            f"({first_line(error)})."
        ) from error
    finally:
        network.train(was_training)


class StepGuard(TorchDispatchMode):
    """Looks at what each step makes. Raises BadModel for one that would take too much."""

    def __init__(self, called: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.called = called

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make it, and count its bytes."""
        outputs = func(*args, **(kwargs or {}))
        for output in outputs if isinstance(outputs, tuple | list) else (outputs,):
            if (
                isinstance(output, Tensor)
                and (size := output.numel() * output.element_size()) > MOST_STEP
            ):
                raise BadModel(
                    f"{self.called}: one step takes {size / 2**30:,.1f} GB for one image, and at "
                    f"most {MOST_STEP / 2**30:.2g} GB are taken here: make it for smaller images."
                )
        return outputs


def with_memory(network: nn.Module, make: Make, called: str) -> nn.Module:
    """The network with memory for its weights, which are still to be loaded.

    Args:
        network: without memory; its layers may have been made smaller since it was built.
        make: builds it whole, for one with parts that no file has: tables that it computes when
            it is built, or weights that two layers share.
        called: the network, in messages.

    Returns:
        The network, or the whole one where that had to be built.

    Raises:
        BadModel: it had to be built whole, with much more than its own layers need.
    """
    if all_in_file(network):
        return network.to_empty(device="cpu")
    full_network = on_meta(make, called)
    if bytes_of(full_network) > max(MOST_WHOLE, 2 * bytes_of(network)):
        raise BadModel(f"{called} cannot be read: it is much narrower than its architecture.")
    return make()


def all_in_file(network: nn.Module) -> bool:
    """Whether a file of its weights holds all that it computes with, each tensor once."""
    shared = len(list(network.parameters())) < len(
        list(network.named_parameters(remove_duplicate=False))
    )
    return not shared and not any(
        module._non_persistent_buffers_set
        or any(
            isinstance(variable, Tensor) and variable.is_meta for variable in vars(module).values()
        )
        for module in network.modules()
    )


def first_line(error: BaseException) -> str:
    """The beginning of what an error says, as the end of a sentence."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")
