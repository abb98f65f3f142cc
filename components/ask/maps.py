"""Where the picked words looked, and what their score runs through, against the true mask."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.charts.located import MEASURES, located_table
from components.dialog.scene import KEY, DialogImage
from components.picks import pick, switch
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.viewer import Panel, viewer
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import HeatMap
from engine.hallucination.grounding.looks import Looks
from engine.hallucination.grounding.relevancy import Relevancy
from engine.hallucination.grounding.word_case import WordCase

EVERY = "all"


def show(dialog_image: DialogImage, picked: WordCase) -> HeatMap | None:
    """Both maps side by side, and their marks; gives the attention for the sections below."""
    above, controls = st.container(), st.container()
    with controls:
        method = settings(picked)
        result = Section(
            KEY, Relevancy(), picked, "How Relevancy was made", known=dialog_image.known
        ).show()
    with above:
        attention_answer = attention(dialog_image, picked, method, result).show()
    return attention_answer["map"] if attention_answer else None


def attention(
    dialog_image: DialogImage, case: WordCase, method: Looks, relevancy: Views | None
) -> Section:
    other, mask = relevancy["map"] if relevancy else None, case.mask

    def picture(attention_views: Views) -> None:
        note = "" if other else "being computed"
        panels = [Panel("Attention", attention_views["map"]), Panel("Relevancy", other, note)]
        viewer(enlarged(dialog_image.pixels), panels, f"{KEY}.viewer", truth=mask)

    return Section(
        KEY,
        method,
        case,
        f"Where did {case.phrase} look?",
        known=dialog_image.known,
        picture=picture,
        evidence=[] if mask is None else [marks(case, mask, other)],
    )


def settings(case: WordCase) -> Looks:
    layers = [EVERY, *map(str, range(1, case.vlm.spec.layers + 1))]
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        layer = pick(
            "Attention of layer",
            layers,
            f"{KEY}.layer",
            "slider",
            name="Layer",
            help="Of the language decoder, from the first; all: their mean.",
        )
    sinks = True
    if len(case.said) > 1:  # of one word nobody can tell them
        with right:
            sinks = switch(
                "Leave out sinks",
                f"{KEY}.sinks",
                True,
                help="Places that every word of the answer looks at alike, whatever they show.",
            )
    return Looks(layer=None if layer == EVERY else int(layer), sinks=sinks)


def marks(case: WordCase, mask: NDArray[np.bool_], relevancy: HeatMap | None) -> Drawing:
    others = [("Relevancy", relevancy)] if relevancy else []
    return Drawing(
        "map",
        f"How well the maps find the {' and the '.join(case.things)} (orange border)",
        part=lambda heat: located_table([("Attention", heat), *others], mask),
        below=lambda _: st.caption(MEASURES),
    )
