"""Taking a model along: whether it is kept, and buttons that open another view with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from components.views import View
from engine.models import checkpoints
from engine.models.card import Card
from engine.models.checkpoints import Stored
from engine.result import Checkpoint


def kept(view: Checkpoint) -> Stored | None:
    """The model as it is kept, or None."""
    name = checkpoints.PREFIX + checkpoints.short(Card.from_json(view.card).fingerprint)
    return next((one for one in checkpoints.listed() if one.name == name), None)


def take(name: str, view: View, slot: str, image: Mapping[str, Any] | None = None) -> None:
    """A button that makes it the subject's model and opens a view.

    A link with the model in it would not do: the sidebar's picker keeps what it has.

    Args:
        name: of the model in the catalog.
        view: that is opened.
        slot: what the button's key begins with.
        image: settings of the sidebar that choose an image too.
    """

    def choose() -> None:
        st.session_state.update({"model": name, **(image or {})})

    label = f"Take it to {view.title}"
    if st.button(label, key=f"{slot}.take.{view.address}", icon=view.icon, on_click=choose):
        st.switch_page(view.path, query_params={})  # without {} Streamlit refuses, for bound ones
