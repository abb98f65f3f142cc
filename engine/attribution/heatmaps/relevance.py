"""The propagation rules of LRP, applied while a network runs forward.

Every layer hands the relevance R_k of its outputs z_k down to its inputs. With the contributions of
the inputs to an output summed up as p_k, an input's share is

    R_j = Σ_k (contribution of j to p_k) / p_k · R_k

and the rules differ in p. For a layer z = W a + b, with a⁺, W⁺, b⁺ the positive parts and a⁻, W⁻
the negative ones:

    LRP-ε     p = z, the denominator moved away from 0 by ε
    LRP-γ     p = z + γ · the part of z that has the sign of z; the positive part of z is
              a⁺W⁺ + a⁻W⁻ + b⁺ (for a ≥ 0 this is the rule of the paper, with W + γW⁺)
    z^B       p = W x − W⁺ l − W⁻ h, where pixels lie between l and h; the bias has no share
    pass      p = a: an activation hands down what it is given

What travels backward is not R but the slope R_k / z_k, so that sums, average pools, padding and all
else that is linear need no rule: their derivative is LRP-0. Max pools hand all of it to the winner.
A batch norm right after a convolution or a linear layer becomes part of it (its scale and shift go
into W and b before the rule applies); elsewhere it is a linear layer of its own, with the ε rule.

Bach et al. (2015); Montavon et al. (2019); the form of γ for inputs of both signs: Andéol et al.,
"Learning Domain Invariant Representations by Joint Wasserstein Distance Minimization" (2021)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from engine.attribution.heatmaps.rescale import ELEMENTWISE

STABILIZER = 1e-6  # in every denominator but those of the ε rule, which has its own
ARGUMENTS = {
    F.conv2d: ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    F.linear: ("input", "weight", "bias"),
    F.batch_norm: (
        "input",
        "running_mean",
        "running_var",
        "weight",
        "bias",
        "training",
        "momentum",
        "eps",
    ),
}


@dataclass(frozen=True)
class LinearLayer:
    """A linear layer as it was called: `call(values, weight, bias)` is its output."""

    call: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    values: Tensor
    weight: Tensor
    bias: Tensor | None
    rule: Callable[[LinearLayer, Tensor], Tensor]

    def __call__(self, values: Tensor) -> Tensor:
        """Its output for other inputs."""
        return self.call(values, self.weight, self.bias)

    def merged(self, scale: Tensor, shift: Tensor) -> LinearLayer:
        """The same layer with a batch norm's scale and shift (C,) in its weight and bias."""
        weight = self.weight * scale.view(-1, *[1] * (self.weight.ndim - 1))
        bias = shift if self.bias is None else self.bias * scale + shift
        return replace(self, weight=weight, bias=bias)


def epsilon_rule(layer: LinearLayer, values: Tensor) -> Tensor:
    """The contributions p of LRP-ε and LRP-0: the output itself."""
    return layer(values[:1])


def gamma_rule(gamma: float, layer: LinearLayer, values: Tensor) -> Tensor:
    """The contributions p of LRP-γ: those with the sign of the output count 1 + γ times."""
    above, below = values[:1].clamp(min=0), values[:1].clamp(max=0)
    bias = None if layer.bias is None else layer.bias.clamp(min=0)
    whole = layer(values[:1])
    positive = layer.call(above, layer.weight.clamp(min=0), bias)
    positive = positive + layer.call(below, layer.weight.clamp(max=0), None)
    # the part with the sign of z: z⁺ where z > 0, else z⁻ = z − z⁺
    return whole + gamma * torch.where(whole > 0, positive, whole - positive)


def box_rule(layer: LinearLayer, values: Tensor) -> Tensor:
    """The contributions p of z^B; `values` are the image, the lowest and the highest pixels."""
    image, low, high = values.split(1)
    rising, falling = layer.weight.clamp(min=0), layer.weight.clamp(max=0)
    bounds = layer.call(low, rising, None) + layer.call(high, falling, None)
    return layer.call(image, layer.weight, None) - bounds


class Propagating(TorchFunctionMode):
    """While it is entered, a network's layers pass back relevance slopes in place of derivatives.

    Only the first image of a batch has relevance. With the z^B rule the batch is the image, the
    lowest and the highest pixels.

    Args:
        epsilon: of the ε rule, in the units of a layer's output.
        gamma: of the γ rule in convolutions; None for the ε rule in all layers.
        box: whether the first layer has the z^B rule.
    """

    def __init__(self, epsilon: float, gamma: float | None = None, *, box: bool = False) -> None:
        super().__init__()
        self.epsilon, self.gamma, self.box = epsilon, gamma, box
        self.layers: dict[int, tuple[Tensor, int, LinearLayer]] = {}  # by the id of their output

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run the function; a layer with a rule gives an output that knows it."""
        arguments = dict(zip(ARGUMENTS.get(func, ("input",)), args, strict=False)) | dict(
            kwargs or {}
        )
        values = arguments.pop("input", None)
        if (func not in ARGUMENTS and func not in ELEMENTWISE) or not tracked(values):
            return func(*args, **(kwargs or {}))
        if func in ELEMENTWISE:
            return activation(func, values, args[1:], arguments)
        if func is F.batch_norm:
            return self.batch_norm(values, arguments)
        layer = LinearLayer(
            # weight and bias are popped below, before this runs: stride and the like are left
            lambda v, w, b: func(v, w, b, **arguments),
            values,
            arguments.pop("weight").detach(),
            detached(arguments.pop("bias", None)),
            self.rule(func),
        )
        return self.ruled(layer, layer(values.detach()))

    def rule(self, func: Callable[..., Any]) -> Callable[[LinearLayer, Tensor], Tensor]:
        """The rule of the next convolution or linear layer."""
        if self.box and not self.layers:
            return box_rule
        if self.gamma is not None and func is F.conv2d:
            return partial(gamma_rule, self.gamma)
        return epsilon_rule

    def ruled(self, layer: LinearLayer, output: Tensor) -> Tensor:
        """The output of a layer, with its rule for the way back."""
        epsilon = self.epsilon if layer.rule is epsilon_rule else STABILIZER
        result = with_rule(layer.values, output, partial(layer.rule, layer), epsilon)
        # the output is held, so that its id stays its own; its version tells of overwriting
        self.layers[id(result)] = result, result._version, layer
        return result

    def batch_norm(self, values: Tensor, given: Mapping[str, Any]) -> Tensor:
        """A batch norm in eval mode, merged into the layer before it if there is one."""
        output = F.batch_norm(values.detach(), **given)
        scale = (given["running_var"] + given.get("eps", 1e-5)).rsqrt()
        if (weight := detached(given.get("weight"))) is not None:
            scale = scale * weight
        shift = -given["running_mean"] * scale
        if (bias := detached(given.get("bias"))) is not None:
            shift = shift + bias
        previous, version, layer = self.layers.get(id(values), (None, 0, None))
        if layer is not None and previous is values and version == values._version:
            # straight to the input of the layer before, whose own rule is left out of the graph
            return self.ruled(layer.merged(scale, shift), output)
        return self.ruled(LinearLayer(per_channel, values, scale, shift, epsilon_rule), output)


def tracked(values: object) -> bool:
    """Whether a derivative would be taken with respect to these values."""
    return isinstance(values, Tensor) and values.requires_grad and torch.is_grad_enabled()


def detached(values: Tensor | None) -> Tensor | None:
    """The same without its graph."""
    return None if values is None else values.detach()


def per_channel(values: Tensor, scale: Tensor, shift: Tensor | None) -> Tensor:
    """Channels (N, C, …) times a scale plus a shift, both (C,)."""
    form = (1, -1, *[1] * (values.ndim - 2))
    scaled = values * scale.view(form)
    return scaled if shift is None else scaled + shift.view(form)


def activation(
    func: Callable[..., Any], values: Tensor, options: Sequence[Any], keywords: Mapping[str, Any]
) -> Tensor:
    """An activation with the pass rule, also where it works in place."""
    copy = values.detach().clone()
    output = func(copy, *options, **keywords)
    # a function that works in place returns the memory that it was given
    in_place = output.data_ptr() == copy.data_ptr()
    passed = with_rule(values, output, lambda image: image[:1], STABILIZER)
    # in place, the network goes on with the tensor it has and never looks at the returned one
    return values.copy_(passed) if in_place else passed


def with_rule(
    values: Tensor, output: Tensor, contributions: Callable[[Tensor], Tensor], epsilon: float
) -> Tensor:
    """An output whose relevance goes to the values as their contributions say."""
    result: Tensor = Ruled.apply(values, output, contributions, epsilon)  # type: ignore[no-untyped-call]
    return result


class Ruled(torch.autograd.Function):
    """One layer with its rule."""

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        output: Tensor,
        contributions: Callable[[Tensor], Tensor],
        epsilon: float,
    ) -> Tensor:
        """The output as given; the values are copied, since later layers may overwrite them."""
        ctx.save_for_backward(values.clone(), output)
        ctx.contributions, ctx.epsilon = contributions, epsilon
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None, None]:
        """The slopes R / a of the values, from the slopes R / z of the output."""
        values, output = ctx.saved_tensors
        values = values.detach().requires_grad_()
        with torch.enable_grad():
            total = ctx.contributions(values)
        # R_k / p_k, with R_k = slope · z_k
        shares = slopes[0][:1] * output[:1] / away_from_zero(total.detach(), ctx.epsilon)
        # Σ_k ∂p_k/∂a_j · R_k / p_k, which times a_j is R_j, since p is linear in a
        (back,) = torch.autograd.grad(total, values, shares)
        return back, None, None, None


def away_from_zero(values: Tensor, epsilon: float) -> Tensor:
    """Values with ε added to their size; 0 becomes ε."""
    # not by sign(), which is 0 at 0 and would leave a division by zero
    return values + torch.where(values < 0, -epsilon, epsilon)
