"""Where the picked words looked, and what their score runs through, against the true mask."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import section
from components.ask.answer import PromptAnswer
from components.charts.located import located_table
from components.dialog.scene import KEY
from components.draw.drawing import Drawing, Views
from components.picks import pick
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.viewer import Panel, viewer
from engine.hallucination.grounding.looks import Looks
from engine.hallucination.grounding.relevancy import Relevancy
from engine.measures import located
from engine.result import HeatMap

EVERY = "all"
MEASURES = (
    "**Pointing game**: whether the map's highest value lies inside the border. **Mass**: the "
    "share of all its values that does. **Strongest**: of as many highest values as the mask has "
    "pixels, the share inside. **Chance**: what a map that knows nothing would score."
)


def show(answer: PromptAnswer) -> HeatMap | None:
    """Both maps side by side, and their marks; gives the attention for the sections below."""
    if answer.picked is None:
        return None
    above, controls = st.container(), st.container()
    with controls:
        method = settings(answer)
        relevancy = Section(
            KEY, Relevancy(), answer.picked, "How Relevancy was made", known=answer.shown.known
        )
        found = section.show(relevancy)
    with above:
        looks = section.show(attention(answer, method, found))
    return looks["map"] if looks else None


def attention(answer: PromptAnswer, method: Looks, relevancy: Views | None) -> Section:
    """The attention, and beside it what the score runs through, as soon as that is there."""
    mask = mask_of(answer)
    other = relevancy["map"] if relevancy else None

    def picture(looks: Views) -> None:
        note = "" if other else "being computed"
        panels = [Panel("Attention", looks["map"]), Panel("Relevancy", other, note)]
        viewer(enlarged(answer.shown.pixels), panels, f"{KEY}.viewer", truth=mask)

    return Section(
        KEY, method, answer.picked, f"Where did {answer.phrase} look?", known=answer.shown.known,
        sentence=lambda looks: sentence(answer, looks, mask), picture=picture,
        evidence=[] if mask is None else [marks(answer, mask, other)],
    )  # fmt: skip


def settings(answer: PromptAnswer) -> Looks:
    """Layer and sinks."""
    layers = [EVERY, *map(str, range(1, answer.case.vlm.spec.layers + 1))]
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        layer = pick(
            "Attention of layer", layers, f"{KEY}.layer", "slider", name="Layer",
            help="Of the language decoder, from the first; all: their mean.",
        )  # fmt: skip
    sinks = True
    if len(answer.tokens.words) > 1:  # of one word nobody can tell them
        sinks = right.toggle(
            "Leave out sinks", True, key=f"{KEY}.sinks", bind="query-params",
            help="Places that every word of the answer looks at alike, whatever they show.",
        )  # fmt: skip
    return Looks(layer=None if layer == EVERY else int(layer), sinks=sinks)


def mask_of(answer: PromptAnswer) -> NDArray[np.bool_] | None:
    """Where the things that the picked words are about truly are; None for nowhere."""
    scene = answer.shown.scene
    if scene is None or answer.claims is None:
        return None
    masks = [scene.mask(thing) for thing in answer.things if thing in answer.claims.there]
    mask = np.any(masks, axis=0) if masks else np.zeros(1, np.bool_)
    return mask if mask.any() else None


def sentence(answer: PromptAnswer, looks: Views, mask: NDArray[np.bool_] | None) -> str:
    """How much of the attention went to the image, and where it should have gone."""
    image, sinks = looks["shares"].values
    names = " and the ".join(answer.things)
    words = f"{100 * image:.0f} % of the attention of {answer.phrase} went to the image"
    words += f", {100 * sinks:.0f} % to places that every word looks at" if sinks else ""
    if mask is not None:
        found = located(looks["map"].values, mask)
        return (
            f"{words}. Of the map {100 * found.mass:.0f} % lies on the {names} (by chance "
            f"{100 * found.chance:.0f} %)."
        )
    if answer.shown.scene is None:
        return f"{words}."
    why = f"there is no {names} here" if names else "it names no thing"
    return f"{words}. No place in it would be right: {why}."


def marks(answer: PromptAnswer, mask: NDArray[np.bool_], relevancy: HeatMap | None) -> Drawing:
    """The maps against the truth."""
    others = [("Relevancy", relevancy)] if relevancy else []
    return Drawing(
        "map", f"How well the maps find the {' and the '.join(answer.things)} (orange border)",
        part=lambda heat: located_table([("Attention", heat), *others], mask),
        below=lambda _: st.caption(MEASURES),
    )  # fmt: skip
