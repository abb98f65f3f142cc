"""The part "Data": choose a data set on the left, look at it on the right."""

from __future__ import annotations

import streamlit as st

from components import lab, lab_data, lab_table, lab_upload
from components.lab import Kind, Wanted
from engine.data.folders import Imported
from engine.data.registry import cached


def draw() -> None:
    """The list, the settings, and what they give."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        kind = lab.pick(told=True)
    if lab.is_table(kind):
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
        words, button = st.columns([3, 1], vertical_alignment="center")
        words.info("Only the first images are made yet; the numbers below count those.")
        if not button.button("Make all", key="lab.all", help="Takes about 10 s a thousand."):
            name = wanted.first
    data = lab.load(name)
    if data is None:
        return
    count, _, height, width = data.images.shape
    lab_data.card(data.card, data.fingerprint, f"{count:,} images of {width} × {height} px")
    if isinstance(kind, Imported):
        lab_upload.skipped(kind)
    lab_data.counts(data)
    shown = lab_data.choose_way()
    split = lab_data.choose_split()
    fingerprint, data = data.fingerprint, lab_data.judged(data)
    truth = lab_data.choose_look(data)
    if shown == lab_data.SHEET:
        lab_data.contact(data, fingerprint, truth, split)
    else:
        lab_data.browse(data, truth, split)
