"""The part "Data": choose a data set on the left, look at it on the right."""

from __future__ import annotations

import streamlit as st

from components import lab, lab_data, lab_table, lab_upload
from components.lab import Kind, Wanted
from engine.data.folders import Imported
from engine.data.registry import cached
from engine.data.tabular import Cohort


def draw() -> None:
    """The list, the settings, and what they give."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        kind = lab.pick(told=True)
    if isinstance(kind, type) and issubclass(kind, Cohort):
        lab_table.draw(kind, left, right)
        return
    with left:
        st.markdown("**Settings**")
        wanted = lab.settle(kind)
    with right:
        if wanted is not None:
            look(wanted, kind)


def look(wanted: Wanted, kind: Kind) -> None:
    """Card, numbers, contact sheet and images; of a large set its first images, until asked."""
    name = wanted.name
    if wanted.first and cached(name) is None:
        st.info("Only the first images are made here, so that you need not wait.")
        if not st.button("Make them all", key="lab.all"):
            name = wanted.first
    data = lab.load(name)
    if data is None:
        return
    kb = data.images.shape
    lab_data.card(data.card, data.fingerprint, f"{kb[0]:,} images of {kb[3]} × {kb[2]} px")
    if isinstance(kind, Imported):
        lab_upload.skipped(kind)
    lab_data.counts(data)
    split = lab_data.choose_split()
    look = lab_data.choose_look(data)
    lab_data.contact(data, look, split)
    st.subheader("One image after another")
    lab_data.browse(data, look, split)
