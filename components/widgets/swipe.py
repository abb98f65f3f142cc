"""Two pictures of one size over each other, with an edge that a person moves between them."""

from functools import partial

import numpy as np
from PIL import Image

from components.widgets.encoding import data_url
from components.widgets.mounting import mounted
from components.widgets.pictures import ENCODED, encoded
from engine.core.pictures import Pixels


def swipe(left: Pixels, right: Pixels, names: tuple[str, str], key: str) -> None:
    """Draw them; the second is brought to the size of the first, (H, W, 3)."""
    height, width = left.shape[:2]
    if right.shape != left.shape:
        right = np.asarray(Image.fromarray(right).resize((width, height)))
    sources = [
        ENCODED.get(picture, "picture", partial(lambda pixels: data_url(*encoded(pixels)), picture))
        for picture in (left, right)
    ]
    mounted(__file__)(
        key=key, data={"sources": sources, "names": names, "width": width, "height": height}
    )
