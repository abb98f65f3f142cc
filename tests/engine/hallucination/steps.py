"""Madry's steps written out again, for the audits that a model is led astray with."""

import numpy as np
import torch


def steps(loss, clean, epsilon, start, count, length=1 / 255):
    """The loss after each step and the best pixels (3, 64, 64) till then, from the start on.

    Args:
        loss: of pixels in [0, 1].
        epsilon: how far a pixel may move, of 255.
        start: where the first ones lie, of epsilon from −1 to 1.
    """
    radius, least = epsilon / 255, np.inf
    now = (clean + radius * start).clamp(0, 1)
    for _ in range(count + 1):
        leaf = now.clone().requires_grad_()
        value = loss(leaf)
        if value.item() < least:
            best, least = now, value.item()
        yield value.item(), best
        (slope,) = torch.autograd.grad(value, leaf)
        now = (now - length * slope.sign()).clamp(clean - radius, clean + radius).clamp(0, 1)


def nearest_levels(pixels, image, epsilon):
    """Pixels as whole levels within epsilon of an image's."""
    change = (255 * pixels.double() - image.double()).round().clamp(-epsilon, epsilon)
    return (image + change).clamp(0, 255)
