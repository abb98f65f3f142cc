"""The rescale rule: the slope of a nonlinear step is the change of its output over its input's.

An image and its baseline run through the network side by side, (2, …). Where both take a step such
as a ReLU, what comes back is multiplied by Δout/Δin instead of the derivative; where the two inputs
are the same, by the derivative. Linear steps need no rule, so that in the end Σ slope · Δx is
exactly the difference of the two scores.

Steps are caught as they are called, by torch's function mode of this thread: as a module, as a
function, in place or twice, and nothing in the network is touched.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

SAME = 1e-6  # inputs nearer than this count as the same

NAMES = (
    "relu", "relu6", "hardtanh", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu",
    "hardswish", "mish", "softplus", "sigmoid", "tanh", "hardsigmoid",
)  # fmt: skip
ELEMENTWISE = frozenset(
    getattr(place, name + ending)
    for place in (F, torch, torch.Tensor)
    for name in NAMES
    for ending in ("", "_")
    if hasattr(place, name + ending)
)
MAX_POOLS = frozenset({F.max_pool2d, F.max_pool2d_with_indices, torch.max_pool2d})


class Rescaling(TorchFunctionMode):
    """While it is entered, activations and max pools pass back what the rescale rule says."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        keywords = dict(kwargs or {})
        if func not in ELEMENTWISE and func not in MAX_POOLS:
            return func(*args, **keywords)
        values = args[0] if args else keywords.pop("input")
        if not (values.requires_grad and torch.is_grad_enabled()):
            return func(*args, **(kwargs or {}))
        if func in MAX_POOLS:
            options = keywords | {"return_indices": True}
            return RescaledMaxPool.apply(values, args[1:6], options)  # type: ignore[no-untyped-call]
        leaf = values.detach().requires_grad_()
        copy = leaf.clone()  # which a step in place may spoil
        output = func(copy, *args[1:], **keywords)
        in_place = output.data_ptr() == copy.data_ptr()
        # value by value, so that the gradient of the sum is each value's own slope
        (slope,) = torch.autograd.grad(output.sum(), leaf)
        output = RescaledActivation.apply(  # type: ignore[no-untyped-call]
            values, output.detach(), slope
        )
        return values.copy_(output) if in_place else output


class RescaledActivation(torch.autograd.Function):
    """One activation, on image and baseline side by side."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, output: Tensor, slope: Tensor) -> Tensor:
        """The output as given, with its slope where image and baseline are the same."""
        (image_input, baseline_input), (image_output, baseline_output) = (
            values.chunk(2),
            output.chunk(2),
        )
        change = image_input - baseline_input
        # 0 / 0, or mostly rounding: the limit of Δout/Δin is the derivative
        ratio = torch.where(
            change.abs() < SAME, slope.chunk(2)[0], (image_output - baseline_output) / change
        )
        ctx.save_for_backward(ratio)
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Δout/Δin times what comes back, for both alike."""
        (ratio,) = ctx.saved_tensors
        return gradients[0] * torch.cat([ratio, ratio]), None, None


class RescaledMaxPool(torch.autograd.Function):
    """Max pooling, on image and baseline side by side.

    A window's rise goes to the pixel that is largest in the image, a fall to the one that was
    largest in the baseline: there the change of the input is at least that of the output.
    """

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, window: Sequence[Any], keywords: Mapping[str, Any]
    ) -> Tensor:
        """The largest value of each window."""
        output: Tensor
        output, places = F.max_pool2d(values, *window, **keywords)
        (image_output, baseline_output), (image_places, baseline_places) = (
            output.flatten(2).chunk(2),
            places.flatten(2).chunk(2),
        )
        image_input, baseline_input = values.flatten(2).chunk(2)
        place = torch.where(image_output >= baseline_output, image_places, baseline_places)
        change = (image_input - baseline_input).gather(2, place)
        # the winner is the same and does not move: a max pool then has slope 1
        ratio = torch.where(
            change.abs() < SAME, torch.ones_like(change), (image_output - baseline_output) / change
        )
        ctx.save_for_backward(ratio, place)
        ctx.shape = values.shape
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Each window's share to the pixel that made the change; shares of overlaps add up."""
        ratio, place = ctx.saved_tensors
        share = gradients[0].flatten(2) * torch.cat([ratio, ratio])
        back = share.new_zeros(ctx.shape).flatten(2)
        return back.scatter_add_(2, torch.cat([place, place]), share).view(ctx.shape), None, None
