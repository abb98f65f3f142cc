"""A figure on the page: its finding as alt text and in words, and its numbers in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from components.charts.finished import Finished, finished
from components.charts.style import CONFIG, plain_markdown
from components.charts.tables import numbers
from engine.result import Table


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
    chart: dict[str, Any] = {"theme": "streamlit", "config": CONFIG, "key": key, "alt": words}
    with st.container(key=f"wide.{key}") if wide else nullcontext():  # theme.css keeps its width
        if on_select is None:
            st.plotly_chart(finished(figure), **chart)
        else:
            told = on_select
            st.plotly_chart(
                finished(figure), **chart, selection_mode="points",
                on_select=lambda: told(st.session_state[key]),
            )  # fmt: skip
    st.caption(plain_markdown(words))
    numbers({f"{key}.{name}": view for name, view in tables.items()})


def drawn(figure: go.Figure | Finished, words: str, key: str, *, said: bool = True) -> None:
    """A figure with its finding as alt text and, when said, below it."""
    st.plotly_chart(finished(figure), theme="streamlit", config=CONFIG, key=key, alt=words)
    if said:
        st.caption(plain_markdown(words))
