"""The legend of maps that are painted into pictures: both ramps in words and colors."""

import streamlit as st

from components.colors import DIVERGING_LIGHT, SEQUENTIAL, Ramp

STOPS = range(0, 256, 51)


def draw_ramps() -> None:
    signed, plain = (bar(ramp) for ramp in (DIVERGING_LIGHT, SEQUENTIAL))
    st.html(
        f'<p style="font-size:.85rem">maps with signs: lowers the score {signed} raises it &emsp; '
        f"maps without: none {plain} most</p>"
    )


def bar(ramp: Ramp) -> str:
    stops = ",".join("rgb({},{},{})".format(*ramp[at]) for at in STOPS)
    return (
        '<span style="display:inline-block;width:90px;height:10px;vertical-align:middle;'
        f'border:1px solid #808080;background:linear-gradient(90deg,{stops})"></span>'
    )
