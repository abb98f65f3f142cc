"""The model picker: what ships, what the hub has, and weights of one's own."""

from collections.abc import Mapping

import streamlit as st

from components.links import let_go, refuse
from components.notices import escape_markdown, show_problems
from components.picks import search_box, type_text
from components.sidebar import own_weights
from engine.vision.models import catalog
from engine.vision.models.catalog import ModelEntry
from engine.vision.models.classifier import Classifier
from engine.vision.models.words import MOST_LETTERS, USUAL_PROMPT, USUAL_WORDS, WordList
from engine.vision.models.zero_shot import ZERO_SHOT, ask_words, asked_words


def choose() -> Classifier | None:
    """The chosen model, loaded; None, with the reason said, when it cannot be had."""
    offered = {entry.name: entry for entry in catalog.entries()}
    refuse("model", [entry.line for entry in offered.values()], "Model", "one that is offered here")
    let_go("model", offered)  # it was deleted
    model_name = st.session_state.get("model")
    if model_name != st.session_state.setdefault("models.listed", model_name):
        st.session_state["models.whose"] = own_weights.FROM_LIST
    st.session_state["models.listed"] = model_name
    model = own_weights.choose_own()
    name = None if model else choose_listed(offered)
    with st.expander("Another model"):
        own_weights.draw_form()
    if model or name is None:
        return model
    with st.spinner("Loading the model; the first time it is also timed on this machine"):
        loaded_model = loaded(name)
    if loaded_model and (terms := offered[st.session_state["model"]].license):
        st.caption(escape_markdown(f"License: {terms}."))
    return loaded_model


def choose_listed(offered: Mapping[str, ModelEntry]) -> str | None:
    name = st.selectbox(
        "Model",
        [*offered],
        format_func=lambda option: offered[option].line,
        key="model",
        bind="query-params",
        persist_state="session",
        accept_new_options=False,
        label_visibility="collapsed",
    )
    st.session_state["models.listed"] = name
    if offered[name].nbytes:
        st.caption(model_line(offered[name]))
    return with_words(offered[name])


def with_words(entry: ModelEntry) -> str | None:
    """The name to load; of a model that is told its classes, with the words that are typed here.

    None, with the reason said, when the words cannot be read.
    """
    if not entry.available or not entry.name.startswith(ZERO_SHOT):
        return entry.name
    words = type_text(
        "Classes in words of yours",
        ", ".join(USUAL_WORDS),
        "words",
        name="Classes",
        most=MOST_LETTERS,
        lines=True,
        kept=True,
        help="Separated by commas. The image is compared with each; add a word for what else it "
        "could be, because the probabilities add up to 100 % among these words alone.",
    )
    prompts = type_text(
        "Prompt",
        USUAL_PROMPT,
        "prompt",
        most=MOST_LETTERS,
        kept=True,
        help="The sentence that each word is put into, at {}. Several are separated by | and "
        "averaged.",
    )
    with show_problems():
        return ask_words(asked_words(entry.name)[0], WordList.read(words, prompts))


def choose_second(first: Classifier, key: str) -> Classifier | None:
    """Another model to hold beside the first; None when none is wanted or it cannot be had."""
    uploaded_models = own_weights.session_models()
    named = {entry.line: entry.name for entry in catalog.entries() if entry.name != first.name}
    named |= {
        uploaded_model.title: name
        for name, uploaded_model in uploaded_models.items()
        if name != first.name
    }
    line = search_box(
        "Another model beside it",
        list(named),
        key,
        name="Another model",
        placeholder="none",
        rule="one that is offered here",
    )
    if line is None:
        return None
    return uploaded_models[named[line]] if named[line] in uploaded_models else loaded(named[line])


def loaded(name: str) -> Classifier | None:
    with show_problems():
        return catalog.load(name)


def model_line(entry: ModelEntry) -> str:
    figure = main_figure(entry.figures)
    right = f" · {figure} of its test images right" if figure else ""
    return escape_markdown(f"{entry.title} · {entry.nbytes / 1000:,.0f} kB{right}")


def main_figure(figures: Mapping[str, float]) -> str:
    """The share of test images that a model gets right, classes alike where that is known."""
    for name in ("balanced test accuracy", "test accuracy", "validation accuracy"):
        if name in figures:
            return f"{100 * figures[name]:.1f} %"
    return ""
