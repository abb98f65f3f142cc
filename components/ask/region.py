"""A region that a person draws: which words looked there, and which need it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components import runs, section
from components.ask.answer import PromptAnswer
from components.ask.cause import ATTENTION, LOST
from components.dialog.answer_words import tidy
from components.dialog.scene import KEY
from components.draw.drawing import Drawing
from components.notices import spoken
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.rectangle import Box, rectangle
from engine.data.layout import Scene
from engine.hallucination import asking
from engine.hallucination.grounding.cause import Cause
from engine.hallucination.grounding.region import RegionWords
from engine.hallucination.grounding.word_case import WordCase
from engine.result import Table

START = Box(0.25, 0.25, 0.3, 0.3)
SHOWN = 10  # words of the charts


def show(answer: PromptAnswer) -> None:
    """The rectangle, and what hiding it changes."""
    if answer.picked is None:
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        box = rectangle(
            enlarged(answer.shown.pixels), start(answer.shown.scene), f"{KEY}.box",
            words="The region: drag it, pull its corners, or use the arrow keys",
        )  # fmt: skip
    with right, spoken():
        hidden(answer, answer.picked, box.sides())


def hidden(answer: PromptAnswer, picked: WordCase, sides: dict[str, float]) -> None:
    """Words with the region hidden. Raises BlindspotError for an empty region."""
    image = asking.without_region(picked, **sides)
    case = asking.held_against(picked, [("the region hidden", image)])
    after: Table = runs.answer(Cause(), case, f"{KEY}.hidden")["images"]
    section.show(
        Section(
            KEY, RegionWords(**sides), picked, "Pick a region: which words need it?",
            sentence=lambda _: sentence(answer, after), known=answer.shown.known,
            evidence=(
                Drawing(
                    "words", "Looked there", ATTENTION, part=changed_most,
                    finding=lambda _: "How much of each word's attention to the image lies in the "
                    "region.",
                ),
                Drawing(
                    "words", "Hangs on it", LOST, part=changed_most,
                    finding=lambda found: "How many points the word loses when the region is "
                    f"hidden behind the mean color.{left_out(found['words'])}",
                ),
            ),
        )
    )  # fmt: skip


def start(scene: Scene | None) -> Box:
    """Around the scene's first thing, so that the first picture says something."""
    masks = [scene.mask(thing.category) for thing in scene.things] if scene else []
    return next((Box.around(mask) for mask in masks if mask.any()), START)


def changed_most(words: Table) -> Table:
    """The words that lose or gain most, in their order in the answer."""
    places = np.sort(np.argsort(-np.abs(words["owed"]), kind="stable")[:SHOWN])
    kept = words.take(places.tolist())
    columns = {"attention": (kept["attention inside"], "share"), "lost": (kept["owed"], "share")}
    return Table.of(columns, rows=kept.rows)


def left_out(words: Table) -> str:
    """How many words are drawn, where not all are."""
    return f" Of {len(words)} words the {SHOWN} most changed." if len(words) > SHOWN else ""


def sentence(answer: PromptAnswer, after: Table) -> str:
    """What becomes of the picked words when the region is hidden."""
    before, then = (100 * float(value) for value in after["probability"])
    says = after.notes[1]
    stays = says == answer.tokens.text
    now = "The answer stays." if stays else f"The model then says: “{tidy(says)}”."
    return f"With the region hidden {answer.phrase} goes from {before:.0f} % to {then:.0f} %. {now}"
