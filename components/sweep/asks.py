"""Jobs of a sweep: asked, waited for and stopped like every other one."""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from components import notices, runs
from components.runs import Pending, Problem
from engine.core.lane import Job
from engine.core.method import Cost, Progress
from engine.sweep import in_lane
from engine.sweep.sweeping import LookedUp, Swept

LOOK, GO = "sweep.look", "sweep.compute"  # slots
QUICK_SECONDS = 5.0  # that are computed without a button
WorkT = TypeVar("WorkT")


def lookup_job(name: str) -> str:
    """The name of the job that looks a plan up: another one after one that ended early."""
    ended = runs.stopped().get(GO) or runs.visit().jobs.get(GO)
    if ended is None or not ended.finished or ended.name != name or ended.past().end == "done":
        return f"{name}.look"
    return f"{name}.look.{ended.order}"


def ask(
    slot: str, name: str, work: Callable[[Progress], WorkT], cost: Cost
) -> WorkT | Pending | Problem:
    """What the work gave, how far it is, or why there is nothing."""
    session = runs.visit()
    if (halted := runs.stopped().get(slot)) is not None and halted.name == name:
        return Problem(slot, in_lane.TITLE, "Stopped. What was computed is kept.")
    try:
        job: Job[Any] = runs.follow(session, slot, name) or in_lane.submit(
            name, work, cost, session.visitor
        )
        session.jobs[slot] = job
        if cost == "live":
            job.wait(runs.LIVE_SECONDS)
        if job.finished:
            outcome: WorkT = job.value()
            return outcome
    except Exception as error:  # noqa: BLE001 - the outermost place: said on the page, logged
        return Problem(slot, in_lane.TITLE, notices.problem(error))
    return Pending(slot, in_lane.TITLE, job, None, in_lane.device())


def compute(name: str, lookup: LookedUp, *, usual: bool) -> Swept | Pending | Problem | None:
    """The sweep; None while what takes long waits for its button."""
    quick = usual or (not lookup.unknown and lookup.seconds <= QUICK_SECONDS)
    if not quick and not begun(name):
        count = len(lookup.missing)
        runs.start_button(f"Compute {count:,} {'answer' if count == 1 else 'answers'}", GO, [GO])
        return None
    return ask(GO, name, in_lane.computing(lookup), "live" if quick else "job")


def begun(name: str) -> bool:
    started: dict[str, str] = st.session_state.setdefault("runs.told", {})
    if started.get(GO) == runs.PRESSED or in_lane.under_way(name):
        started[GO] = name
    return started.get(GO) == name
