"""The black-box scorer: perturbation methods draw renders, and only scores come back.

Renders are drawn into one reused buffer that already has the model's number type, memory format
and batch size, so that nearly all of the time goes into the forward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.core.method import Progress
from engine.vision.models.pace import in_batches

if TYPE_CHECKING:
    from engine.vision.case import ImageCase

Draw = Callable[[int, Tensor], None]  # draws render number i into a (3, H, W) view


def laid_out(case: ImageCase, values: Tensor) -> Tensor:
    """Values (3, H, W) in the buffer's own layout, so that drawing with them is cheap."""
    form = case.model.pace(case.precision).memory_format
    return values[None].contiguous(memory_format=form)[0]


def as_drawn(case: ImageCase, image: Tensor) -> Tensor:
    """An image (3, H, W) in the buffer's own number type and layout."""
    return laid_out(case, image.to(case.model.pace(case.precision).dtype))


def in_memory(values: Tensor) -> Tensor:
    """The numbers of a render, or of what is laid out like one, as they lie in memory: a view.

    Number by number a render is drawn three times as fast as by broadcasting a plane (H, W) over
    the channels, which in channels_last are the innermost.
    """
    return values.as_strided((values.numel(),), (1,))


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
    return rendered(case, count, draw, progress, words, (), case.target.of)


def render_logits(
    case: ImageCase, count: int, draw: Draw, progress: Progress, words: str = "looking"
) -> Tensor:
    """Logits (count, classes) of the renders, as `score_renders`."""
    return rendered(case, count, draw, progress, words, (len(case.model.labels),), lambda x: x)


def rendered(
    case: ImageCase,
    count: int,
    draw: Draw,
    progress: Progress,
    words: str,
    shape: tuple[int, ...],
    read: Callable[[Tensor], Tensor],
) -> Tensor:
    """What is read from the outputs of each render, (count, *shape); outputs are not kept."""
    pace = case.model.pace(case.precision)
    run = case.model.runner(case.precision, count)
    batch = min(pace.batch, max(count, 1))
    buffer = torch.empty(batch, *case.image.shape, dtype=pace.dtype)
    buffer = buffer.contiguous(memory_format=pace.memory_format)
    result = torch.empty(count, *shape)

    def work(start: int, end: int) -> None:
        for place, index in enumerate(range(start, end)):
            draw(index, buffer[place])
        with torch.inference_mode():
            result[start:end] = read(run(buffer[: end - start]).float().cpu())
        progress(end / count, words)

    in_batches(count, batch, work, case.model.title)
    return result
