"""Trainings that were interrupted, by Stop or by the server's end, and can go on."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from components import runs
from components.lab import training
from components.notices import escape_markdown, show_problems
from engine.vision.data.registry import may_open
from engine.vision.lab import again, under_way
from engine.vision.models.small import TITLES
from engine.vision.training import Unfinished, unfinished

KEY = "lab.resumed"


def draw() -> None:
    resumable = [unfinished_run for unfinished_run in unfinished() if may_resume(unfinished_run)]
    if resumable:
        # by its key it stays open while trainings come and go, of other people, too
        with st.expander("Unfinished trainings", key="lab.unfinished", on_change="rerun"):
            for resumable_run in resumable:
                run_row(resumable_run)
    if note := st.session_state.get(KEY):
        resumed(note)


def may_resume(unfinished_run: Unfinished) -> bool:
    """Whether it is a training of its own that nobody goes on with, and this person may see.

    One with a regime is gone on with where it was asked for: an experiment.
    """
    is_plain = unfinished_run.note.get("kind") == "train" and "regime" not in unfinished_run.note
    return (
        is_plain
        and not under_way(unfinished_run)
        and may_open(str(unfinished_run.note.get("data")))
    )


def run_row(unfinished_run: Unfinished) -> None:
    note = unfinished_run.note
    network = TITLES.get(str(note.get("recipe", {}).get("architecture")), "a network")
    text_column, resume_column, drop_column = st.columns([4, 1, 1], vertical_alignment="center")
    text_column.markdown(
        f"{escape_markdown(network)} on {escape_markdown(str(note.get('data')))}, seed "
        f"{note.get('seed')}: {unfinished_run.done:.0%} done"
    )
    resume_column.button(
        "Resume", key=f"lab.resume.{unfinished_run.name}", on_click=begin, args=(note,)
    )
    drop_column.button(
        "Drop", key=f"lab.drop.{unfinished_run.name}", on_click=drop, args=(unfinished_run,)
    )


def begin(note: Mapping[str, Any]) -> None:
    st.session_state[KEY] = dict(note)
    runs.restart(training.slot(training.KEY))
    runs.press(training.slot(KEY))


def drop(unfinished_run: Unfinished) -> None:
    """Nobody goes on with it: where it was stopped, it can only be begun."""
    unfinished_run.drop()
    runs.withdraw(training.slot(training.KEY))
    if st.session_state.get(KEY) == dict(unfinished_run.note):
        close()


def resumed(note: Mapping[str, Any]) -> None:
    st.header("Resumed training")
    with show_problems():
        training.show(again(note), KEY, "Resume")
    st.button("Close", key="lab.resumed.close", on_click=close)


def close() -> None:
    st.session_state.pop(KEY, None)
