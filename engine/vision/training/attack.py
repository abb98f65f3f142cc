"""The attack a model is trained against and measured by: projected gradient ascent on its loss.

Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks" (2018),
https://arxiv.org/abs/1706.06083
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Raised = Callable[[Tensor, Tensor], Tensor]  # a loss of logits and targets


@dataclass(frozen=True)
class Pgd:
    """Steps along the gradient's sign, never further than epsilon from a pixel's value.

    Args:
        epsilon: the furthest, in pixel values of [0, 1].
        steps: how many.
        step: how far each goes.
    """

    epsilon: float
    steps: int
    step: float


def pgd(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    attack: Pgd,
    generator: torch.Generator,
    raised: Raised = F.cross_entropy,
) -> Tensor:
    """Images (N, C, H, W) near the given ones that the model finds hard, from a random start.

    Gray images, C = 1, are repeated for the model, and attacked in their one channel. The model is
    asked in eval mode, so that it learns nothing of the images on the way. What is raised is the
    cross-entropy, or another loss of logits and targets.
    """
    training = model.training
    model.eval()
    # drawn on the CPU: a seed gives one start on every device
    noise = torch.empty(images.shape).uniform_(-1, 1, generator=generator).to(images.device)
    result = (images + attack.epsilon * noise).clamp(0, 1)
    try:
        for _ in range(attack.steps):
            with torch.enable_grad():
                leaf = result.detach().requires_grad_()
                loss = raised(model(leaf.expand(-1, 3, -1, -1)), targets)
                (gradient,) = torch.autograd.grad(loss, leaf)
            # the sign alone: whether a loss is a sum or a mean over the batch changes no step
            near = result + attack.step * gradient.sign()
            # the ball first: images lie in [0, 1], so the second cut leaves nothing outside of it
            result = near.clamp(images - attack.epsilon, images + attack.epsilon).clamp(0, 1)
    finally:
        model.train(training)
    return result.detach()
