"""Small maps of each layer, for each of some words: colored squares on one scale."""

import numpy as np

from components.colors import DIVERGING_LIGHT, SEQUENTIAL
from components.draw.pictures import draw_pictures
from engine.core.result import Grids, Pictures

SQUARE = 12  # px of a token's square in the picture


def draw_grids(view: Grids, key: str, finding: str = "", words: tuple[str, ...] = ()) -> None:
    """A row for each word, a column for each layer; a color is the same value everywhere."""
    draw_pictures(as_pictures(view, finding, words), key)


def as_pictures(view: Grids, finding: str = "", words: tuple[str, ...] = ()) -> Pictures:
    values = np.nan_to_num(view.values.astype(np.float64))
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    limit = max(-low, high) or 1.0
    shares, ramp = (
        ((values / limit + 1) / 2, DIVERGING_LIGHT) if low < 0 else (values / limit, SEQUENTIAL)
    )
    colored = ramp[np.rint(255 * shares).astype(np.uint8)]
    images = colored.repeat(SQUARE, 2).repeat(SQUARE, 3)
    rows = words or tuple(f"word {place + 1}" for place in range(len(values)))
    layers = tuple(f"layer {place + 1}" for place in range(values.shape[1]))
    scale = f"All on one scale, from {low:.3g} to {high:.3g} {view.unit}.".replace("-", "−")
    return Pictures(images, rows, layers, f"{finding} {scale}".strip())
