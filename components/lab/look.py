"""The part "Data": choose a data set in the sidebar, look at it."""

from __future__ import annotations

import streamlit as st

from components import uploads
from components.lab import data_set, form, table
from components.lab.form import Kind, Wanted
from engine.data.folders import Imported
from engine.data.registry import cached


def draw() -> None:
    """The list, the settings, and what they give."""
    left, right = st.columns([1, 2], gap="large")
    with st.sidebar:
        kind = form.pick_data(told=True)
    if form.is_table(kind):
        table.show(kind, left, right)
        return
    with left:
        st.markdown("**Settings**")
        wanted = form.settle(kind)
    with right:
        if wanted is not None:
            look(wanted, kind)


def look(wanted: Wanted, kind: Kind) -> None:
    """Images, card and numbers; of a large set its first images, until asked."""
    name = wanted.name
    if wanted.first and cached(name) is None:
        words, button = st.columns([3, 1], vertical_alignment="center")
        words.info("Only the first images are made yet; the numbers below count those.")
        if not button.button("Make all", key="lab.all", help="Takes about 10 s a thousand."):
            name = wanted.first
    data = form.load(name)
    if data is None:
        return
    data_set.heading(data.card)
    pictures = st.container()
    shown, split = data_set.choose_way(), data_set.choose_split()
    judged = data_set.judged(data)
    truth = data_set.choose_truth(judged)
    with pictures:
        if shown == data_set.SHEET:
            data_set.contact(judged, data.fingerprint, truth, split)
        else:
            data_set.browse(judged, truth, split)
    count, _, height, width = data.images.shape
    data_set.card(data.card, data.fingerprint, f"{count:,} images of {width} × {height} px")
    if isinstance(kind, Imported):
        uploads.skipped(kind)
    data_set.counts(data)
