"""Whether the picked words hang on what they looked at: things taken out, one after another."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from components import section
from components.ask.answer import PromptAnswer
from components.dialog.answer_words import tidy
from components.dialog.scene import KEY
from components.draw.bars import Bars
from components.draw.drawing import Drawing
from components.draw.lines import Lines
from components.links import let_go
from components.notices import plain
from components.section import Section
from engine.data.layout import Scene
from engine.hallucination import asking
from engine.hallucination.grounding.cause import Cause
from engine.hallucination.grounding.word_case import WordCase
from engine.measures import located
from engine.result import HeatMap, Table

HANGS = 0.1  # a word hangs on a thing without which it is this much less likely
ATTENTION = Bars(value="attention", title="% of attention", whole=True)
LOST = Bars(value="lost", title="points lost", whole=True, color=1)


def show(answer: PromptAnswer, looks: HeatMap | None) -> None:
    """Each thing taken out, then one faded; of a picture whose truth nobody knows, neither."""
    if answer.picked is None or looks is None:
        return
    scene = answer.shown.scene
    if scene is None:
        st.caption(
            "Nobody knows what a photograph would look like without a thing. Hide a region below "
            "instead: that is another image, not one without what was there."
        )
    elif not scene.things:
        st.info("The scene is empty: whatever the model says, it hangs on nothing in it.")
    else:
        without(answer, answer.picked, scene, looks)
        fading(answer, answer.picked, scene)


def without(answer: PromptAnswer, picked: WordCase, scene: Scene, looks: HeatMap) -> None:
    """For each thing: how much the words looked at it, and what they owe to it."""
    table = partial(by_thing, looks, scene)
    section.show(
        Section(
            f"{KEY}.cause", Cause(), asking.without_each(picked, scene),
            f"What does {answer.phrase} hang on?", known=known(answer, "each"),
            sentence=lambda found: verdict(
                answer.phrase, table(found["images"]), found["images"]["probability"][0]
            ),
            evidence=(
                Drawing(
                    "images", "Looked at", ATTENTION, part=table,
                    finding=lambda found: "How much of the attention to the image lies on each "
                    f"thing; {elsewhere(table(found['images'])):.0f} % lies on none of them.",
                ),
                Drawing(
                    "images", f"{answer.phrase} hangs on", LOST, part=table,
                    finding=lambda found: f"How many points {answer.phrase} loses of its "
                    f"{100 * found['images']['probability'][0]:.0f} % when the thing is taken out.",
                ),
            ),
            detail=lambda found: st.markdown(plain(then_says(answer, scene, found["images"]))),
        )
    )  # fmt: skip


def known(answer: PromptAnswer, against: str) -> dict[str, Any]:
    """By which a question about other images is asked again; nothing where it cannot be."""
    given = answer.shown.known
    return {**given, "against": (against,)} if given else {}


def by_thing(looks: HeatMap, scene: Scene, images: Table) -> Table:
    """The share of the attention to the image that lies on each thing, and the loss without it."""
    names = tuple(thing.category for thing in scene.things)
    masks = [scene.mask(name) for name in names]
    looked = [located(looks.values, mask).mass if mask.any() else 0.0 for mask in masks]
    columns = {
        "attention": (np.array(looked, np.float32), "share"),
        "lost": (images["owed"][1:], "share"),
    }
    return Table.of(columns, rows=names)


def elsewhere(table: Table) -> float:
    """The attention to the image that lies on no thing, in percent."""
    return 100 * max(0.0, 1 - float(table["attention"].sum()))


def verdict(phrase: str, table: Table, probability: float) -> str:
    """Whether the words hang on what they looked at."""
    most, lost = int(table["attention"].argmax()), table["lost"]
    needed = [at for at in np.argsort(-lost, kind="stable").tolist() if lost[at] >= HANGS]
    falls = [
        f"{100 * probability:.0f} % → {100 * max(probability - loss, 0.0):.0f} %"
        for loss in lost.tolist()
    ]
    name = table.rows[most]
    if not needed:
        return (
            f"{phrase} hangs on no single thing: whichever is taken out, it stays about as likely "
            f"after the same words before it. That it looked most at the {name} proves nothing."
        )
    first, *more = (f"the {table.rows[at]} ({falls[at]} without it)" for at in needed)
    hangs = f"{phrase} hangs on {' and on '.join([first, *more])}."
    if most in needed:
        return f"{hangs} Of all things it also looked most at the {name}."
    return (
        f"It looked most at the {name}, but without the {name} it stays: {falls[most]}. {hangs} "
        "Attention pointed elsewhere."
    )


def then_says(answer: PromptAnswer, scene: Scene, images: Table) -> str:
    """The answers that change when a thing is taken out."""
    changed = [
        f"without the {thing.category}: “{tidy(text)}”"
        for thing, text in zip(scene.things, images.notes[1:], strict=True)
        if text != answer.tokens.text
    ]
    return f"What the model then says, {'; '.join(changed)}." if changed else ""


# ---------------------------------------------------------------- fading


def fading(answer: PromptAnswer, picked: WordCase, scene: Scene) -> None:
    """The words' probability while one thing fades away."""
    picture, key = st.container(), f"{KEY}.faded"
    opacity = {thing.category: thing.opacity for thing in scene.things}
    let_go(key, opacity)
    name = st.selectbox("Fade away", list(opacity), key=key)
    chart = Lines(
        x="opacity", series={"probability": "probability"}, x_title=f"opacity of the {name}",
        title="probability of the word", span=(0, 1.12), line=0.5, now=opacity[name],
        now_name=f"this image, {100 * opacity[name]:.0f} %",
    )  # fmt: skip
    with picture:
        section.show(
            Section(
                f"{KEY}.fading", Cause(), asking.faded(picked, scene, name), explained=False,
                known=known(answer, f"faded:{name}"), columns=1, evidence=[Drawing(
                    "images", f"While the {name} fades", chart,
                    lambda found: fading_finding(answer.phrase, name, found["images"]),
                    part=by_opacity,
                )],
            )
        )  # fmt: skip


def by_opacity(images: Table) -> Table:
    """The probability at each opacity; the first row is the image as it is."""
    columns = {
        "opacity": (np.array(asking.OPACITIES, np.float32), ""),
        "probability": (images["probability"][1:], "probability"),
    }
    return Table.of(columns, rows=images.rows[1:])


def fading_finding(phrase: str, name: str, images: Table) -> str:
    """The probability at both ends, and as it is."""
    here, lowest, *_, highest = (100 * float(share) for share in images["probability"])
    return (
        f"After the same words before it, the model gives {phrase} {lowest:.0f} % with no {name} "
        f"at all, with a fully visible one {highest:.0f} %, and {here:.0f} % in this image."
    )
