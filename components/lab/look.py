"""The part "Data": choose a data set in the sidebar, look at it."""

import streamlit as st

from components import uploads
from components.lab import data_set, form, table
from components.lab.form import DataRequest, Kind
from engine.vision.data.folders import Imported
from engine.vision.data.registry import cached


def draw() -> None:
    answer, settings = st.columns([2, 1], gap="large")
    with st.sidebar:
        kind = form.pick_data(told=True)
    if form.is_table(kind):
        table.show(kind, answer, settings)
        return
    with settings:
        st.markdown("**Settings**")
        request = form.data_settings(kind)
    with answer:
        if request is not None:
            show_data_set(request, kind)


def show_data_set(request: DataRequest, kind: Kind) -> None:
    answer, pictures, below = (st.container() for _ in range(3))
    name = request.name
    if request.first and cached(name) is None:
        text_column, button_column = below.columns([3, 1], vertical_alignment="center")
        text_column.info("Only the first images are made yet; the numbers count those.")
        if not button_column.button("Make all", key="lab.all", help="Takes about 10 s a thousand."):
            name = request.first
    with answer:
        data = form.load(name)
        if data is None:
            return
        data_set.heading(data.card, data_set.size_text(data))
    count, _, height, width = data.images.shape
    with below:
        size = f"{count:,} images of {width} × {height} px"
        data_set.show_description(data.card, size)
    view_mode, split = data_set.choose_way(), data_set.choose_split()
    data_with_truth = data_set.with_wrong_labels(data)
    truth = data_set.choose_truth(data_with_truth)
    with pictures:
        if view_mode == data_set.SHEET:
            data_set.contact(data_with_truth, data.fingerprint, truth, split)
        else:
            data_set.browse(data_with_truth, truth, split)
    data_set.show_provenance(data.card, data.fingerprint)
    if isinstance(kind, Imported):
        uploads.skipped(kind.skipped)
    data_set.show_counts(data)
