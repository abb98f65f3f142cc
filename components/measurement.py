"""What is measured anew each time, such as seconds: waited for like an answer, but not kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from components import runs
from components.notices import problem
from components.runs import Outcome, Pending, Problem
from engine.core.lane import lane
from engine.core.method import Progress

MeasuredT = TypeVar("MeasuredT")


@dataclass(frozen=True)
class MeasurementOnDemand(Generic[MeasuredT]):
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
    work: Callable[[Progress], MeasuredT]
    button: str = "Measure it here"
    again: str = "Measure again"
    last: bool = False


def show(measurement: MeasurementOnDemand[MeasuredT], draw: Callable[[MeasuredT], None]) -> None:
    """The button, how far it is, or what this session has measured, with a button for another."""
    measured: dict[str, MeasuredT] = st.session_state.setdefault(measurement.slot, {})
    if measurement.name not in measured:
        outcome = follow(measurement)
        if isinstance(outcome, Pending | Problem):
            runs.watch([outcome])
        elif outcome is not None:
            if measurement.last:
                measured.clear()
            measured[measurement.name] = outcome
    if measurement.name in measured:
        draw(measured[measurement.name])
        button(measurement, measurement.again, "again", "secondary")


def follow(measurement: MeasurementOnDemand[Any]) -> Any:
    job: Any = runs.visit().jobs.get(measurement.slot)
    if job is not None and job.name != measurement.name:
        runs.visit().give_up(measurement.slot)
        job = None
    if job is None:
        if not st.session_state.pop(f"{measurement.slot}.wanted", False):
            button(measurement, measurement.button, "go", "primary")
            return None
        visit = runs.visit()
        queue = lane(measurement.device)
        job = queue.submit(
            measurement.name,
            measurement.work,
            "wait",
            visit.visitor,
            measurement.title,
            public=measurement.title,
        )
        visit.jobs[measurement.slot] = job
    runs.visit().look_at(job)
    return (
        ended(measurement, job)
        if job.finished
        else Pending(measurement.slot, measurement.title, job, None, measurement.device)
    )


def button(measurement: MeasurementOnDemand[Any], label: str, name: str, kind: Any) -> None:
    def want() -> None:
        st.session_state[measurement.slot].pop(measurement.name, None)
        st.session_state[f"{measurement.slot}.wanted"] = True

    st.button(label, key=f"{measurement.slot}.{name}", type=kind, on_click=want)


def ended(measurement: MeasurementOnDemand[MeasuredT], job: Any) -> Outcome | MeasuredT:
    runs.visit().jobs.pop(measurement.slot, None)
    try:
        measured: MeasuredT = job.value()
    except Exception as error:  # noqa: BLE001 - the outermost place: said on the page, logged
        return Problem(measurement.slot, measurement.title, problem(error))
    return measured
