"""Where the picked words looked, and what their score runs through, against the true mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import exports, runs
from components.ask.question import Told
from components.ask.scene import KEY
from components.charts import tables
from components.heatmaps import truth
from components.links import refuse
from components.notices import plain
from components.sidebar.pictures import enlarged
from components.widgets.downloads import download
from components.widgets.viewer import Panel, viewer
from engine.hallucination.looks import Looks
from engine.hallucination.relevancy import Relevancy
from engine.pictures import as_bytes, overlay
from engine.result import HeatMap
from engine.run import Answer

EVERY = "all"


def show(told: Told) -> HeatMap | None:
    """Both maps side by side, and their marks; gives the attention for the sections below."""
    if told.picked is None:
        return None
    method = settings(told)
    looks = runs.answer(method, told.picked, f"{KEY}.looks")
    relevancy = runs.answer(Relevancy(), told.picked, f"{KEY}.relevancy")
    mask = mask_of(told)
    panels = [Panel("Attention", looks["map"]), Panel("Relevancy", relevancy["map"])]
    viewer(enlarged(told.shown.pixels), panels, f"{KEY}.viewer", truth=mask)
    image, sinks = looks["shares"].values
    share = f"{100 * image:.0f} % of the word's attention went to the image at all"
    removed = f", {100 * sinks:.0f} % to places that every word looks at" if sinks else ""
    st.caption(f"{share}{removed}; the rest to the words of the question and the answer.")
    scored(told, mask, [(panel.title, panel.heat) for panel in panels if panel.heat])
    explain(told, (method, looks), (Relevancy(), relevancy))
    heat: HeatMap = looks["map"]
    return heat


def settings(told: Told) -> Looks:
    """Layer and sinks."""
    layers = [EVERY, *map(str, range(1, told.case.vlm.spec.layers + 1))]
    key = f"{KEY}.layer"
    refuse(key, layers, "Layer", "one of " + ", ".join(layers))
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    layer = left.select_slider(
        "Attention of layer", layers, key=key, bind="query-params",
        help="Of the language decoder, from the first; all: their mean.",
    )  # fmt: skip
    sinks = True
    if len(told.tokens.words) > 1:  # of one word nobody can tell them
        sinks = right.toggle(
            "Leave out sinks", True, key=f"{KEY}.sinks", bind="query-params",
            help="Places that every word of the answer looks at alike, whatever they show.",
        )  # fmt: skip
    return Looks(layer=None if layer == EVERY else int(layer), sinks=sinks)


def mask_of(told: Told) -> NDArray[np.bool_] | None:
    """Where the things that the picked words are about truly are; None for nowhere."""
    scene = told.shown.scene
    if scene is None or told.claims is None:
        return None
    masks = [scene.mask(thing) for thing in told.things if thing in told.claims.there]
    return np.any(masks, axis=0) if masks else None


def scored(told: Told, mask: NDArray[np.bool_] | None, maps: Sequence[tuple[str, HeatMap]]) -> None:
    """The maps against the truth, or why there is none."""
    if told.shown.scene is None:
        return
    names = " and the ".join(told.things)
    if mask is not None and mask.any():
        st.markdown(f"How well the maps find the **{plain(names)}** (orange border):")
        tables.table(truth.against(maps, mask), f"{KEY}.truth")
        st.caption(
            "**Pointing game**: whether the map's highest value lies inside the border. **Mass**: "
            "the share of all its values that does. **Strongest**: of as many highest values as "
            "the mask has pixels, the share inside. **Chance**: what a map that knows nothing "
            "would score."
        )
    elif names:
        st.markdown(f"There is no **{plain(names)}** here: no place in the image would be right.")
    else:
        st.caption(f"“{plain(told.said)}” names no thing, so no place in the image would be right.")


def explain(told: Told, *found: tuple[Looks | Relevancy, Answer]) -> None:
    """What each map is, how it was made, and the files."""
    with st.expander("What am I looking at? And take it along"):
        for column, (method, answer) in zip(st.columns(len(found)), found, strict=True):
            with column:
                st.markdown(f"**{method.title}.** {method.about()}")
                if method.paper:
                    st.markdown(f"Reference: {method.paper}")
                downloads(told, method, answer)


def downloads(told: Told, method: Looks | Relevancy, answer: Answer) -> None:
    """PNG, NPY and JSON of one map."""
    heat: HeatMap = answer["map"]
    stem, slot = f"blindspot-{method.name}", f"{KEY}.{method.name}"
    seen = as_bytes(told.case.image)
    png, npy, said = st.columns(3)
    download(
        "PNG", lambda: exports.encoded(overlay(enlarged(seen), heat)), f"{stem}.png",
        f"{slot}.png", place=png,
    )  # fmt: skip
    download(
        "NPY", lambda: exports.as_npy(heat), f"{stem}.npy", f"{slot}.npy", place=npy,
        help=f"The raw values, in {heat.unit}.",
    )  # fmt: skip
    download("JSON", lambda: exports.as_json(answer), f"{stem}.json", f"{slot}.json", place=said)
