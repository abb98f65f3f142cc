"""The section of Which explanation?: eight maps, and which of them predicts what matters."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.draw.agreement import draw_agreement
from components.draw.drawing import draw
from components.draw.maps import draw_maps, first_screen
from components.exports import python_call
from components.section import Section
from components.which_explanation import experiments, losses, maps
from components.which_explanation.form import KEY, ExplainerTrial
from components.widgets.viewer import Panel
from engine.attribution.lfa import ROWS, findings
from engine.attribution.lfa.shares import descending_rows, fresh_shares, shares_of_change
from engine.core.charts.drawing import Views

AGREEMENT = {"Direction": "cosine", "Order": "order", "Strongest": "strongest", "Sign": "sign"}
ABOUT_MAP = (
    "Each map puts the features in order of size, from 0 for the weakest to 1 for the strongest. "
    "Bright is where the eight give one feature very different places: 0 is one opinion; 0.5, the "
    "most there can be, is half of them saying strongest and half weakest."
)


def show(trial: ExplainerTrial, rest: DeltaGenerator) -> None:
    maps.drop_maps(trial)
    target = trial.case.target.words(trial.case.model.labels)
    result = Section(
        KEY,
        trial.method,
        trial.case,
        f"Which map of “{target}” to trust, and for what?",
        lambda result: advice(trial, result),
        picture=lambda result: picture(trial, result),
        detail=lambda result: show_all_maps(trial, result),
        below=rest,
        button="" if trial.small else "Try each where others look",
        before="Each explainer is a small linear model of the network. Here each is tried "
        "where the seven others look, at samples that none was fitted to: does it predict the "
        "score there? It takes gradients at every sample of all eight, and can be stopped.",
        waiting=lambda: maps.one_by_one(trial),
        known=trial.about.arguments,
        script=lambda: python_call(trial.method, trial.about, "squared loss"),
    ).show()
    if result is not None:
        with rest, st.expander("The paper's three experiments on this image"):
            experiments.show(trial)


def advice(trial: ExplainerTrial, result: Views) -> str:
    if trial.about.in_distribution.foreign:
        return losses.WITHHELD
    return findings.advice(result, trial.change)


def picture(trial: ExplainerTrial, result: Views) -> None:
    if ends := ends_of(trial, result):
        with first_screen(len(ends), KEY):
            draw_maps(ends, trial.about, f"{KEY}.ends")
    else:
        maps.show_maps(trial, result)
    withheld = trial.about.in_distribution.foreign
    draw(losses.shares_drawing(trial.change, withheld=withheld), result, f"{KEY}.shares")


def ends_of(trial: ExplainerTrial, result: Views) -> list[Panel]:
    predicted = shares_of_change(fresh_shares(result), trial.change)
    if trial.about.in_distribution.foreign or not np.isfinite(predicted).any():
        return []
    order = descending_rows(predicted)
    return [
        Panel(
            f"{place} of eight: {ROWS[row]}",
            result[f"map {ROWS[row]}"],
            f"Change in score that it predicts: {findings.share_text(float(predicted[row]))}.",
        )
        for place, row in (("First", order[0]), ("Last", order[-1]))
    ]


def show_all_maps(trial: ExplainerTrial, result: Views) -> None:
    if ends_of(trial, result):
        with st.expander("All eight maps"):
            maps.show_maps(trial, result)
    with st.expander("Each explainer where the others look"):
        for place, name in zip(st.columns(2), losses.LOSSES, strict=True):
            with place:
                draw(losses.matrix_drawing(name), result, f"{KEY}.{name}")
    with st.expander("Do the maps agree, and where not?"):
        agreement(trial, result)


def agreement(trial: ExplainerTrial, result: Views) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown("**Do they agree?**")
        draw_agreement(
            AGREEMENT,
            lambda name: result[f"agreement {name}"],
            "Agreement by",
            f"{KEY}.agreement.by",
            "Order",
            losses.NAMES,
        )
    with right:
        st.markdown("**Where they disagree**")
        panel = Panel("Disagreement", result["disagreement"])
        draw_maps([panel], trial.about, f"{KEY}.disagreement")
        st.caption(ABOUT_MAP)
