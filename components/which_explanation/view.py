"""The section of Which explanation?: eight maps, and which of them predicts what matters."""

from __future__ import annotations

import streamlit as st

from components import section
from components.draw.agreement import draw_agreement
from components.draw.drawing import Views, draw
from components.draw.maps import draw_maps
from components.exports import python_call
from components.section import Section
from components.which_explanation import experiments, losses, maps
from components.which_explanation.form import KEY, ExplainerTrial
from components.widgets.viewer import Panel

AGREEMENT = {"Direction": "cosine", "Order": "order", "Strongest": "strongest", "Sign": "sign"}
ABOUT_MAP = (
    "Each map puts the features in order of size, from 0 for the weakest to 1 for the strongest. "
    "Bright is where the eight give one feature very different places: 0 is one opinion; 0.5, the "
    "most there can be, is half of them saying strongest and half weakest."
)


def show(asked: ExplainerTrial) -> None:
    """Advice, the maps, what the advice rests on, and how far the maps agree."""
    maps.leave(asked)
    target = asked.case.target.words(asked.case.model.labels)
    found = section.show(
        Section(
            KEY, asked.method, asked.case, f"Which map of “{target}” to trust, and for what?",
            lambda found: advice(asked, found),
            picture=lambda found: picture(asked, found),
            evidence=[losses.matrix_drawing(name) for name in losses.LOSSES],
            detail=lambda found: agreement(asked, found),
            button="" if asked.small else "Try each where others look",
            before="Each explainer is a small linear model of the network. Here each is tried "
            "where the seven others look, at samples that none was fitted to: does it predict the "
            "score there? It takes gradients at every sample of all eight, and can be stopped.",
            waiting=lambda: maps.one_by_one(asked), known=asked.about.arguments,
            script=lambda: python_call(asked.method, asked.about, "squared loss"),
        )
    )  # fmt: skip
    if found is not None:
        experiments.show(asked)


def advice(asked: ExplainerTrial, found: Views) -> str:
    """Which explainer to trust, unless the model was never meant for such an image."""
    if asked.about.in_distribution.foreign:
        return losses.WITHHELD
    return losses.advice(losses.fresh(found), asked.change)


def picture(asked: ExplainerTrial, found: Views) -> None:
    """The eight maps, and what each predicts of the change."""
    maps.answered(asked, found)
    withheld = asked.about.in_distribution.foreign
    draw(losses.shares_drawing(asked.change, withheld=withheld), found, f"{KEY}.shares")


def agreement(asked: ExplainerTrial, found: Views) -> None:
    """How far the eight maps agree, and where in the image they do not."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Do they agree?**")
        draw_agreement(
            AGREEMENT, lambda name: found[f"agreement {name}"], "Agreement by",
            f"{KEY}.agreement.by", "Order", losses.NAMES,
        )  # fmt: skip
    with right:
        st.markdown("**Where they disagree**")
        panel = Panel("Disagreement", found["disagreement"])
        draw_maps([panel], asked.about, f"{KEY}.disagreement")
        st.caption(ABOUT_MAP)
