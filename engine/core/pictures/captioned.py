"""A picture as a file of its own: title, pixels, legend, and what is said of it."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from engine.core.pictures.colors import Ramp
from engine.core.pictures.drawn import INK, PAPER, Pixels, lettering, shortened

NARROWEST = 480  # px of the file's picture; a smaller one has every pixel repeated
EDGE, BAR = 24, 16  # px around everything, and the height of the legend


@dataclass(frozen=True)
class Legend:
    """What the colors of a map stand for.

    Args:
        ramp: the colors from the lowest value to the highest, (n, 3).
        low, middle, high: what stands below its ends and its middle.
        cut: which values are hidden, as a sentence; "" where none is.
    """

    ramp: Ramp
    low: str
    middle: str
    high: str
    cut: str = ""

    @property
    def bar(self) -> Pixels:
        """The colors as a picture, (BAR, n, 3)."""
        return np.ascontiguousarray(np.broadcast_to(self.ramp[None], (BAR, *self.ramp.shape)))


def captioned(
    picture: Pixels, title: str, lines: Sequence[str] = (), legend: Legend | None = None
) -> Pixels:
    """The picture with its title above it, legend and lines below it, (H, W, 3).

    Args:
        picture: (h, w, 3); a small one is enlarged by a whole factor, others keep their pixels.
        title: one line; "" for none.
        lines: sentences below the legend, wrapped where they are long.
        legend: of a map.
    """
    times = -(-NARROWEST // picture.shape[1])
    scaled = picture.repeat(times, 0).repeat(times, 1)
    high, wide = scaled.shape[:2]
    size = max(15, wide // 45)
    line = round(1.5 * size)
    room = int(wide / lettering(size).getlength("n"))
    wrapped = [part for words in lines if words for part in textwrap.wrap(words, room)]
    head = 2 * line if title else 0
    below = EDGE + head + high + line
    legend_height = (BAR + 2 * line) if legend else 0
    page = Image.new("RGB", (wide + 2 * EDGE, below + legend_height + line * len(wrapped)), PAPER)
    pen = ImageDraw.Draw(page)
    pen.text((EDGE, EDGE), shortened(title, size + 3, wide), INK, lettering(size + 3))
    page.paste(Image.fromarray(scaled), (EDGE, EDGE + head))
    if legend:
        top = below - line // 2
        page.paste(Image.fromarray(legend.bar).resize((wide, BAR)), (EDGE, top))
        pen.rectangle((EDGE - 1, top - 1, EDGE + wide, top + BAR), outline=INK)
        for text, place, anchor in (
            (legend.low, 0, "la"),
            (legend.middle, wide // 2, "ma"),
            (legend.high, wide, "ra"),
        ):
            pen.text((EDGE + place, top + BAR + 4), text, INK, lettering(size), anchor)
    for at, part in enumerate(wrapped):
        pen.text((EDGE, below + legend_height + at * line), part, INK, lettering(size))
    return np.asarray(page)
