"""What every class activation map shares: a layer's maps, their gradients, and the enlargement.

The patch tokens of a vision transformer, laid out as they lie over the picture, and Swin's tokens,
channels last, are maps like any others.

The maps are copied before the network goes on, because the next layer may overwrite them in place
(ReLU6 after a convolution, a residual sum). The graph starts at the layer, so that one pass costs a
forward and the backward of what lies above the layer, no more.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.core.borrow import borrowed
from engine.core.errors import BadSetting, DoesNotFit
from engine.core.method import Choice
from engine.core.result import HeatMap
from engine.vision.case import ImageCase

LAYER = Choice(source="maps", off="the last one")
LAYER_HELP = (
    "Where the maps are read. The last layer knows most about the class and least about the place; "
    "earlier ones draw finer and say less. A transformer's patches are read as a map."
)


def chosen_layer(case: ImageCase, name: str | None) -> str:
    """The layer asked for, or the deepest one that still is a map."""
    map_layers = case.options("maps")
    if not map_layers:
        raise DoesNotFit(f"{case.model.title} has no layer that is a map.")
    if name is None:
        return map_layers[-1]
    if name not in map_layers:
        message = f"{case.model.title} has no map at layer {name!r}; choose one of "
        raise BadSetting(message + ", ".join(map_layers) + ".")
    return name


def maps_and_gradients(case: ImageCase, layer: str) -> tuple[Tensor, Tensor]:
    """Maps A and the score's gradient ∂f/∂A at a layer, both (C, h, w), float32 on the CPU."""
    model = case.model
    pace = model.pace("exact")
    activations: list[Tensor] = []

    def begin_here(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
        if activations:  # a layer used twice is read where it comes first, as Classifier.maps does
            return None
        activations.append(output.detach().requires_grad_())
        return activations[0].clone()

    with borrowed(model) as net, torch.enable_grad():
        net.layer(layer).register_forward_hook(begin_here)
        pixels = case.image[None].to(model.device, memory_format=pace.memory_format)
        score = case.target.of(net(pixels))
        (gradient,) = torch.autograd.grad(score.sum(), activations[0])
    maps, slopes = (
        model.place(layer).as_maps(values)[0] for values in (activations[0].detach(), gradient)
    )
    return maps.cpu().contiguous(), slopes.cpu().contiguous()


def enlarged(maps: Tensor, case: ImageCase) -> Tensor:
    """Maps (…, h, w) at the working size, bilinear between the centers of the layer's cells."""
    size = case.image.shape[1:]
    flat = maps.reshape(1, -1, *maps.shape[-2:])
    grown = F.interpolate(flat, size=size, mode="bilinear", align_corners=False)
    return grown.view(*maps.shape[:-2], *size)


def activation_map(cells: Tensor, case: ImageCase, unit: str, *, signed: bool = False) -> HeatMap:
    """A layer's cells (h, w) as a map of pixels; what lowers the score goes when unsigned."""
    # ReLU before the enlargement: halfway between cells of both signs, values would cancel
    activation = cells if signed else cells.relu()
    return HeatMap(enlarged(activation, case).numpy(), unit=unit, signed=signed)
