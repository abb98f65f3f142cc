"""Where attention rests while the model describes scenes: what OPERA and VASparse were made for."""

import streamlit as st

from components.decoding.form import KEY, ONLY_TINY, Compared
from components.section import Section
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.stacked import Stacked
from engine.core.result import Table
from engine.hallucination import Greedy, ScenesCase
from engine.hallucination.vasparse.attention_sinks import (
    BEGINNING,
    COUNT,
    FEW,
    IMAGE,
    QUESTION,
    STOPS,
    TOP,
    WORDS,
    AttentionSinks,
)

NAMES = {
    BEGINNING: "the beginning",
    STOPS: "full stops",
    IMAGE: "the image",
    WORDS: "other words, those of the question included",
}


def show(comparison: Compared) -> None:
    if comparison.tiny is None:
        st.info(ONLY_TINY)
        return
    Section(
        f"{KEY}.sinks",
        AttentionSinks(),
        ScenesCase(comparison.tiny, Greedy(), COUNT),
        button=f"Look at attention over {COUNT} scenes",
        before="The model describes scenes; nothing is trained.",
        evidence=(
            Drawing(
                "shares",
                "What the words of captions look at",
                Stacked(
                    parts=NAMES, rest=WORDS, written=True, span=(0, 100), title="% of the attention"
                ),
                top_words,
                part=merged_shares,
            ),
        ),
    ).show()


def merged_shares(shares: Table) -> Table:
    words = shares[WORDS] + shares[QUESTION]
    columns = {name: (shares[name], "share") for name in (BEGINNING, STOPS, IMAGE)}
    return Table.of(columns | {WORDS: (words, "share")}, shares.rows)


def top_words(views: Views) -> str:
    shares: Table = views["shares"]
    top_shares = ", ".join(
        f"{name} {100 * share:.0f} %" for name, share in zip(shares.rows, shares[TOP], strict=True)
    )
    return f"The most looked at token (two from {FEW + 1} on) holds: {top_shares}."
