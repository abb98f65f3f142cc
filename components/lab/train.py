"""The part "Train": choose data and a recipe, watch the curves, keep the model."""

from dataclasses import fields

import streamlit as st

from components import forms
from components.case_form import CaseForm
from components.lab import form, training, unfinished
from components.lab.form import DataRequest
from components.notices import show_problems
from engine.vision.data import DataSet
from engine.vision.data import entry as data_entry
from engine.vision.data.registry import cached
from engine.vision.lab import TrainCase
from engine.vision.models import embedded
from engine.vision.training import Recipe

KEY = "lab.recipe"
FIRST = ("architecture", "epochs", "batch", "optimizer", "rate")


def draw() -> None:
    answer, settings = st.columns([2, 1], gap="large")
    with st.sidebar:
        kind = form.pick_data(told=False)
    with settings:
        st.markdown("**Settings**")
        request = form.data_settings(kind)
        recipe = choose_recipe()
        seed = CaseForm(TrainCase, "lab", kept=True).ask("seed")
    with answer:
        data = full_data(request) if request else None
        if data is not None:
            with show_problems():
                training.show(TrainCase(data, recipe, seed), training.KEY, "Train")
        unfinished.draw()


def full_data(request: DataRequest) -> DataSet | None:
    if request.first and cached(request.name) is None:
        st.info("These images are not made yet; a training needs all of them.")
        if not st.button("Make the images", key="lab.all", type="primary"):
            return None
    return form.load(request.name)


def choose_recipe() -> Recipe:
    st.markdown("**Recipe**")
    plans = {plan.title: plan for plan in embedded.plans().values()}
    st.selectbox(
        "Begin from",
        ["my own", *plans],
        key="lab.plan",
        on_change=follow_plan,
        help="Sets data and recipe as a model that ships was trained; then change what you like.",
    )
    forms.refuse_links(Recipe, KEY, title="Recipe")
    settings = forms.settings(Recipe, KEY, FIRST)
    with st.expander("More settings"):
        rest = [spec.name for spec in fields(Recipe) if spec.name not in FIRST]
        settings |= forms.settings(Recipe, KEY, rest)
    return Recipe(**settings)


def follow_plan() -> None:
    """The form shows the recipe that was picked; a rate between two stops goes to the nearer."""
    plans = {plan.title: plan for plan in embedded.plans().values()}
    if (plan := plans.get(st.session_state["lab.plan"])) is None:
        return
    for spec in fields(Recipe):
        value = getattr(plan.recipe, spec.name)
        control = spec.metadata["control"]
        if getattr(control, "log", False):
            value = nearest_stop(forms.marks(control, getattr(Recipe, spec.name)), value)
        st.session_state[f"{KEY}.{spec.name}"] = value
    st.session_state["lab.data"] = data_entry(plan.data).card.title


def nearest_stop(marks: list[float], value: float) -> float:
    return min(marks, key=lambda mark: abs(mark - value))
