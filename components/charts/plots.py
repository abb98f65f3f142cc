"""A figure on the page: its finding as alt text and in words, and its numbers in a table."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from components.charts.finished import Finished, finished
from components.charts.style import CONFIG, plain_markdown
from components.charts.tables import fold_numbers
from engine.core.result import Table

SLIDE: ContextVar[int | None] = ContextVar("slide", default=None)
TEXT = 28  # px, of a still figure
ABOVE = 72  # px above it, for two lines
BOLD = 1.75  # times
SMALL = 8  # px of a mark that is too small for a room
STILL = CONFIG | {"staticPlot": True}


@contextmanager
def slide(height: int) -> Iterator[None]:
    """Figures inside the block stand alone, still and so many px high: no caption and no table."""
    token = SLIDE.set(height)
    try:
        yield
    finally:
        SLIDE.reset(token)


def with_table(
    figure: go.Figure | Finished,
    words: str,
    tables: Mapping[str, Table],
    key: str,
    on_select: Callable[[Any], None] | None = None,
    *,
    wide: bool = False,
) -> None:
    """The figure with its finding as alt text and caption, and its numbers in a table below.

    With `on_select` a mark can be clicked, and that is told what Streamlit says of it. A wide one
    is scrolled sideways where the window is narrow.
    """
    if (height := SLIDE.get()) is not None:
        still(figure, height, words, key)
        return
    chart: dict[str, Any] = {"theme": "streamlit", "config": CONFIG, "key": key, "alt": words}
    with st.container(key=f"wide.{key}") if wide else nullcontext():  # theme.css keeps its width
        if on_select is None:
            st.plotly_chart(finished(figure), **chart)
        else:
            callback = on_select
            st.plotly_chart(
                finished(figure),
                **chart,
                selection_mode="points",
                on_select=lambda: callback(st.session_state[key]),
            )
    st.caption(plain_markdown(words))
    fold_numbers({f"{key}.{name}": view for name, view in tables.items()})


def still(of: go.Figure | Finished, height: int, words: str, key: str) -> None:
    """The figure as a picture so many px high, all of its texts in one size."""
    figure = go.Figure(finished(of).to_dict())
    figure.update_layout(height=height)
    size = {"size": TEXT}
    axis = {"tickfont": size, "title": {"font": size}}
    figure.update_layout(font=size, legend={"font": size})
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    figure.update_annotations(font=size)
    figure.update_layout(margin_t=ABOVE)
    for trace in figure.data:
        bolder(trace)
    if figure.layout.coloraxis.to_plotly_json():
        bar = figure.layout.coloraxis.colorbar
        below = {"y": 2 * bar.y} if bar.y and bar.y < -0.1 else {}  # clear of the axis's words
        figure.update_coloraxes(colorbar=axis | below)
    st.plotly_chart(figure, theme="streamlit", config=STILL, key=key, alt=words)


def bolder(trace: Any) -> None:
    settings = trace.to_plotly_json()
    if "textfont" in trace:
        trace.textfont.size = TEXT
    size = settings.get("marker", {}).get("size")
    if isinstance(size, int | float) and size <= SMALL:
        trace.marker.size = BOLD * size
    if width := settings.get("line", {}).get("width"):
        trace.line.width = BOLD * width


def show_figure(figure: go.Figure | Finished, words: str, key: str, *, said: bool = True) -> None:
    st.plotly_chart(finished(figure), theme="streamlit", config=CONFIG, key=key, alt=words)
    if said:
        st.caption(plain_markdown(words))
