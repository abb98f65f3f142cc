"""Ask the engine, show how far it is, and let the person stop it.

A slot is a place on a page that shows one answer at a time, such as a method's column. Asking
something else in the same slot gives up what was asked there before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import streamlit as st

from components import notices
from engine import run
from engine.errors import Cancelled
from engine.lane import Job, lane
from engine.method import Method
from engine.run import Answer

LIVE_SECONDS = 20.0  # how long the page itself waits for a live answer before it says so
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Pending:
    """An answer on its way."""

    slot: str
    title: str
    job: Job[Answer]
    expected: float | None

    def words(self) -> str:
        """What is being done, for how long, and who is first."""
        if before := lane_place(self.job):
            others = "1 other question goes" if before == 1 else f"{before} other questions go"
            return f"waiting: {others} first"
        left = self.job.seconds_left()
        if left is None:
            hint = f" · about {self.expected:.0f} s here" if self.expected else ""
            return self.job.words + hint
        return f"{self.job.words} · {self.job.done:.0%} · about {left:.0f} s left"


@dataclass(frozen=True)
class Problem:
    """No answer, and why."""

    slot: str
    words: str
    stopped: bool = False


Outcome = Answer | Pending | Problem


def lane_place(job: Job[Any]) -> int:
    """How many jobs go before this one."""
    return lane(st.session_state["runs.device"]).place(job)


def visitor() -> str:
    """Who asks: one name for each browser session."""
    name: str = st.session_state.setdefault("runs.visitor", uuid4().hex)
    return name


def ask(method: Method[Any], case: Any, slot: str) -> Outcome:
    """The answer when it is known or quick, else a Pending that `watch` follows."""
    st.session_state["runs.device"] = case.lane
    digest = run.digest(method, case)
    if kept := run.known(method, case):
        give_up(slot)
        return kept
    if st.session_state.get(f"runs.stopped.{slot}") == digest:
        return Problem(slot, "Stopped.", stopped=True)
    try:
        job = run.ask(method, case, visitor())
        follow(slot, job)
        if method.cost == "live" and job.wait(LIVE_SECONDS):
            return job.value()
        if job.finished:
            return job.value()
    except Cancelled as error:
        return Problem(slot, str(error), stopped=True)
    except Exception as error:  # noqa: BLE001 - the outermost place: said on the page, logged
        return Problem(slot, notices.problem(error))
    return Pending(slot, method.title, job, run.expected_seconds(method, case))


def answer(method: Method[Any], case: Any, slot: str) -> Answer:
    """A live answer; where there is none the reason is said and the page ends here."""
    outcome = ask(method, case, slot)
    if isinstance(outcome, Answer):
        return outcome
    words = outcome.words if isinstance(outcome, Problem) else outcome.words()
    st.error(words)
    st.stop()


def follow(slot: str, job: Job[Answer]) -> None:
    """Remember what the slot waits for, and give up what it waited for before."""
    if st.session_state.get(f"runs.job.{slot}") is not job:
        give_up(slot)
        st.session_state[f"runs.job.{slot}"] = job
    st.session_state.pop(f"runs.stopped.{slot}", None)


def give_up(slot: str) -> None:
    """The slot no longer wants what it waited for."""
    job: Job[Answer] | None = st.session_state.pop(f"runs.job.{slot}", None)
    if job is not None:
        job.leave(visitor())


def stop(pending: Pending) -> None:
    """Stop on request, and do not start again by itself."""
    give_up(pending.slot)
    st.session_state[f"runs.stopped.{pending.slot}"] = pending.job.name


def restart(slot: str) -> None:
    """Ask again what was stopped."""
    st.session_state.pop(f"runs.stopped.{slot}", None)


def watch(outcomes: Sequence[Outcome]) -> None:
    """Progress, Stop and Start again for everything that is not answered."""
    pending = [one for one in outcomes if isinstance(one, Pending)]
    if pending:
        follow_progress(pending)
    for one in outcomes:
        if isinstance(one, Problem):
            left, right = st.columns([6, 1], vertical_alignment="center")
            left.warning(f"{one.slot.rsplit('.', 1)[-1]}: {one.words}")
            if one.stopped:
                right.button(
                    "Start again", key=f"{one.slot}.again", on_click=restart, args=(one.slot,)
                )


@st.fragment(run_every=POLL_SECONDS)
def follow_progress(pending: Sequence[Pending]) -> None:
    """Redraws itself alone while the engine works; the page follows when something is done."""
    if any(one.job.finished for one in pending):
        st.rerun()
    for one in pending:
        left, right = st.columns([6, 1], vertical_alignment="center")
        left.progress(min(max(one.job.done, 0.0), 1.0), f"{one.title}: {one.words()}")
        if right.button("Stop", key=f"{one.slot}.stop", on_click=stop, args=(one,)):
            st.rerun()
