"""Which tiles of a training bag the student was not shown, from the first epoch to the last."""

import numpy as np
from numpy.typing import NDArray

from components.slides.form import ShownBag
from engine.attribution.mhim.bags import laid_out, on_slide
from engine.attribution.mhim.masks import HIGH, KINDS, UNMASKED
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Pictures, Table

MOMENTS = 5
TINTS = {1: (213, 94, 0), 2: (120, 120, 120), 3: (0, 114, 178), 4: (0, 158, 115)}
NAMES = {1: "orange", 2: "gray", 3: "blue", 4: "green"}
COVER = 0.65  # how much of a masked tile its color covers


def masked(question: ShownBag) -> Drawing:
    def made(result: Views) -> Pictures:
        table: Table = result["masks"]
        bag_rows = np.flatnonzero(table["bag"] == table["bag"][0])
        moments = bag_rows[
            np.linspace(0, len(bag_rows) - 1, min(MOMENTS, len(bag_rows))).round().astype(int)
        ]
        kinds = np.stack([table[f"tile {at}"] for at in range(question.layout.size)], 1)[moments]
        rows = question.layout.rows[int(table["bag"][0])]
        images = np.stack([tinted(question.case.data.images[rows], kind) for kind in kinds])
        steps = tuple(f"step {int(table['step'][at])}" for at in moments)
        return Pictures(images[None], ("",), steps, legend_text(question, kinds, table["bag"][0]))

    return Drawing("masks", "What the student is not shown", made=made, wide=True)


def legend_text(question: ShownBag, kinds: NDArray[np.int8], bag: int) -> str:
    present = [kind for kind in TINTS if (kinds == kind).any()]
    colors = "; ".join(f"{NAMES[kind]}: {KINDS[kind]}" for kind in present)
    key = question.layout.key[int(bag)]
    first, last = int((kinds[0][key] != UNMASKED).sum()), int((kinds[-1][key] != UNMASKED).sum())
    hidden = f"Of {int(key.sum())} key tiles {first} are hidden at the first step shown, {last} at "
    hidden += "the last."
    high = int((kinds[0] == HIGH).sum())
    return f"{hidden} {colors}. The highest: {high} tiles at first." if colors else hidden


def tinted(tiles: NDArray[np.uint8], kinds: NDArray[np.int8]) -> NDArray[np.uint8]:
    """A bag's picture (H, W, 3) with its masked tiles in the color of their kind."""
    picture = np.broadcast_to(
        laid_out(tiles).transpose(1, 2, 0), (*laid_out(tiles).shape[1:], 3)
    ).astype(np.float32)
    places = on_slide(kinds.astype(np.float32), tiles.shape[2:4])
    for kind, tint in TINTS.items():
        spot = places == kind
        picture[spot] = (1 - COVER) * picture[spot] + COVER * np.array(tint)
    return picture.round().astype(np.uint8)
