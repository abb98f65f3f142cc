"""What only changed data have to forget: a model that learned them is trained, or chosen, here."""

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from components import forms, runs, sharing
from components.case_form import CaseForm
from components.ending import end
from components.forget.asked import KEY
from components.notices import escape_markdown
from components.section import Section
from engine.core import run
from engine.core.charts.drawing import Drawing
from engine.core.errors import BlindspotError
from engine.unlearning import ForgetRequest
from engine.unlearning.case import recipe_of
from engine.vision import data as data_sets
from engine.vision.data import DataSet
from engine.vision.data.modes import Merged
from engine.vision.data.recipe import Variant
from engine.vision.data.variants import NoisyLabels, Poisoned
from engine.vision.lab import Train, TrainCase, keep
from engine.vision.models import catalog
from engine.vision.models.classifier import Classifier

GO_TO = f"{KEY}.data.next"  # the name of data that is to be chosen in the next run
LABEL = "Train it and choose it"
WORDS = {NoisyLabels: "wrong labels", Poisoned: "planted images", Merged: "merged classes"}
VARIANT_SETTINGS = {
    NoisyLabels: ("share", "kind"),
    Poisoned: ("share", "target"),
    Merged: ("into",),
}
BY_HEART = (
    ", but without moving or mirroring the images: a network that sees them moved does not learn "
    "wrong labels by heart, and has none to forget"
)


def variant_request(
    data: DataSet,
    model: Classifier,
    variant: type[Variant],
    find: Callable[[DataSet], ForgetRequest],
) -> ForgetRequest:
    """Images that only some data has; where there are none, say why, offer a model that learned
    some, and end the page here.
    """
    try:
        return find(data)
    except BlindspotError as error:
        st.info(escape_markdown(str(error)), icon=":material/info:")
    offer_training(data, model, variant)
    return end()


def offer_training(data: DataSet, model: Classifier, kind: type[Variant]) -> None:
    forms.refuse_links(kind, f"{KEY}.{kind.word}")
    with st.container(horizontal=True):
        variant = kind(**forms.settings(kind, f"{KEY}.{kind.word}", VARIANT_SETTINGS[kind]))
    name = f"{data.name}+{variant.name}"
    recipe, unaugmented = recipe_of(model), kind is not Merged
    if unaugmented:
        recipe = replace(recipe, shift=0, mirror=False)
    case = TrainCase(data_sets.load(name), recipe)
    trained = run.kept_answer(Train(), case)
    if trained and runs.pressed_for(trained):
        keep(trained, sharing.keeper())
        go_to(name)
    if any(small_model.data == name for small_model in catalog.local_entries()):
        st.markdown("A model here has learned from such images already.")
        if st.button("Choose it and its data", key=f"{KEY}.train.choose", type="primary"):
            go_to(name)
        return
    st.markdown(
        escape_markdown(
            f"A model can forget only what it learned: train one on {data.card.title} with "
            f"{WORDS[kind]}, by the recipe of {model.title} ({recipe.epochs} epochs)"
            f"{BY_HEART if unaugmented else ''}. It is kept as a model, and both are then "
            "chosen here."
        )
    )
    result = Section(
        KEY, Train(), case, evidence=[Drawing("log")], button=LABEL, keeps=True, explained=False
    ).show()
    if result and st.button(LABEL, key=f"{KEY}.train.keep", type="primary"):
        keep(result, sharing.keeper())
        go_to(name)


def go_to(name: str) -> None:
    st.session_state[GO_TO] = name
    st.rerun()


def follow(form: CaseForm) -> None:
    """Choose the data that `go_to` named, before its widget is drawn."""
    titles = {option.name: option.title for option in form.kind.offered("data", form.beside)}
    if (name := st.session_state.pop(GO_TO, None)) in titles:
        st.session_state[form.key_of("data")] = titles[name]
