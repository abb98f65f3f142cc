"""Pairs of one's own side by side: a row for each that was added, and BEAF's figures by model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import streamlit as st

from components.notices import plain
from components.widgets.downloads import download
from engine.hallucination import PhotoPairCase
from engine.hallucination.measures.photo_pair import collected_words, outcome
from engine.hallucination.own_rows import as_csv
from engine.result import Table
from engine.run import Answer

MOST = 100
WHEN = ("before", "after")
HEADS = ("thing", "model", "outcome", "answer before", "answer after", "p(yes) before",
         "p(yes) after", "others asked", "others changed")  # fmt: skip


@dataclass(frozen=True)
class CollectedPair:
    """What is kept of a pair: no pixels."""

    thing: str
    model: str
    answers: Table

    def cells(self) -> tuple[str | int | float, ...]:
        """One cell for each of HEADS."""
        table = self.answers
        change = np.asarray(table["says before"] - table["says after"])[1:]
        asked, changed = np.isfinite(change).sum(), (np.abs(change) == 1).sum()
        p = (round(float(table[f"p {when}"][0]), 4) for when in WHEN)
        return (
            self.thing, self.model, outcome([table[f"says {when}"][0] for when in WHEN]) or "?",
            *words_of(table, 0), *p, int(asked), int(changed),
        )  # fmt: skip


def held(key: str) -> dict[str, CollectedPair]:
    """The pairs of this session, by the digest of their question."""
    pairs: dict[str, CollectedPair] = st.session_state.setdefault(f"{key}.pairs", {})
    return pairs


def offer(key: str, case: PhotoPairCase, found: Answer) -> None:
    """The button that adds the pair that is shown."""
    digest, pairs = str(found.record["digest"]), held(key)
    pair = CollectedPair(case.thing, case.vlm.title, found["answers"])
    full = len(pairs) >= MOST
    label = "In the table below" if digest in pairs else "Add to the table of your pairs"
    st.button(
        label, key=f"{key}.add", disabled=digest in pairs or full, icon=":material/add:",
        on_click=pairs.update, args=({digest: pair},),
        help=f"The table holds {MOST} pairs: empty it first." if full else None,
    )  # fmt: skip


def show(key: str) -> None:
    """The table, where there is a pair in it."""
    if not (pairs := list(held(key).values())):
        return
    st.markdown(f"**Your {len(pairs)} pairs**" if len(pairs) > 1 else "**Your first pair**")
    for told in by_model(pairs):
        st.markdown(plain(told))
    rows = [dict(zip(HEADS, one.cells(), strict=True)) for one in pairs]
    st.dataframe(rows, hide_index=True, alt=f"Table of {len(rows)} pairs")
    with st.container(horizontal=True):
        download(
            "Your pairs (CSV)", lambda: as_csv(HEADS, (one.cells() for one in pairs)),
            "blindspot-pairs.csv", f"{key}.csv", icon=":material/download:",
        )  # fmt: skip
        st.button("Empty the table", key=f"{key}.clear", on_click=held(key).clear)


def by_model(pairs: Iterable[CollectedPair]) -> Iterator[str]:
    """The figures of each model that was asked."""
    parts: dict[str, list[Table]] = {}
    for one in pairs:
        parts.setdefault(one.model, []).append(one.answers)
    for model, answers in parts.items():
        figures = collected_words(answers) or "no clear answer"
        yield f"{model}, {len(answers)} pair{'s' if len(answers) > 1 else ''}: {figures}."


def words_of(answers: Table, row: int) -> tuple[str, str]:
    """Both answers in words, of one row."""
    before, _, after = answers.notes[row].partition(" → ")
    return before.strip("“”"), after.strip("“”")
