"""Pairs of one's own side by side: a row for each that was added, and BEAF's figures by model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import streamlit as st

from components.notices import escape_markdown
from components.widgets.downloads import download
from engine.core.result import Table
from engine.core.result.spreadsheet import csv_text
from engine.core.run import Answer
from engine.evaluation.language.beaf.photo_counts import collected_words, outcome, said_word
from engine.hallucination import PhotoPair, PhotoPairCase

MOST = 100
WHEN = ("before", "after")
HEADS = (
    "thing",
    "model",
    "outcome",
    "answer before",
    "answer after",
    "p(yes) before",
    "p(yes) after",
    "others asked",
    "others changed",
)


@dataclass(frozen=True)
class CollectedPair:
    """What is kept of a pair: no pixels.

    Args:
        thing: what goes.
        model: its title.
        asked: its name and fingerprint, since two models may have one title.
        answers: of the method.
    """

    thing: str
    model: str
    asked: tuple[str, str]
    answers: Table

    @classmethod
    def of(cls, case: PhotoPairCase, answers: Table) -> Self:
        return cls(case.thing, case.vlm.title, (case.vlm.name, case.vlm.fingerprint), answers)

    def cells(self) -> tuple[str | int | float, ...]:
        table = self.answers
        change = np.asarray(table["says before"] - table["says after"])[1:]
        asked_count, changed = np.isfinite(change).sum(), (np.abs(change) == 1).sum()
        p = (round(float(table[f"p {when}"][0]), 4) for when in WHEN)
        return (
            self.thing,
            self.model,
            outcome([table[f"says {when}"][0] for when in WHEN]) or "?",
            *(said_word(table[f"says {when}"][0]) for when in WHEN),
            *p,
            int(asked_count),
            int(changed),
        )


def session_pairs(key: str) -> dict[str, CollectedPair]:
    """The pairs of this session, by what their answers depend on, see `name_of`."""
    pairs: dict[str, CollectedPair] = st.session_state.setdefault(f"{key}.pairs", {})
    return pairs


def name_of(case: PhotoPairCase, method: PhotoPair) -> str:
    """The same for the same answers: in how many steps a thing fades changes none of them."""
    return f"{case.fingerprint}|{method.grow if case.after is None else 0}"


def add_button(key: str, case: PhotoPairCase, method: PhotoPair, answer: Answer) -> None:
    name, pairs = name_of(case, method), session_pairs(key)
    pair = CollectedPair.of(case, answer["answers"])
    full = len(pairs) >= MOST
    label = "In the table below" if name in pairs else "Add to the table of your pairs"
    st.button(
        label,
        key=f"{key}.add",
        disabled=name in pairs or full,
        icon=":material/add:",
        on_click=pairs.update,
        args=({name: pair},),
        help=f"The table holds {MOST} pairs: empty it first." if full else None,
    )


def show(key: str) -> None:
    if not (pairs := list(session_pairs(key).values())):
        return
    st.markdown(f"**Your {len(pairs)} pairs**" if len(pairs) > 1 else "**Your first pair**")
    for sentence in by_model(pairs):
        st.markdown(escape_markdown(sentence))
    rows = [dict(zip(HEADS, pair.cells(), strict=True)) for pair in pairs]
    st.dataframe(rows, hide_index=True, alt=f"Table of {len(rows)} pairs")
    with st.container(horizontal=True):
        download(
            "Your pairs (CSV)",
            lambda: csv_text(HEADS, (pair.cells() for pair in pairs)),
            "blindspot-pairs.csv",
            f"{key}.csv",
            icon=":material/download:",
        )
        st.button("Empty the table", key=f"{key}.clear", on_click=session_pairs(key).clear)


def by_model(pairs: Iterable[CollectedPair]) -> Iterator[str]:
    parts: dict[tuple[str, str], list[CollectedPair]] = {}
    for pair in pairs:
        parts.setdefault(pair.asked, []).append(pair)
    for model_pairs in parts.values():
        figures = (
            collected_words([collected.answers for collected in model_pairs]) or "no clear answer"
        )
        plural = "s" if len(model_pairs) > 1 else ""
        yield f"{model_pairs[0].model}, {len(model_pairs)} pair{plural}: {figures}."
