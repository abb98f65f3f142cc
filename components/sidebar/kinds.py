"""Which kind of model a scan needs, and how to have it."""

import streamlit as st

from components.sidebar.examples import use
from components.sidebar.pictures import Chosen
from engine.anomaly.protocol.in_distribution import is_gray
from engine.vision.models import catalog
from engine.vision.models.chest import CHEST
from engine.vision.models.classifier import Classifier
from engine.vision.models.extras import XRAY

OWN_WEIGHTS = "weights of yours open under “Another model”"


def offer_kind(chosen: Chosen, model: Classifier) -> None:
    """Below an upload that is a scan or has no color: the kind of model that is missing for it."""
    if chosen.name or model.name.startswith(CHEST):
        return
    what = kind_of(chosen)
    if not what:
        return
    if what.startswith("slice"):
        st.info(f"This is a {what}, and no model here has learned from such: {OWN_WEIGHTS}.")
        return
    if not XRAY.installed:
        st.info(
            f"This is a {what}, and no model here has learned from X-rays: `{XRAY.install}` adds "
            f"{XRAY.brings}, and {OWN_WEIGHTS}."
        )
        return
    entry = next(iter(catalog.chests()))
    st.info(f"This is a {what}: if it shows a chest, choose a model for X-rays below.")
    st.button(f"Use {entry.title}", key="kinds.model", on_click=use, args=(entry.name,))


def kind_of(chosen: Chosen) -> str:
    """What a picture is, if it is a gray scan or has no color; "" for photographs."""
    behind = chosen.picture.behind
    if behind is None:
        return "gray image" if is_gray(chosen.picture) else ""
    if behind.values is None:
        return ""
    if behind.unit == "HU":
        return "slice of a CT"
    return "scan" if chosen.view is None or chosen.view.plane == "frame" else "slice of a volume"
