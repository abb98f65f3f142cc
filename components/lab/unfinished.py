"""Trainings that were interrupted, by Stop or by the server's end, and can go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from components import runs
from components.lab import training
from components.notices import plain, spoken
from engine.data.registry import may_open
from engine.lab import again, under_way
from engine.models.small import TITLES
from engine.training import Unfinished, unfinished

KEY = "lab.resumed"


def draw() -> None:
    """The list with Resume and Drop, and the one that was resumed."""
    results = [one for one in unfinished() if listed(one)]
    if results:
        # by its key it stays open while trainings come and go, of other people, too
        with st.expander("Unfinished trainings", key="lab.unfinished", on_change="rerun"):
            for result in results:
                row(result)
    if note := st.session_state.get(KEY):
        resumed(note)


def listed(one: Unfinished) -> bool:
    """Whether it is a training of its own that nobody goes on with, and this person may see.

    One with a regime is gone on with where it was asked for: an experiment.
    """
    plain_one = one.note.get("kind") == "train" and "regime" not in one.note
    return plain_one and not under_way(one) and may_open(str(one.note.get("data")))


def row(one: Unfinished) -> None:
    """One of them: what it is, how far it came, and what can be done."""
    note = one.note
    network = TITLES.get(str(note.get("recipe", {}).get("architecture")), "a network")
    words, go, away = st.columns([4, 1, 1], vertical_alignment="center")
    words.markdown(
        f"{plain(network)} on {plain(str(note.get('data')))}, seed {note.get('seed')}: "
        f"{one.done:.0%} done"
    )
    go.button("Resume", key=f"lab.resume.{one.name}", on_click=begin, args=(note,))
    away.button("Drop", key=f"lab.drop.{one.name}", on_click=drop, args=(one,))


def begin(note: Mapping[str, Any]) -> None:
    """Go on with it; what was stopped in its place may start again."""
    st.session_state[KEY] = dict(note)
    runs.restart(training.slot(training.KEY))
    runs.press(training.slot(KEY))


def drop(one: Unfinished) -> None:
    """Nobody goes on with it: where it was stopped, it can only be begun."""
    one.drop()
    runs.withdraw(training.slot(training.KEY))
    if st.session_state.get(KEY) == dict(one.note):
        close()


def resumed(note: Mapping[str, Any]) -> None:
    """How the resumed training goes."""
    st.header("Resumed training")
    with spoken():
        training.show(again(note), KEY, "Resume")
    st.button("Close", key="lab.resumed.close", on_click=close)


def close() -> None:
    """Look at it no more; it goes on."""
    st.session_state.pop(KEY, None)
