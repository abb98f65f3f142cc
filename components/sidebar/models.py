"""The model picker: what ships, what the hub has, and weights of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from components.links import let_go, refuse
from components.notices import plain
from components.picks import search, type_text
from engine.errors import BadModel
from engine.models import catalog
from engine.models.catalog import ModelEntry
from engine.models.classifier import Classifier
from engine.models.own_file import load_weights, read_labels
from engine.models.words import MOST_LETTERS, USUAL_PROMPT, USUAL_WORDS, WordList
from engine.models.zero_shot import ZERO_SHOT, ask_words, asked_words

MOST_MB = 500  # of weights
LABELS_MB = 1


def choose() -> Classifier | None:
    """The chosen model, loaded; None, with the reason said, when it cannot be had."""
    own: dict[str, Classifier] = st.session_state.setdefault("models.own", {})
    offered = {entry.name: entry for entry in catalog.entries()}
    lines = [entry.line for entry in offered.values()] + [one.title for one in own.values()]
    refuse("model", lines, "Model", "one that is offered here")
    let_go("model", [*offered, *own])  # it was deleted
    name = st.selectbox(
        "Model",
        [*offered, *own],
        format_func=lambda one: offered[one].line if one in offered else own[one].title,
        key="model",
        bind="query-params",
        persist_state="session",
        accept_new_options=False,
        label_visibility="collapsed",
    )
    if name in offered and offered[name].nbytes:
        st.caption(about(offered[name]))
    asked = with_words(offered[name]) if name in offered else name
    with st.expander("Another model"):
        add_own(own)
    if name in own:
        st.caption(plain(f"From your file {st.session_state['models.files'][name][:60]}"))
        return own[name]
    if asked is None:
        return None
    with st.spinner("Loading the model; the first time it is also timed on this machine"):
        model = loaded(asked)
    if model and (terms := offered[name].license):
        st.caption(plain(f"License: {terms}."))
    return model


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
    try:
        return ask_words(asked_words(entry.name)[0], WordList.read(words, prompts))
    except BadModel as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def choose_second(first: Classifier, key: str) -> Classifier | None:
    """Another model to hold beside the first; None when none is wanted or it cannot be had."""
    own: dict[str, Classifier] = st.session_state.setdefault("models.own", {})
    named = {one.line: one.name for one in catalog.entries() if one.name != first.name}
    named |= {one.title: name for name, one in own.items() if name != first.name}
    line = search(
        "Another model beside it", list(named), key, name="Another model", placeholder="none",
        rule="one that is offered here",
    )  # fmt: skip
    if line is None:
        return None
    return own[named[line]] if named[line] in own else loaded(named[line])


def loaded(name: str) -> Classifier | None:
    """The model; None, with the reason said, when it cannot be had."""
    try:
        return catalog.load(name)
    except BadModel as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def about(entry: ModelEntry) -> str:
    """The chosen model's way here, its size and its main figure."""
    figure = main_figure(entry.figures)
    right = f" · {figure} of its test images right" if figure else ""
    return plain(f"{entry.title} · {entry.nbytes / 1000:,.0f} kB{right}")


def main_figure(figures: Mapping[str, float]) -> str:
    """The share of test images that a model gets right, classes alike where that is known."""
    for name in ("balanced test accuracy", "test accuracy", "validation accuracy"):
        if name in figures:
            return f"{100 * figures[name]:.1f} %"
    return ""


def add_own(own: dict[str, Classifier]) -> None:
    """Weights of one's own for a timm architecture."""
    st.caption("Weights as .safetensors or .pt (a state_dict; code in a file is never run).")
    with st.form("models.form", border=False):
        weights = st.file_uploader("Weights", key="models.weights", max_upload_size=MOST_MB)
        architecture = st.text_input("timm architecture", placeholder="resnet18", key="models.arch")
        labels = st.file_uploader(
            "Labels, one a line (optional)", key="models.labels", max_upload_size=LABELS_MB
        )
        sent = st.form_submit_button("Load it")
    if not sent:
        return
    if weights is None or not architecture:
        st.error("Give both a weights file and the name of its timm architecture.")
        return
    try:
        named = read_labels(labels.getvalue(), safe_name(labels.name)) if labels else ()
        model = load_weights(
            weights.getvalue(), safe_name(weights.name), architecture.strip(), named
        )
    except BadModel as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    own[model.name] = model
    st.session_state.setdefault("models.files", {})[model.name] = weights.name
    st.success(f"{model.title} can be chosen above now.")
    st.rerun()


def safe_name(name: str) -> str:
    """A file name without any folder, as letters, digits, dots and dashes."""
    kept = "".join(c if c.isalnum() or c in ".-_" else "_" for c in Path(name).name)
    return kept[-60:] or "weights"
