"""A picture of each layer below each other, with its name and what is said of it."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from components.draw import mask_pictures
from components.widgets.viewer import Pixels

TALL = 480  # px of the page, from which on the pictures scroll
STYLE = "padding:1px 8px 1px 0;font-weight:400;text-align:left;white-space:nowrap"


def draw_layer_pictures(
    layers: Sequence[str],
    pictures: Sequence[Pixels],
    alts: Sequence[str],
    texts: Sequence[str],
    heads: tuple[str, str, str],
    high: int,
) -> None:
    style = f"width:100%;height:{high}px;display:block"
    rows = [
        (layer, mask_pictures.image(pixels, alt, style), text)
        for layer, pixels, alt, text in zip(layers, pictures, alts, texts, strict=True)
    ]
    with st.container(height=TALL if len(rows) * (high + 8) > TALL else "content"):
        st.html(as_html(rows, heads))


def as_html(rows: Sequence[tuple[str, str, str]], heads: tuple[str, str, str]) -> str:
    head = "".join(f'<th scope="col" style="{STYLE}">{escape(word)}</th>' for word in heads)
    body = "".join(
        f'<tr><th scope="row" style="{STYLE};max-width:11rem;overflow:hidden;'
        f'text-overflow:ellipsis">{escape(name)}</th><td style="width:100%">{picture}</td>'
        f'<td style="{STYLE};padding-left:8px">{escape(text)}</td></tr>'
        for name, picture, text in rows
    )
    return (
        '<table style="width:100%;border-collapse:collapse;font-size:0.8rem">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def color_legend(colors: Mapping[str, tuple[int, int, int]]) -> str:
    words = "".join(
        f'<span style="margin-right:1.2rem"><span style="display:inline-block;width:0.9em;'
        f'height:0.9em;background:rgb{color};margin-right:0.4em"></span>{escape(word)}</span>'
        for word, color in colors.items()
    )
    return f'<div style="font-size:0.85rem">{words}</div>'
