"""The section of Which explanation?: eight maps, and which of them predicts what matters."""

from __future__ import annotations

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import section
from components.draw.agreement import draw_agreement
from components.draw.drawing import Views, draw
from components.draw.maps import draw_maps, first_screen
from components.exports import python_call
from components.section import Section
from components.which_explanation import experiments, losses, maps
from components.which_explanation.form import KEY, ExplainerTrial
from components.widgets.viewer import Panel
from engine.attribution.lfa import ROWS, findings
from engine.attribution.lfa.shares import column, fresh_shares, ordered

AGREEMENT = {"Direction": "cosine", "Order": "order", "Strongest": "strongest", "Sign": "sign"}
ABOUT_MAP = (
    "Each map puts the features in order of size, from 0 for the weakest to 1 for the strongest. "
    "Bright is where the eight give one feature very different places: 0 is one opinion; 0.5, the "
    "most there can be, is half of them saying strongest and half weakest."
)


def show(asked: ExplainerTrial, rest: DeltaGenerator) -> None:
    """Advice and the two maps it is about; in `rest`, folded, all else."""
    maps.leave(asked)
    target = asked.case.target.words(asked.case.model.labels)
    result = section.show(
        Section(
            KEY,
            asked.method,
            asked.case,
            f"Which map of “{target}” to trust, and for what?",
            lambda result: advice(asked, result),
            picture=lambda result: picture(asked, result),
            detail=lambda result: folded(asked, result),
            below=rest,
            button="" if asked.small else "Try each where others look",
            before="Each explainer is a small linear model of the network. Here each is tried "
            "where the seven others look, at samples that none was fitted to: does it predict the "
            "score there? It takes gradients at every sample of all eight, and can be stopped.",
            waiting=lambda: maps.one_by_one(asked),
            known=asked.about.arguments,
            script=lambda: python_call(asked.method, asked.about, "squared loss"),
        )
    )
    if result is not None:
        with rest, st.expander("The paper's three experiments on this image"):
            experiments.show(asked)


def advice(asked: ExplainerTrial, found: Views) -> str:
    """Which explainer to trust, unless the model was never meant for such an image."""
    if asked.about.in_distribution.foreign:
        return losses.WITHHELD
    return findings.advice(found, asked.change)


def picture(asked: ExplainerTrial, found: Views) -> None:
    """The first and the last map, or all eight where none can be advised, and their shares."""
    if ends := ends_of(asked, found):
        with first_screen(len(ends), KEY):
            draw_maps(ends, asked.about, f"{KEY}.ends")
    else:
        maps.answered(asked, found)
    withheld = asked.about.in_distribution.foreign
    draw(losses.shares_drawing(asked.change, withheld=withheld), found, f"{KEY}.shares")


def ends_of(asked: ExplainerTrial, found: Views) -> list[Panel]:
    """The maps that predict the change best and worst; none where no share is known or advised."""
    predicted = column(fresh_shares(found), asked.change)
    if asked.about.in_distribution.foreign or not np.isfinite(predicted).any():
        return []
    order = ordered(predicted)
    return [
        Panel(
            f"{place} of eight: {ROWS[row]}",
            found[f"map {ROWS[row]}"],
            f"Change in score that it predicts: {findings.share(float(predicted[row]))}.",
        )
        for place, row in (("First", order[0]), ("Last", order[-1]))
    ]


def folded(asked: ExplainerTrial, found: Views) -> None:
    """All eight maps, the losses behind the advice, and how far the maps agree."""
    if ends_of(asked, found):
        with st.expander("All eight maps"):
            maps.answered(asked, found)
    with st.expander("Each explainer where the others look"):
        for place, name in zip(st.columns(2), losses.LOSSES, strict=True):
            with place:
                draw(losses.matrix_drawing(name), found, f"{KEY}.{name}")
    with st.expander("Do the maps agree, and where not?"):
        agreement(asked, found)


def agreement(asked: ExplainerTrial, found: Views) -> None:
    """How far the eight maps agree, and where in the image they do not."""
    left, right = st.columns(2)
    with left:
        st.markdown("**Do they agree?**")
        draw_agreement(
            AGREEMENT,
            lambda name: found[f"agreement {name}"],
            "Agreement by",
            f"{KEY}.agreement.by",
            "Order",
            losses.NAMES,
        )
    with right:
        st.markdown("**Where they disagree**")
        panel = Panel("Disagreement", found["disagreement"])
        draw_maps([panel], asked.about, f"{KEY}.disagreement")
        st.caption(ABOUT_MAP)
