"""An image of a data set in the sidebar, and the models that learned from that set."""

import numpy as np
import streamlit as st

from components import uploads
from components.ending import end
from components.links import refuse
from components.notices import escape_markdown
from components.picks import hold_back, is_place, pick
from engine.core.errors import BlindspotError
from engine.core.whole import whole_number
from engine.vision import data
from engine.vision.data.dataset import SPLITS, DataSet, Rows
from engine.vision.data.example import SPLIT, Example, with_finding_first
from engine.vision.models import catalog
from engine.vision.models.classifier import Classifier

ANY = "any class"
BY_ID = "the image with id "  # before an id, in place of a class: for images of any split
KEY = "data"  # of the list, and in a link
LINKED = "examples.linked"  # what the link had last, so that another one counts


def choose() -> Example:
    with st.spinner("Making the images; the first time this may take some seconds"):
        data_set = data.load(choose_set())
    rows = choose_rows(data_set)
    refuse("item", lambda word: is_place(word, 1, len(rows)), "Image", f"from 1 to {len(rows)}")
    unseen = not len(rows) or SPLITS[data_set.split[rows[0]]] == SPLIT
    place = st.number_input(
        f"Image (of {len(rows)} that no model here has learned from)"
        if unseen
        else "Image (one that a model here may have learned from)",
        1,
        len(rows),
        key="item",
        bind="query-params",
        persist_state="session",
    )
    chosen = Example(data_set, int(rows[place - 1]))
    text = f"id {chosen.data.ids[chosen.row]}, class {chosen.label}"
    group = chosen.data.truth.get("group")
    if group is not None:
        text += f", group {group[chosen.row]}"
    st.caption(escape_markdown(text + (", with a known mask" if chosen.has_finding else "")))
    return chosen


def choose_set() -> str:
    """The name of a data set: of those that are listed, or of one with settings from a link.

    The list says the latter in words and the link has its name, which can be read back. Streamlit's
    own binding would put the words there, too.
    """
    titles = {entry.card.title: entry.name for entry in data.entries()}
    title_by_name = {name: title for title, name in titles.items()}
    requested = st.query_params.get(KEY, "")
    linked, stored = title_by_name.get(requested, requested), st.session_state.get(KEY) or ""
    named = dict.fromkeys(
        choice for choice in (linked, stored) if choice not in titles and is_known(choice)
    )
    offered = [*titles, *named]
    if linked != st.session_state.get(LINKED) and linked in offered:
        st.session_state[KEY] = linked
    hold_back("Data set", offered, KEY, offered[0], "one that is offered here")
    picked = st.selectbox(
        "Data set",
        offered,
        key=KEY,
        persist_state="session",
        label_visibility="collapsed",
        format_func=lambda choice: choice if choice in titles else own_data_title(choice),
    )
    st.session_state[LINKED] = picked if picked != offered[0] else ""
    set_link(st.session_state[LINKED])
    return titles.get(picked, picked)


def set_link(word: str) -> None:
    """Put the data set into the link; nothing where it is the first, or no image of any is seen."""
    if word:
        st.query_params[KEY] = word
    else:
        st.query_params.pop(KEY, None)


def choose_rows(data_set: DataSet) -> Rows:
    if not len(data_set.rows(SPLIT)):
        st.error(
            f"{escape_markdown(data_set.card.title)} has no test images to choose from: take "
            "more images."
        )
        end()
    rows = with_finding_first(data_set, data_set.rows(SPLIT))
    offered = [ANY]
    offered += [
        name for i, name in enumerate(data_set.classes) if (data_set.labels[rows] == i).any()
    ]
    for word in (st.session_state.get("kind"), st.query_params.get("kind")):
        if word not in offered and row_of(data_set, word) is not None:
            offered.append(str(word))
    kind = pick("Class", offered, "kind", rule=f"a class of {data_set.card.title}", kept=True)
    if kind in data_set.classes:
        return rows[data_set.labels[rows] == data_set.classes.index(kind)]
    row = row_of(data_set, kind)
    return rows if row is None else np.array([row])


def row_of(data: DataSet, word: str | None) -> int | None:
    """The row of an image that is asked for by its id, in any split; None where there is none."""
    number = whole_number((word or "").removeprefix(BY_ID))
    if not (word or "").startswith(BY_ID) or number is None:
        return None
    try:
        return int(data.places(np.array([number]))[0])
    except BlindspotError:
        return None


def offer_models(chosen: Example | None, model: Classifier) -> None:
    """When the model in use has not learned this data set, one that has is a click away."""
    fitting = catalog.trained_on(chosen.data.name) if chosen else ()
    if not chosen or not fitting or model.name in [entry.name for entry in fitting]:
        return
    st.info(f"This model has not learned {escape_markdown(chosen.data.card.title)}.")
    entry = fitting[0]
    st.button(f"Use {entry.title}", key="examples.model", on_click=use, args=(entry.name,))


def use(model: str) -> None:
    """Choose the model, as if by hand."""
    st.session_state["model"] = model


def own_data_title(name: str) -> str:
    """What this person calls the data set of that name. Raises BlindspotError."""
    return data.title_of(
        name, {imported.data.name: title for title, imported in uploads.session_uploads().items()}
    )


def is_known(name: str) -> bool:
    """Whether a name from a link is that of a data set with settings or variants it can have.

    A file of another person is not known, whatever this process holds.
    """
    try:
        return bool(name) and bool(own_data_title(name)) and bool(data.load(name))
    except BlindspotError:
        return False
