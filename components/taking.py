"""Taking a model along: whether it is kept, and buttons that open another view with it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from components.notices import escape_markdown
from components.sidebar.examples import ANY, is_known
from components.sidebar.held import go
from components.sidebar.pictures import FROM_DATA
from components.views import AppPage
from engine.core.result import Checkpoint
from engine.vision import data as data_sets
from engine.vision.models import catalog, checkpoints
from engine.vision.models.card import ModelCard
from engine.vision.models.checkpoints import Stored
from engine.vision.models.class_names import without_names


def kept_model(view: Checkpoint) -> Stored | None:
    """The model as it is kept and shown to this person, or None."""
    names = checkpoints.names_of(without_names(ModelCard.from_json(view.card)))
    return next(
        (checkpoint for checkpoint in checkpoints.visible_models() if checkpoint.name in names),
        None,
    )


def offer(
    stored: Stored, views: Sequence[AppPage], slot: str, image: Mapping[str, Any] | None = None
) -> None:
    """That it is kept, and a button for each view that it can be taken to."""
    st.success(
        f"Kept as a model: {escape_markdown(stored.card.trail)}, {stored.nbytes / 1000:,.0f} kB.",
        icon=":material/inventory_2:",
    )
    with st.container(horizontal=True):
        for view in views:
            transfer_button(stored.name, view, slot, image)


def transfer_button(
    name: str,
    view: AppPage,
    slot: str,
    image: Mapping[str, Any] | None = None,
    kind: Literal["primary", "secondary"] = "secondary",
) -> None:
    """A button that makes it the subject's model, with an image of its data, and opens a view.

    A link with the model in it would not do: the sidebar's picker keeps what it has.

    Args:
        name: of the model in the catalog.
        view: that is opened.
        slot: what the button's key begins with.
        image: settings of the sidebar that choose the image; the first of its data if not given.
        kind: of the button.
    """

    def choose() -> None:
        chosen = image_for(name) if image is None else image
        st.session_state.update({"model": name, **chosen})

    label, key = f"Take it to {view.title}", f"{slot}.take.{view.address}"
    if st.button(label, key=key, icon=view.icon, type=kind, on_click=choose):
        go(view, link_of(name))


def link_of(name: str) -> dict[str, str]:
    """How a link names the model, and the image that is chosen beside it."""
    lines = {entry.name: entry.line for entry in catalog.entries()}
    state = st.session_state
    image = {key: str(state[key]) for key in ("image", "data", "kind", "item") if key in state}
    return {"model": lines[name], **image} if name in lines else image


def image_for(name: str) -> dict[str, Any]:
    data = next(
        (small_model.data for small_model in catalog.local_entries() if small_model.name == name),
        "",
    )
    title = title_of(catalog.word_of(data))
    state = st.session_state
    if not title or (state.get("image") == FROM_DATA and state.get("data") == title):
        return {}
    return image_of(title)


def title_of(data: str) -> str:
    """By which the sidebar offers a data set; "" for one that it does not offer.

    One with settings, or of the person's own, is offered by its name.
    """
    title = next((entry.card.title for entry in data_sets.entries() if entry.name == data), "")
    return title or (data if is_known(data) else "")


def image_of(title: str, kind: str = ANY) -> dict[str, Any]:
    """The sidebar's settings for the first image of a data set, or of a class of it."""
    return {"image": FROM_DATA, "data": title, "kind": kind, "item": 1}
