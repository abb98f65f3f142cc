"""The first screen of Inside: an answer with the risk of each thing, and every layer's own word."""

from dataclasses import replace

import numpy as np
import streamlit as st

from components import section
from components.dialog import answer_words, lens, scene
from components.dialog.scene import DialogImage
from components.draw.tokens import WordMarks, draw_tokens
from components.section import Section
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Table
from engine.evaluation.language.claims import claims_of
from engine.hallucination import Greedy, HalluRAG, ScenesCase, WordRisk
from engine.hallucination.hallurag.word_risk import LIKELY
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.model import TinyVLM

KEY = "inside"
METHOD = WordRisk()
STORY = 253  # of the first kind of scene: a lamp is seen beside the car
LEGEND = (
    "Thick blue: its states call it true; thin orange: made up. ✓ it is there, ✗ it is not. Other "
    "words have no risk."
)


def show(dialog_image: DialogImage, case: CaptionCase, method: WordRisk) -> None:
    before = probe_question(case, method)
    answer = Section(
        KEY,
        method,
        case,
        known=dialog_image.known,
        first=[(*before, f"{KEY}.learned")] if before else [],
        picture=lambda result: picture(dialog_image, case, result),
        waiting=lambda: scene.picture(dialog_image, case.vlm.name),
        evidence=(
            Drawing(
                "words",
                "How likely each thing is made up, by the states at its name",
                lambda result: bars(case, result),
                lambda _: BARS,
                part=noun_table,
            ),
        ),
    ).show()
    if answer and answer["answer"].words:
        numbered = [f"{at + 1}. {word}" for at, word in enumerate(answer["answer"].words)]
        drawing = lens.lens(answer, numbered, f"{KEY}.lens.from", lens_words)
        section.side_by_side([drawing], answer, f"{KEY}.lens", 1)


def probe_question(case: CaptionCase, method: WordRisk) -> tuple[HalluRAG, ScenesCase] | None:
    """The probe that the risks are by, and what it learns from; None for models of one's own."""
    if not isinstance(case.vlm, TinyVLM):
        return None
    probe = HalluRAG(method.feature, method.depth, method.when)
    return probe, ScenesCase(case.vlm, Greedy(), method.scenes)


BARS = "The probe reads the states alone: neither the image nor the truth, which the signs tell."


def picture(dialog_image: DialogImage, case: CaptionCase, result: Views) -> None:
    image, text_column = st.columns(2, gap="large")
    with image:
        scene.picture(dialog_image, case.vlm.name)
    with text_column:
        st.markdown("**What it says, and how far its own states trust it**")
        words = result["words"]
        rows = [
            replace(row, share=1 - risk, note=noted(row.note, risk))
            for row, risk in zip(
                answer_words.marked(result["answer"], claims_of(case, words.rows), ()),
                words["risk"].tolist(),
                strict=True,
            )
        ]
        marks = WordMarks(words=rows, label=result["answer"].text, small=True)
        draw_tokens(result["answer"], LEGEND, f"{KEY}.answer", marks)


def noted(note: str, risk: float) -> str:
    if np.isnan(risk):
        return note
    risk_text = f"risk {100 * risk:.0f} %"
    return f"{note}; {risk_text}" if note else risk_text


def noun_table(words: Table) -> Table:
    return words.take(np.flatnonzero(np.isfinite(words["risk"])).tolist()).select(["risk"])


def bars(case: CaptionCase, result: Views) -> Bars:
    words = result["words"]
    truth = claims_of(case, words.rows)
    signs = (
        {mention.place: "✓" if mention.true else "✗" for mention in truth.mentions} if truth else {}
    )
    places = np.flatnonzero(np.isfinite(words["risk"])).tolist()
    return Bars(
        value="risk",
        span=(0, 112),
        line=100 * LIKELY,
        title="risk (%)",
        names=[f"{at + 1}. {words.rows[at]} {signs.get(at, '')}".rstrip() for at in places],
        texts=[f"{100 * words['risk'][at]:.0f} %" for at in places],
    )


def lens_words(result: Views) -> str:
    return (
        "Each cell: what that layer would have said, in the color of how sure it is. "
        f"{lens.late(lens.layers_of(result))}"
    )
