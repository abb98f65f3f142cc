"""The LFA paper's three experiments on the person's image: recovery, convergence, perturbation."""

from functools import partial

import streamlit as st

from components.draw.drawing import draw
from components.draw.over_columns import over_columns
from components.picks import pick
from components.section import Section
from components.which_explanation.form import KEY, ExplainerTrial
from engine.attribution.lfa import LFAExperiments
from engine.attribution.lfa.findings import feature_effects, settled
from engine.core.charts.drawing import Views

CHANGES = {"Set to nothing": "zeroed", "Given noise": "noised"}


def show(trial: ExplainerTrial) -> None:
    method = LFAExperiments(**trial.method.settings())
    Section(
        f"{KEY}.experiments", method, trial.case,
        evidence=[over_columns("convergence", "Convergence: do more samples still change it?",
                               "distance to its twin", settled)],
        detail=perturbation, button="Run the experiments",
        before="Does each explainer find a linear model, does it settle with more samples, and "
        "how far do the features it calls strongest move the score?",
        known=trial.about.arguments,
    ).show()  # fmt: skip


def perturbation(result: Views) -> None:
    st.markdown("**Perturbation: how far does the score move?**")
    change = pick("The chosen features are", list(CHANGES), f"{KEY}.experiments.change", "pills")
    for place, end in zip(st.columns(2, gap="large"), ("strongest", "weakest"), strict=True):
        name = f"{end} {CHANGES[change]}"
        with place:
            title = f"change in score ({result[name].units[0]})"
            drawing = over_columns(
                name, f"By the {end} features", title, partial(feature_effects, end=end)
            )
            draw(drawing, result, f"{KEY}.experiments.{name}")
