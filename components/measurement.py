"""What is measured anew each time, such as seconds: waited for like an answer, but not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from components import runs
from components.notices import problem
from components.runs import Outcome, Pending, Problem
from engine.lane import lane
from engine.method import Progress

FoundT = TypeVar("FoundT")


@dataclass(frozen=True)
class MeasurementOnDemand(Generic[FoundT]):
    """Something that a button measures.

    Args:
        slot: where it is waited for; the keys of its buttons begin with it.
        title: what is waited for, in words that every visitor may read in the list of jobs.
        name: of what is measured: another name is measured anew.
        device: in whose lane it waits, so that nothing else is computed beside it.
        work: measures it.
        button: on what starts it.
        again: on what starts it once more.
        last: whether only the last one is held, because it is large.
    """

    slot: str
    title: str
    name: str
    device: str
    work: Callable[[Progress], FoundT]
    button: str = "Measure it here"
    again: str = "Measure again"
    last: bool = False


def show(asked: MeasurementOnDemand[FoundT], draw: Callable[[FoundT], None]) -> None:
    """The button, how far it is, or what this session has measured, with a button for another."""
    measured: dict[str, FoundT] = st.session_state.setdefault(asked.slot, {})
    if asked.name not in measured:
        outcome = follow(asked)
        if isinstance(outcome, Pending | Problem):
            runs.watch([outcome])
        elif outcome is not None:
            if asked.last:
                measured.clear()
            measured[asked.name] = outcome
    if asked.name in measured:
        draw(measured[asked.name])
        button(asked, asked.again, "again", "secondary")


def follow(asked: MeasurementOnDemand[Any]) -> Any:
    """What came of it, or how far it is; None until it is asked for."""
    job: Any = runs.visit().jobs.get(asked.slot)
    if job is not None and job.name != asked.name:
        runs.visit().give_up(asked.slot)
        job = None
    if job is None:
        if not st.session_state.pop(f"{asked.slot}.wanted", False):
            button(asked, asked.button, "go", "primary")
            return None
        here = runs.visit()
        queue = lane(asked.device)
        job = queue.submit(
            asked.name, asked.work, "wait", here.visitor, asked.title, public=asked.title
        )
        here.jobs[asked.slot] = job
    runs.visit().look_at(job)
    return (
        ended(asked, job)
        if job.finished
        else Pending(asked.slot, asked.title, job, None, asked.device)
    )


def button(asked: MeasurementOnDemand[Any], label: str, name: str, kind: Any) -> None:
    """Lets the next run measure, and lets go of what was measured before."""

    def want() -> None:
        st.session_state[asked.slot].pop(asked.name, None)
        st.session_state[f"{asked.slot}.wanted"] = True

    st.button(label, key=f"{asked.slot}.{name}", type=kind, on_click=want)


def ended(asked: MeasurementOnDemand[FoundT], job: Any) -> Outcome | FoundT:
    """What came of it."""
    runs.visit().jobs.pop(asked.slot, None)
    try:
        foundt: FoundT = job.value()
    except Exception as error:  # noqa: BLE001 - the outermost place: said on the page, logged
        return Problem(asked.slot, asked.title, problem(error))
    return foundt
