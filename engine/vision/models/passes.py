"""How many passes through a network something takes, counted image by image.

A backward pass finds the gradients of both what goes in and the weights, and is counted as the work
of two forward passes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor

BACKWARD = 2  # forward passes that a backward pass counts for


@dataclass
class Passes:
    """Images that went forward, and whose derivatives went back."""

    forward: int = 0
    backward: int = 0

    @property
    def work(self) -> int:
        """In forward passes of an image."""
        return self.forward + BACKWARD * self.backward

    def add(self, forward: float, backward: float) -> None:
        """Passes that others made on its behalf."""
        self.forward += int(forward)
        self.backward += int(backward)


_counted: ContextVar[Passes | None] = ContextVar("_counted", default=None)


@contextmanager
def counting_passes(passes: Passes | None) -> Iterator[None]:
    """Inside, the passes of this thread count for that bill, and for no outer one.

    Args:
        passes: the bill; with None nothing is counted, as for what only measures.
    """
    token = _counted.set(passes)
    try:
        yield
    finally:
        _counted.reset(token)


def note_both(images: int) -> None:
    """Count images that went forward and back in other threads, which know of no bill."""
    if (passes := _counted.get()) is not None:
        passes.add(images, images)


def note_pass(logits: Tensor) -> None:
    """Count a forward pass, and every backward pass through it that comes.

    A derivative that is derived once more counts again.
    """
    passes = _counted.get()
    if passes is None or torch.is_inference_mode_enabled():
        return
    images = len(logits)
    passes.forward += images

    def back(slope: Tensor) -> None:
        passes.backward += images
        if slope.requires_grad:
            slope.register_hook(again)

    def again(_: Tensor) -> None:
        passes.backward += images

    if logits.requires_grad:
        logits.register_hook(back)
