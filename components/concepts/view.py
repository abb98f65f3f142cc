"""The first screen of Concepts: the scene, and what is said of it before and after."""

from collections.abc import Sequence
from typing import cast

import streamlit as st

from components.dialog import answer_words, scene
from components.dialog.scene import DialogImage
from components.draw.tokens import WordMarks, draw_tokens
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Table
from engine.evaluation.language.claims import claims_of
from engine.unlearning import SAUCE
from engine.unlearning.sauce.dictionary import question
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.model import TinyVLM

KEY = "concepts"
STORY = 253  # of the first kind of scene: a car, beside which a lamp is made up
SCENES = SAUCE().scenes  # to learn the features from
LEGEND = "Thick blue: sure; thin orange: unsure. ✓ it is there, ✗ it is not."
YES_DOTS = Dots(
    series={"before": "before", "after": "after"},
    joined=True,
    span=(-3, 103),
    line=50,
    line_name="yes above",
    title="p(yes) to “is there a …” (%)",
)


def show(dialog_image: DialogImage, case: CaptionCase, method: SAUCE) -> None:
    first = []
    if not method.unmet(case):
        query = question(cast(TinyVLM, case.vlm), method, method.scenes)
        first = [(*query, f"{KEY}.dictionary")]
    Section(
        KEY,
        method,
        case,
        known=dialog_image.known,
        first=first,
        picture=lambda result: picture(dialog_image, case, result),
        waiting=lambda: scene.picture(dialog_image, case.vlm.name),
        evidence=(
            Drawing(
                "things",
                "Every thing in this scene: p(yes) before and after",
                YES_DOTS,
                lambda result: things_words(result["things"], method.things),
                part=as_shares,
            ),
        ),
    ).show()


def picture(dialog_image: DialogImage, case: CaptionCase, result: Views) -> None:
    image, text_column = st.columns(2, gap="large")
    with image:
        scene.picture(dialog_image, case.vlm.name)
    with text_column:
        for name, title in (("before", "Before"), ("after", "After, without the features")):
            st.markdown(f"**{title}**")
            reply = result[name]
            rows = answer_words.marked(reply, claims_of(case, reply.words), ())
            marks = WordMarks(words=rows, label=reply.text, small=True)
            draw_tokens(reply, LEGEND if name == "after" else "", f"{KEY}.{name}", marks)


def as_shares(table: Table) -> Table:
    return Table.of({name: (table[name], "share") for name in table.order}, table.rows)


def things_words(table: Table, forgotten: Sequence[str]) -> str:
    moved = table["after"] - table["before"]
    at = max(
        (at for at, name in enumerate(table.rows) if name not in forgotten),
        key=lambda row: abs(moved[row]),
    )
    return (
        f"Of all others the {table.rows[at]} moves most: {100 * table['before'][at]:.0f} → "
        f"{100 * table['after'][at]:.0f} %."
    )
