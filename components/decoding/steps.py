"""Why a word came: what the model wanted, what was held against it, and what was chosen from."""

import numpy as np
import streamlit as st

from components.decoding.answers import selected_word
from components.decoding.form import KEY, Compared, DecodedAnswer
from components.draw import tables
from components.notices import escape_markdown
from engine.core.charts.panels import Panels
from engine.core.result import Table
from engine.hallucination.decoding.best_words import below, best_words, cut_of

NOT_BEST = "below its best eight"
STRONG, FINAL = "The model", "Chosen from"
WEAK = {"VCD": "Looking at the noised copy", "DoLa": "An early layer", "SCMoE": "The weak expert"}
THINNED = {"embedding": "The last word alone", "masked cache": "With image tokens blotted out"}


def show(comparison: Compared) -> None:
    chosen = selected_word(comparison)
    decoded = comparison.of(chosen[0]) if chosen else None
    if chosen is None or decoded is None or "final" not in decoded.answer:
        st.caption(
            "MVP weighs whole paths; they are drawn below. Click a word of another strategy."
            if decoded is not None
            else "There is no word to look into."
        )
        return
    place = chosen[1]
    step, cut = (
        with_titles(decoded, best_words(decoded.answer, place)),
        cut_of(decoded.method, decoded.answer, place),
    )
    before = " ".join(decoded.tokens.words[:place])
    where = f"after “{escape_markdown(before)}”" if before else "as its first word"
    st.markdown(
        f"**{decoded.title}** chose **“{escape_markdown(decoded.tokens.words[place])}”** {where}."
    )
    tables.draw_chart(panels(step, cut), step, step_words(step, cut), f"{KEY}.step")


def with_titles(decoded: DecodedAnswer, step: Table) -> Table:
    titles = {"strong": STRONG, "weak": weak_title(decoded), "final": FINAL}
    return step.renamed(titles)


def weak_title(decoded: DecodedAnswer) -> str:
    source = decoded.method.settings().get("source", "")
    return THINNED.get(source) or WEAK.get(decoded.name, "Held against it")


def panels(step: Table, cut: float) -> Panels:
    is_cut = below(step[STRONG], cut)
    return Panels(
        panels={name: name for name in step.columns},
        texts={
            name: [
                shortly(value, cut_off=is_cut_word and name == FINAL)
                for value, is_cut_word in zip(step[name], is_cut, strict=True)
            ]
            for name in step.columns
        },
        hatched={STRONG: is_cut, FINAL: is_cut},
        lines={STRONG: cut} if cut > 0 else {},
        span=(0, 128),
        ticks=(0, 50, 100),
    )


def shortly(value: float, *, cut_off: bool) -> str:
    if cut_off:
        return "cut off"
    if not np.isfinite(value):
        return "–"
    return "&lt;1" if 0 < value < 1 else f"{value:.0f}"


def step_words(step: Table, cut: float) -> str:
    parts = [
        f"{title.lower()} {f'{value:.0f} %' if np.isfinite(value) else NOT_BEST}"
        for title, value in zip(step.columns, step.values[0], strict=True)
    ]
    words = f"“{step.rows[0]}”: {', '.join(parts)}."
    if len(step.columns) > 2:
        words += (
            " What the second panel favors is subtracted: left is what the model says beyond it."
        )
    if cut > 0:
        words += (
            f" Dashed: the cut; words below {cut:.1f} % with the model itself may not come, and "
            "are hatched."
        )
    return words + " –: not among the best eight there."
