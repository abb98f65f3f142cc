"""A ranking on the page: its table, how it is read, and its numbers."""

from dataclasses import replace

import streamlit as st

from components.charts.style import stays
from components.charts.tables import fold_numbers
from components.notices import escape_markdown
from engine.core.charts.ranking import RankingTable
from engine.core.result import Table


def draw_ranking(shape: RankingTable, view: Table, finding: str, key: str) -> None:
    st.html(shape.html(stays()))
    if finding:
        st.caption(escape_markdown(finding))
    twin = view.select(shape.columns or view.order)
    fold_numbers({f"{key}.numbers": replace(twin, rows=tuple(shape.names or view.rows))})
