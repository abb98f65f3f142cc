"""Whether the picked words hang on what they looked at: things taken out, faded, regions hidden."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from components import ask_charts, runs
from components.ask import Told
from components.ask_charts import Side
from components.ask_scene import KEY
from components.notices import plain
from components.pictures import enlarged
from components.rectangle import Box, rectangle
from engine.data.layout import Scene
from engine.errors import BlindspotError
from engine.hallucination import asking
from engine.hallucination.cause import Cause
from engine.hallucination.region import RegionWords
from engine.hallucination.word_case import WordCase
from engine.measures import located
from engine.result import Columns, HeatMap

HANGS = 0.1  # a word hangs on a thing without which it is this much less likely
START = Box(0.25, 0.25, 0.3, 0.3)


def show(told: Told, looks: HeatMap | None) -> None:
    """Each thing taken out, then one faded; of a picture whose truth nobody knows, neither."""
    if told.picked is None or looks is None:
        return
    scene = told.shown.scene
    if scene is None:
        st.caption(
            "Nobody knows what a photograph would look like without a thing. Hide a region below "
            "instead: that is another image, not one without what was there."
        )
        return
    if not scene.things:
        st.info("The scene is empty: whatever the model says, it hangs on nothing in it.")
        return
    without(told, told.picked, scene, looks)
    fading(told, told.picked, scene)
    with st.expander("What am I looking at?"):
        st.markdown(Cause().about())


def without(told: Told, picked: WordCase, scene: Scene, looks: HeatMap) -> None:
    """For each thing: how much the words looked at it, and what they owe to it."""
    found: Columns = runs.answer(Cause(), asking.without_each(picked, scene), f"{KEY}.cause")[
        "images"
    ]
    names = [thing.category for thing in scene.things]
    looked = looked_at(looks, scene)
    owed = np.asarray(found["owed"][1:], np.float32)
    sentence = verdict(
        told.said, looked, dict(zip(names, owed.tolist(), strict=True)),
        float(found["probability"][0]),
    )  # fmt: skip
    st.markdown(f"**{plain(sentence)}**")
    ask_charts.pairs(
        names,
        Side("Looked at", np.array(list(looked.values()), np.float32), "share"),
        Side("Hangs on", owed, "less likely without it"),
        sentence, f"{KEY}.pairs",
    )  # fmt: skip
    for name, answer in zip(names, found.notes[1:], strict=True):
        if answer != told.tokens.text:
            st.caption(plain(f"Without the {name} the model says: “{answer}”"))


def looked_at(looks: HeatMap, scene: Scene) -> dict[str, float]:
    """The share of the attention to the image that lies on each thing."""
    shares = {}
    for thing in scene.things:
        mask = scene.mask(thing.category)
        shares[thing.category] = located(looks.values, mask).mass if mask.any() else 0.0
    return shares


def verdict(
    said: str, looked: Mapping[str, float], owed: Mapping[str, float], probability: float
) -> str:
    """Whether the words hang on what they looked at, in words."""
    most, needed = (max(held, key=lambda one: held[one]) for held in (looked, owed))
    change = f"{probability:.2f} → {probability - owed[needed]:.2f}"
    if owed[needed] < HANGS:
        return (
            f"“{said}” hangs on no single thing: whichever is taken out, it stays about as likely "
            f"({probability:.2f}). It looked most at the {most}, and that proves nothing."
        )
    if needed == most:
        return (
            f"“{said}” hangs on the {needed}: without it the word falls from {change}. Among the "
            "things, it also looked there most."
        )
    stays = f"{probability:.2f} → {probability - owed[most]:.2f}"
    return (
        f"It looked most at the {most}, but “{said}” hangs on the {needed}: without the {needed} "
        f"{change}, without the {most} only {stays}. Attention pointed at the wrong thing."
    )


def fading(told: Told, picked: WordCase, scene: Scene) -> None:
    """The words' probability while one thing fades away."""
    names = [thing.category for thing in scene.things]
    key = f"{KEY}.faded"
    if st.session_state.get(key) not in {None, *names}:
        del st.session_state[key]
    name = st.selectbox("Fade away", names, key=key)
    found: Columns = runs.answer(Cause(), asking.faded(picked, scene, name), f"{KEY}.fading")[
        "images"
    ]
    chance = np.asarray(found["probability"], np.float32)
    x = np.array(asking.OPACITIES, np.float32)
    now = next(thing.opacity for thing in scene.things if thing.category == name)
    words = (
        f"With no {name} “{told.said}” has a probability of {chance[1]:.2f}, with a fully visible "
        f"one {chance[-1]:.2f}."
    )
    ask_charts.curve(
        x, chance[1:], (now, float(chance[0])), f"opacity of the {name}", words, f"{KEY}.curve"
    )


# ---------------------------------------------------------------- regions


def region(told: Told) -> None:
    """A rectangle, and which words looked there and need it."""
    if told.picked is None:
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        box = rectangle(
            enlarged(told.shown.pixels), START, f"{KEY}.box",
            words="The region: drag it, pull its corners, or use the arrow keys",
        )  # fmt: skip
    with right:
        edges = [
            round(v, 2) for v in (box.top, box.left, box.top + box.height, box.left + box.width)
        ]
        top, side, bottom, end = (min(edge, 1.0) for edge in edges)
        method = RegionWords(top=top, left=side, bottom=bottom, right=end)
        try:
            hidden = asking.without_region(told.picked, top, side, bottom, end)
        except BlindspotError as error:
            st.info(plain(str(error)))
            return
        found: Columns = runs.answer(method, told.picked, f"{KEY}.region")["words"]
        held = asking.held_against(told.picked, [("the region hidden", hidden)])
        after: Columns = runs.answer(Cause(), held, f"{KEY}.hidden")["images"]
        words = region_words(told, after)
        st.markdown(f"**{plain(words)}**")
        ask_charts.pairs(
            found.rows,
            Side("Looked there", np.asarray(found["attention inside"], np.float32), "share"),
            Side("Hangs on it", np.asarray(found["owed"], np.float32), "less likely without it"),
            words, f"{KEY}.regions",
        )  # fmt: skip
        st.caption(method.about())


def region_words(told: Told, after: Columns) -> str:
    """What becomes of the picked words when the region is hidden."""
    before, then = (float(value) for value in after["probability"])
    says = after.notes[1]
    now = "The answer stays." if says == told.tokens.text else f"The model then says: “{says}”."
    return f"With the region hidden “{told.said}” goes from {before:.2f} to {then:.2f}. {now}"
