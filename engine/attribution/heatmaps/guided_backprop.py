"""Guided backpropagation: the gradient, with all that argues against cut off on the way back.

At every rectifier the gradient that comes back is cut at zero, then passed on by the rectifier's
own slope: ReLU lets it through where its input was positive, ReLU6 where 0 < input < 6. The paper
knows only ReLU. Smooth rectifiers (GELU, SiLU, hard swish, ELU, softplus, Mish, leaky ReLU) are
treated alike, with their own slope; sigmoid and tanh are gates, not rectifiers, and keep the
ordinary gradient.

Rectifiers are found in the graph that autograd records, so one that is called as a function, works
in place or is used twice counts like any other; captum's hooks see modules of the one type nn.ReLU
and give the plain gradient on a network of ReLU6. Only an activation that a network computes by an
autograd function of its own is not recognized.

Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All Convolutional
Net" (2015), https://arxiv.org/abs/1412.6806
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.errors import DoesNotFit
from engine.core.method import Method, Progress, quiet, setting
from engine.core.result import Result
from engine.evaluation.maps.gradient import CHANNELS, CHANNELS_HELP, pixel_map
from engine.vision.case import ImageCase
from engine.vision.models.operations import RECTIFIERS, nodes, operation


@dataclass(frozen=True)
class GuidedBackprop(Method[ImageCase]):
    """Lines and textures that some chain of excited units carries up to the score.

    Going back from the score, everything that argues against it is cut off at each rectifier.
    What remains is sharp, but it shows mostly what the network sees at all: the map hardly changes
    with the class or even with random last layers. The numbers have the gradient's unit, score
    per full brightness, but are no slope of anything. Do not read it as what the class depends on.
    """

    name = "GuidedBackprop"
    family = "attribution"
    title = "Guided backpropagation"
    cost = "live"
    paper = "Springenberg et al. 2015, https://arxiv.org/abs/1412.6806"
    needs = frozenset({"gradient", "rectifier"})
    proof = (
        "tests/engine/attribution/test_gradient.py"
        "::test_it_equals_the_rule_worked_out_layer_by_layer"
    )

    channels: str = setting("signed", CHANNELS, "Channels", CHANNELS_HELP)

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: map, in score per full brightness, signed unless sizes are added."""
        gradient = guided_gradient(case)
        progress(1.0, "one guided backward pass")
        return {"map": pixel_map(gradient, self.channels, f"{case.target.unit} per brightness")}


def guided_gradient(case: ImageCase) -> Tensor:
    """The guided gradient of the score with respect to the pixels, (3, H, W), on the CPU."""
    memory_format = case.model.pace("exact").memory_format
    pixels = case.image[None].to(case.model.device, memory_format=memory_format)
    pixels = pixels.detach().requires_grad_()
    score = case.target.of(case.model(pixels))
    rectifiers = [node for node in nodes(score) if operation(node) in RECTIFIERS]
    if not rectifiers:
        raise DoesNotFit(f"{GuidedBackprop.title}: it needs rectifiers, and this model has none.")
    for node in rectifiers:
        node.register_prehook(only_positive)
    (gradient,) = torch.autograd.grad(score.sum(), pixels)
    return gradient[0].cpu().contiguous()


def only_positive(gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What comes back to a rectifier, without what argues against."""
    return tuple(gradient.clamp(min=0) for gradient in gradients)
