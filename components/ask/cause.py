"""Whether the picked words hang on what they looked at: things taken out, faded, regions hidden."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import streamlit as st

from components import runs
from components.ask import charts
from components.ask.charts import Floats, Side
from components.ask.question import Told, tidy
from components.ask.scene import KEY
from components.links import let_go
from components.notices import plain
from components.sidebar.pictures import enlarged
from components.widgets.rectangle import Box, rectangle
from engine.data.layout import Scene
from engine.data.sprites import SIDE
from engine.errors import BlindspotError
from engine.hallucination import asking
from engine.hallucination.cause import Cause
from engine.hallucination.region import RegionWords
from engine.hallucination.word_case import WordCase
from engine.measures import located
from engine.result import Columns, HeatMap

HANGS = 0.1  # a word hangs on a thing without which it is this much less likely
START = Box(0.25, 0.25, 0.3, 0.3)
LOOKED, FALLS = "% of attention", "points lost"
SHOWN = 10  # words of a region's chart


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
    case = asking.without_each(picked, scene)
    found: Columns = runs.answer(Cause(), case, f"{KEY}.cause")["images"]
    names = [thing.category for thing in scene.things]
    looked = looked_at(looks, scene)
    owed = dict(zip(names, found["owed"][1:].tolist(), strict=True))
    probability = float(found["probability"][0])
    st.markdown(f"**{plain(verdict(told.said, looked, owed, probability))}**")
    elsewhere = max(0.0, 1 - sum(looked.values()))
    charts.pairs(
        names,
        Side("Looked at", in_percent(looked.values()), LOOKED),
        Side(f"“{told.said}” hangs on", in_percent(owed.values()), FALLS),
        "Left: how much of the attention to the image lies on each thing; "
        f"{100 * elsewhere:.0f} % lies on none of them. Right: how many points “{told.said}” loses "
        f"of its {100 * probability:.0f} % when the thing is taken out.",
        f"{KEY}.pairs",
    )
    changed = [
        f"without the {name}: “{tidy(answer)}”"
        for name, answer in zip(names, found.notes[1:], strict=True)
        if answer != told.tokens.text
    ]
    if changed:
        st.markdown(plain(f"What the model then says, {'; '.join(changed)}."))


def in_percent(shares: Iterable[float]) -> Floats:
    """Shares of one as percent."""
    return 100 * np.fromiter(shares, np.float32)


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
    most = max(looked, key=lambda one: looked[one])
    needed = sorted((one for one in owed if owed[one] >= HANGS), key=lambda one: -owed[one])
    if not needed:
        return (
            f"“{said}” hangs on no single thing: whichever is taken out, it stays about as likely "
            f"after the same words before it. That it looked most at the {most} proves nothing."
        )
    first, *more = (f"the {one} ({falls(probability, owed[one])} without it)" for one in needed)
    hangs = f"“{said}” hangs on {' and on '.join([first, *more])}."
    if most in needed:
        return f"{hangs} Of all things it also looked most at the {most}."
    return (
        f"It looked most at the {most}, but without the {most} it stays: "
        f"{falls(probability, owed[most])}. {hangs} Attention pointed elsewhere."
    )


def falls(probability: float, owed: float) -> str:
    """A probability and what is left of it."""
    return f"{100 * probability:.0f} % → {100 * max(probability - owed, 0.0):.0f} %"


def fading(told: Told, picked: WordCase, scene: Scene) -> None:
    """The words' probability while one thing fades away."""
    names = [thing.category for thing in scene.things]
    key = f"{KEY}.faded"
    let_go(key, names)
    name = st.selectbox("Fade away", names, key=key)
    found: Columns = runs.answer(Cause(), asking.faded(picked, scene, name), f"{KEY}.fading")[
        "images"
    ]
    chance = np.asarray(found["probability"], np.float32)
    x = np.array(asking.OPACITIES, np.float32)
    now = next(thing.opacity for thing in scene.things if thing.category == name)
    words = (
        f"After the same words before it, the model gives “{told.said}” {100 * chance[1]:.0f} % "
        f"with no {name} at all, with a fully visible one {100 * chance[-1]:.0f} %."
    )
    charts.curve(
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
            enlarged(told.shown.pixels), start(told.shown.scene), f"{KEY}.box",
            words="The region: drag it, pull its corners, or use the arrow keys",
        )  # fmt: skip
    with right:
        method = RegionWords(**edges(box))
        try:
            hidden = asking.without_region(told.picked, **edges(box))
        except BlindspotError as error:
            st.info(plain(str(error)))
            return
        found: Columns = runs.answer(method, told.picked, f"{KEY}.region")["words"]
        held = asking.held_against(told.picked, [("the region hidden", hidden)])
        after: Columns = runs.answer(Cause(), held, f"{KEY}.hidden")["images"]
        st.markdown(f"**{plain(region_words(told, after))}**")
        owed = np.asarray(found["owed"], np.float32)
        rows = np.sort(np.argsort(-np.abs(owed), kind="stable")[:SHOWN])
        least = (
            f" Of {len(owed)} words the {len(rows)} most changed." if len(rows) < len(owed) else ""
        )
        charts.pairs(
            [found.rows[row] for row in rows],
            Side("Looked there", in_percent(found["attention inside"][rows]), LOOKED),
            Side("Hangs on it", in_percent(owed[rows]), FALLS),
            f"Left: how much of each word's attention to the image lies in the region. Right: how "
            f"many points the word loses when the region is hidden behind the mean color.{least}",
            f"{KEY}.regions",
        )
        with st.expander("What am I looking at?"):
            st.markdown(method.about())


def start(scene: Scene | None) -> Box:
    """Around the scene's first thing, so that the first picture says something."""
    for thing in scene.things if scene else ():
        mask = scene.mask(thing.category) if scene else None
        if mask is not None and mask.any():
            rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
            top, left = int(rows[0]), int(columns[0])
            height, width = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
            return Box(*(round(px / SIDE, 4) for px in (left, top, width, height)))
    return START


def edges(box: Box) -> dict[str, float]:
    """A rectangle as the method's settings, in whole percent."""
    low, end = box.top + box.height, box.left + box.width
    given = {"top": box.top, "left": box.left, "bottom": low, "right": end}
    return {name: min(round(share, 2), 1.0) for name, share in given.items()}


def region_words(told: Told, after: Columns) -> str:
    """What becomes of the picked words when the region is hidden."""
    before, then = (100 * float(value) for value in after["probability"])
    says = after.notes[1]
    now = (
        "The answer stays." if says == told.tokens.text else f"The model then says: “{tidy(says)}”."
    )
    return f"With the region hidden “{told.said}” goes from {before:.0f} % to {then:.0f} %. {now}"
