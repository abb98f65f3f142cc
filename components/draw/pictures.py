"""A labeled grid of images: a plain table, which a screen reader can walk through."""

from html import escape
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components.charts.style import plain_markdown, stays
from components.exports import encoded
from components.widgets.downloads import download
from components.widgets.encoding import RecentEncodings, data_url, light
from engine.core.pictures import labeled_grid
from engine.core.result import Pictures

SMALL = 128  # px; pixels of smaller images are drawn as squares
MANY = 8  # columns, from which on they are scrolled to rather than drawn still narrower
THREE = 3  # columns that a telephone shows side by side, below the label of their row
FEW = 4  # columns that are not drawn narrower than a finger is long
CSS = Path(__file__).with_suffix(".css")
ENCODED = RecentEncodings[str](256)


def draw_pictures(view: Pictures, key: str) -> None:
    st.html(f"<style>{CSS.read_text('utf-8')}</style>{as_html(view)}")
    with st.container(horizontal=True):  # the button keeps its width, however narrow the place
        st.caption(plain_markdown(f"{view.finding} {view.unit}".strip()))
        download("PNG", lambda: encoded(labeled_grid(view)), "blindspot-pictures.png", f"{key}.png")


def as_html(view: Pictures) -> str:
    named = any(view.rows)
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in view.columns)
    rows = "".join(
        (f'<tr><th scope="row" style="{stays()}">{escape(name)}</th>' if named else "<tr>")
        + "".join(cell_html(view, row, column) for column in range(len(view.columns)))
        + "</tr>"
        for row, name in enumerate(view.rows)
    )
    count = len(view.columns)
    kind = "bs-pictures" + (" bs-few" if count <= FEW else " bs-many" if count > MANY else "")
    kind += " bs-three" if count <= THREE else ""
    corner = "<td></td>" if named else ""
    across = f"--across: {count / len(view.rows):.3g}"
    return (
        f'<figure class="{kind}" style="{across}" tabindex="0" '
        f'aria-label="{escape(view.finding)}"><table>'
        f"<thead><tr>{corner}{heads}</tr></thead><tbody>{rows}</tbody></table></figure>"
    )


def cell_html(view: Pictures, row: int, column: int) -> str:
    image, caption = view.images[row, column], view.caption(row, column)
    small = ' class="bs-small"' if max(image.shape[:2]) < SMALL else ""
    words = escape(", ".join(filter(None, (view.columns[column], view.rows[row]))))
    below = f"<small>{escape(caption)}</small>" if caption else ""
    return f'<td><img src="{url(image)}" alt="{words}"{small}>{below}</td>'


def url(image: NDArray[np.uint8]) -> str:
    """The image within the page, encoded once."""
    plain = image[..., 0] if image.shape[-1] == 1 else image
    return ENCODED.get(plain, "", lambda: data_url(*light(Image.fromarray(plain))))
