"""The black-box scorer: perturbation methods draw renders, and only scores come back.

Renders are drawn into one reused buffer that already has the model's number type, memory format
and batch size, so that nearly all of the time goes into the forward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.errors import BlindspotError
from engine.method import Progress

if TYPE_CHECKING:
    from engine.case import ImageCase

Draw = Callable[[int, Tensor], None]  # draws render number i into a (3, H, W) view


def as_drawn(case: ImageCase, image: Tensor) -> Tensor:
    """An image (3, H, W) in the buffer's own number type and layout, so that copying is cheap."""
    pace = case.model.pace(case.precision)
    return image[None].to(pace.dtype).contiguous(memory_format=pace.memory_format)[0]


def score_renders(
    case: ImageCase, count: int, draw: Draw, progress: Progress, words: str = "looking"
) -> Tensor:
    """Target scores (count,) of the renders, float32 on the CPU.

    Args:
        case: gives model, target, precision, batch size.
        count: how many renders.
        draw: `draw(i, out)` fills `out` (3, H, W) with render i, in the buffer's own number type.
        progress: told after each batch; may raise to cancel.
        words: what the progress says.
    """
    logits = render_logits(case, count, draw, progress, words)
    return case.target.of(logits)


def render_logits(
    case: ImageCase, count: int, draw: Draw, progress: Progress, words: str = "looking"
) -> Tensor:
    """Logits (count, classes) of the renders, as `score_renders`."""
    pace = case.model.pace(case.precision)
    run = case.model.runner(case.precision)
    batch = min(pace.batch, max(count, 1))
    buffer = torch.empty(batch, *case.image.shape, dtype=pace.dtype)
    buffer = buffer.contiguous(memory_format=pace.memory_format)
    logits = torch.empty(count, len(case.model.labels))
    start = 0
    while start < count:
        size = min(batch, count - start)
        for place in range(size):
            draw(start + place, buffer[place])
        try:
            with torch.inference_mode():
                logits[start : start + size] = run(buffer[:size]).float().cpu()
        except torch.OutOfMemoryError:
            if batch == 1:
                message = f"{case.model.title} does not fit into this device's memory."
                raise BlindspotError(message) from None
            batch //= 2
            continue
        start += size
        progress(start / count, words)
    return logits
