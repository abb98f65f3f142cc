"""The loop of an ordered attack, the same for every loss: λ · loss + ‖δ‖², AdamW, and bookkeeping.

δ begins as N(0, 0.002²). After each step x + δ is cut to [0, 1]. AdamW's memory is emptied after 5
steps, when it has seen only the way out of the noise. A success whose ‖δ‖ is the smallest so far is
kept, and λ becomes 0.75 λ. With several searches λ is halved in on between 0 and 20 as in the
authors' code: after a success from above, after a failure from below.

Every success is of an image with 8 bits a value: where the real-valued image has the order, it is
rounded and asked about again, and only that counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.attribution.quadattack.order_losses import Loss
from engine.attribution.quadattack.ordered_case import ordered_prefix
from engine.attribution.robustness.gradient_steps import no_gradients
from engine.core.borrow import borrowed
from engine.core.errors import BlindspotError, DoesNotFit
from engine.evaluation.measures.levels import levels_of, levels_to_pixels
from engine.vision.models.classifier import Classifier
from engine.vision.models.differentiated import differentiated
from engine.vision.models.layers import capturing

NOISE = 2e-3
WARM = 5  # steps until AdamW begins anew
EASED = 0.75  # λ after a success
Note = Callable[[int, "OrderStep", Tensor, Tensor], None]  # step, image (3, H, W), logits (C,)


@dataclass(frozen=True)
class OrderSearchRules:
    """How an order is searched: steps of each search, searches, learning rate, largest λ."""

    steps: int
    searches: int
    rate: float
    weight: float


@dataclass(frozen=True)
class OrderStep:
    """Where the search stands after a step: the loss, ‖δ‖₂, places right, and λ."""

    loss: float
    size: float
    right: int
    weight: float


@dataclass(frozen=True)
class OrderSearch:
    """What a search found.

    Args:
        change: of the smallest success, or of the best try, in levels (3, H, W) int16.
        success: whether the 8-bit image has the whole order.
        right: how many leading places it has right.
        at: the step at which it was found, from 0.
        log: every step.
    """

    change: Tensor
    success: bool
    right: int
    at: int
    log: list[OrderStep]


class BestOrder:
    """The smallest success so far, or else the try with the most places right."""

    def __init__(self, model: Classifier, levels: Tensor, order: tuple[int, ...]) -> None:
        self.model, self.levels, self.order = model, levels, order
        self.change, self.size, self.at = torch.zeros_like(levels), np.inf, 0
        self.right, self.loss = -1, np.inf

    @property
    def success(self) -> bool:
        """Whether the whole order was found."""
        return self.right == len(self.order)

    def offer(self, pixels: Tensor, right: int, loss: float, step: int) -> bool:
        """Consider an image (3, H, W); whether it is a new best success."""
        change = levels_of(pixels) - self.levels
        size = float(change.double().norm())
        if right == len(self.order):
            # before the rounded image is asked about, which takes a pass
            if self.success and size >= self.size:
                return False
            right = self.right_of(change)
        if right == len(self.order) or (
            not self.success and (right, -loss) > (self.right, -self.loss)
        ):
            self.change, self.size, self.at = change, size, step
            self.right, self.loss = right, loss
            return right == len(self.order)
        return False

    def right_of(self, change: Tensor) -> int:
        """How many places the image with a change in levels has right."""
        rounded = self.model.logits(levels_to_pixels(self.levels + change)[None])[0]
        return ordered_prefix(self.order, rounded.argsort(descending=True, stable=True).tolist())

    def holds(self, pixels: Tensor) -> bool:
        """Whether an image (3, H, W) is a success, of whatever size."""
        return self.right_of(levels_of(pixels) - self.levels) == len(self.order)


def search_order(
    model: Classifier,
    levels: Tensor,
    order: tuple[int, ...],
    loss: Loss,
    rules: OrderSearchRules,
    generator: torch.Generator,
    note: Note,
) -> OrderSearch:
    """Change an image until the model's first classes are the list.

    Args:
        model: a classifier that ends in a linear layer.
        levels: of the image, (3, H, W) int16.
        order: the classes wanted.
        loss: of features (n,) and logits (C,).
        rules: how long, and how.
        generator: of the noise at the start.
        note: told of each step.
    """
    best, log = BestOrder(model, levels, order), []
    low, high = 0.0, rules.weight
    for search in range(rules.searches):
        weight, succeeded = (low + high) / 2, False
        image = levels_to_pixels(levels).to(model.device)
        noise = NOISE * torch.randn(image.shape, generator=generator).to(image)
        delta = ((image + noise).clamp(0, 1) - image).requires_grad_()
        optimizer = torch.optim.AdamW([delta], rules.rate)
        for step in range(rules.steps + 1):
            features, logits = head_features(model, image + delta)
            loss_value = loss(features, logits)
            ranking = logits.detach().argsort(descending=True, stable=True).tolist()
            right, at = ordered_prefix(order, ranking), search * (rules.steps + 1) + step
            size = float(delta.detach().norm())
            if best.offer((image + delta).detach(), right, float(loss_value.detach()), at):
                succeeded, eased = True, weight * EASED
            else:
                eased = weight
                if right == len(order) and rules.searches > 1 and not succeeded:
                    succeeded = best.holds((image + delta).detach())  # larger, and a success
            log.append(OrderStep(float(loss_value.detach()), size, right, weight))
            note(at, log[-1], (image + delta).detach(), logits.detach())
            if step == rules.steps:
                break
            if step == WARM:
                # its moments are of the way out of the noise
                optimizer = torch.optim.AdamW([delta], rules.rate)
            (slope,) = torch.autograd.grad(weight * loss_value + delta.square().sum(), delta)
            # λ eases after the step: the slope is of the loss that was judged
            weight, delta.grad = eased, slope
            optimizer.step()
            with torch.no_grad():
                delta.copy_((image + delta).clamp(0, 1) - image)
        # where this search began: λ itself may have eased since
        middle = (low + high) / 2
        low, high = (low, middle) if succeeded else (middle, high)
    return OrderSearch(best.change, best.success, max(best.right, 0), best.at, log)


def head_features(model: Classifier, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """What the head sees of one image, (n,), and the logits (C,), with a way back to the pixels.

    Raises:
        DoesNotFit: the model gives no gradients, or its last layer does not see one vector.
        BlindspotError: the logits are no numbers.
    """
    form = model.pace("gradient").memory_format
    with (
        torch.enable_grad(),
        differentiated(no_gradients(model)),
        borrowed(model) as net,
        capturing(net.head, inputs=True) as features,
    ):
        logits = net(pixels[None].contiguous(memory_format=form))
    if not logits.requires_grad:
        raise no_gradients(model)
    if features[0].shape != (1, model.head.in_features):
        raise DoesNotFit(f"{model.title} needs one vector before its last layer for this attack.")
    if not bool(torch.isfinite(logits).all()):
        raise BlindspotError(f"The scores of {model.title} are no numbers: choose another image.")
    return features[0][0], logits[0]
