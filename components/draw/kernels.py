"""A layer's kernels as a wall of tiles, and what one filter makes of an image."""

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from components.draw import mask_pictures
from components.notices import escape_markdown
from components.widgets.mask_wall import Spot, mask_wall
from engine.core.charts.style import theme
from engine.core.charts.words import signed
from engine.core.result import Floats
from engine.sparsity import PrunableWeight
from engine.sparsity.masks.diagrams import Wall


def draw_wall(
    part: PrunableWeight, kernels: Wall, chosen: int, key: str, on_pick: Callable[[int], None]
) -> None:
    drawn = mask_pictures.wall(kernels, theme())
    reads = int(np.prod(part.shape[1:]))
    spots = [
        Spot(
            number, f"Filter {number}: {kept_count} of {reads} weights stay", box, number == chosen
        )
        for number, kept_count, box in zip(
            kernels.filters.tolist(), kernels.kept, drawn.boxes, strict=True
        )
    ]
    finding = (
        f"Kernels of {part.layer}: {len(kernels.filters)} of {kernels.total[0]} filters, "
        f"{len(kernels.channels)} of {kernels.total[1]} channels"
    )
    with st.container(key=f"{key}.place"):
        source = mask_pictures.source(drawn.pixels, "wall")
        mask_wall(source, spots, finding, key, on_pick, drawn.width)
    rows = "A row of tiles is a filter, with a tile for each input channel"
    if len(kernels.channels) == 1:
        rows = "Each filter has one kernel"
    st.caption(
        f"{escape_markdown(finding)}. {rows}; the fullest come first. Blue: negative, orange: "
        f"positive, up to ± {kernels.limit:.3g}; gray: cut. Click a filter, or move with Tab and "
        "the arrow keys, to see what it makes of the image."
    )


def draw_activations(maps: Mapping[str, Floats], name: str) -> None:
    """What a filter makes of an image in several models, on one scale.

    Args:
        maps: by the model's name in the caption, (h, w); one number where it is (1, 1).
        name: of the filter.
    """
    limit = max(float(np.abs(values).max()) for values in maps.values())
    for column, (model, values) in zip(st.columns(len(maps)), maps.items(), strict=True):
        low, high = float(values.min()), float(values.max())
        if values.size == 1:
            column.metric(model.capitalize(), f"{high:.3g}".replace("-", "−"))
            continue
        words = f"{model}: {low:.3g} to {high:.3g}".replace("-", "−")
        pixels = mask_pictures.signed_picture(values, limit, theme())
        column.html(mask_pictures.image(pixels, f"{name}, {words}"))
        column.caption(words)
    first, *_, last = maps.values()
    if not np.any(last):
        st.caption(f"{name} is silent now: nothing of it stays.")
    elif first.size > 1 and np.ptp(first) and np.ptp(last):
        correlation = float(np.corrcoef(first.ravel(), last.ravel())[0, 1])
        st.caption(f"The two maps go together with r = {signed(correlation)}.")
