"""A model that a method made: kept on request, then taken to other views."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from components import sharing
from components.notices import show_problems
from components.taking import kept_model, offer
from components.views import DATA_AND_MODELS, FAMILIAR, HEATMAPS, LEVEL_SETS, AppPage
from engine.core.result import Checkpoint

KEEP = "Keep it as a model"
NOT_YOURS = (
    "It was made from a model that was shown to you and is not yours: it can be looked at here, "
    "and not be kept."
)
TAKEN = (HEATMAPS, LEVEL_SETS, FAMILIAR, DATA_AND_MODELS)


def draw_checkpoint(
    view: Checkpoint,
    key: str,
    views: Sequence[AppPage] = TAKEN,
    image: Mapping[str, Any] | None = None,
    *,
    at_once: bool = False,
) -> None:
    """A button that keeps it, or that it is kept and where it can be taken.

    Args:
        view: the model.
        key: what the keys of its buttons begin with.
        views: it can be taken to.
        image: settings of the sidebar that choose an image for it.
        at_once: whether it was asked for in order to be kept, so that no button is needed.
    """
    if json.loads(view.card).get("fingerprint") == view.parent:
        st.info("Nothing was changed: this is the model that is there already.")
        return
    if not sharing.may_copy(view.parent):
        st.info(NOT_YOURS)
        return
    stored = kept_model(view)
    with show_problems():
        if stored is None and (at_once or st.button(KEEP, key=f"{key}.keep", type="primary")):
            sharing.keeper()(view)
            st.rerun()  # so that the sidebar offers it at once
    if stored is not None:
        offer(stored, views, key, image)
