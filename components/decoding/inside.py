"""Inside each strategy: a tab with its own pictures and what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from components.charts.tables import as_table, table
from components.decoding import layers, memory, noise, trust, views
from components.decoding.asked import Compared, Spoken
from components.notices import plain

Drawing = Callable[[Compared, Spoken], None]


def show(found: Compared) -> None:
    """A tab for each chosen strategy."""
    titles = [one.title for one in found.spoken]
    first = next((one.title for one in found.spoken if one.name in DRAWINGS), titles[0])
    for tab, one in zip(st.tabs(titles, default=first), found.spoken, strict=True):
        with tab:
            if (drawing := DRAWINGS.get(one.name)) is not None:
                drawing(found, one)
            with st.expander(f"What am I looking at? {one.title}", expanded=drawing is None):
                st.markdown(one.method.about())
                if one.method.paper:
                    st.markdown(f"Reference: {one.method.paper}")


def beams(_found: Compared, one: Spoken) -> None:
    """The answers that were kept open to the end."""
    held = one.answer["beams"]
    st.markdown("**The best whole answers**, by their words' probabilities together:")
    for place, text in enumerate(held.notes):
        st.markdown(f"{place + 1}. “{plain(text.replace(' .', '.'))}”")
    table(as_table(held), f"decoding.{one.name}.beams", whole=True)


def opera(found: Compared, one: Spoken) -> None:
    """Over-trust, and the answers of the search."""
    trust.show(found, one)
    beams(found, one)


DRAWINGS: Mapping[str, Drawing] = {
    "Beam": beams,
    "VCD": noise.copies,
    "DoLa": layers.show,
    "VASparse": memory.show,
    "OPERA": opera,
    "MVP": views.show,
}
