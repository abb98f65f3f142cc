"""An attacker who knows the network: projected gradient descent on the lead, within a ball.

Madry et al. (2018), https://arxiv.org/abs/1706.06083, in the Euclidean norm.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.vision.models.threads import one_thread

REACH = 2.5  # all steps together, in radii

Scores = Callable[[Tensor], Tensor]  # images (N, C, H, W) → scores (N, classes)


@dataclass(frozen=True)
class AttackBudget:
    """How hard it tries.

    Args:
        steps: along the gradient.
        restarts: from how many places, the first of which is the image itself.
        box: whether pixels stay between 0 and 1, so that the result is an image.
    """

    steps: int = 30
    restarts: int = 1
    box: bool = True

    def __call__(
        self, scores: Scores, images: Tensor, own: Tensor, radii: Tensor, seed: int
    ) -> tuple[Tensor, Tensor]:
        """The least lead that each restart found, (restarts, N), and the images of the least.

        Args:
            scores: of the network.
            images: (N, C, H, W).
            own: the class whose lead is attacked, (N,).
            radii: how far each image may move, (N,).
            seed: of where the restarts begin.
        """
        generator = torch.Generator().manual_seed(seed)
        leads, result = [], images.clone()
        least = torch.full((len(images),), torch.inf, device=images.device)
        with one_thread(), torch.enable_grad():
            for restart in range(self.restarts):
                noise = torch.randn(images.shape, generator=generator).to(images)
                start = images + scaled(noise, radii * (restart > 0))
                lead, moved = self.descend(scores, images, start, own, radii)
                result = torch.where((lead < least)[:, None, None, None], moved, result)
                least = torch.minimum(least, lead)
                leads.append(lead)
        return torch.stack(leads), result

    def descend(
        self, scores: Scores, images: Tensor, start: Tensor, own: Tensor, radii: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The least lead on the way from one start, (N,), and the images there."""
        current, result = self.within(start, images, radii), images
        least = torch.full((len(images),), torch.inf, device=images.device)
        # one look more than steps: where the last one led counts too
        for step in range(self.steps + 1):
            leaf = current.detach().requires_grad_()
            lead = lead_of(scores(leaf), own)
            is_lower = lead.detach() < least
            least = torch.where(is_lower, lead.detach(), least)
            result = torch.where(is_lower[:, None, None, None], current, result)
            if step < self.steps:
                (slope,) = torch.autograd.grad(lead.sum(), leaf)
                moved = current - scaled(slope, REACH * radii / self.steps)
                current = self.within(moved, images, radii)
        return least, result

    def within(self, moved: Tensor, images: Tensor, radii: Tensor) -> Tensor:
        """The nearest images that are allowed."""
        offset = moved - images
        size = offset.flatten(1).norm(dim=1)
        share = torch.where(size > radii, radii / size.clamp(min=1e-12), torch.ones_like(size))
        projected = images + offset * share[:, None, None, None]
        # still in the ball: the image is in the box, so the clamp moves no value away from it
        return projected.clamp(0, 1) if self.box else projected


def scaled(directions: Tensor, lengths: Tensor) -> Tensor:
    """Directions (N, C, H, W) of these lengths (N,); nothing where there is no direction."""
    size = directions.flatten(1).norm(dim=1).clamp(min=1e-12)
    return directions * (lengths / size)[:, None, None, None]


def lead_of(scores: Tensor, own: Tensor) -> Tensor:
    """By how much a class is ahead of the best other one, (N,)."""
    others = scores.scatter(1, own[:, None], -torch.inf)
    return scores.gather(1, own[:, None])[:, 0] - others.amax(1)
