"""Ask the engine, show how far it is, and let the person stop it.

A slot is a place on a page that shows one answer at a time, such as a method's column. Asking
something else in the same slot gives up what was asked there before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Literal
from uuid import uuid4

import streamlit as st

from components import notices
from components.ending import end
from engine.core import run
from engine.core.lane import Job, lane
from engine.core.method import Method
from engine.core.result import Networks, Result, TrainLog
from engine.core.run import Answer

LIVE_SECONDS = 20.0  # how long the page itself waits for a live answer before it says so
PRESSED = "pressed"  # whatever is asked there by then: a press may overtake another choice
POLL_SECONDS = 0.5
LOOKS = 0.1  # seconds between two looks whether the run is still wanted


@dataclass(frozen=True)
class Pending:
    """An answer on its way."""

    slot: str
    title: str
    job: Job[Answer]
    expected: float | None
    device: str  # in whose lane it waits

    def goes_first(self, adjective: str = "") -> str:
        """How many questions go first, such as "1 question goes first"; "" where none does."""
        match lane(self.device).place(self.job):
            case 0:
                return ""
            case 1:
                return f"1 {adjective}question goes first"
            case before:
                return f"{before} {adjective}questions go first"

    def words(self) -> str:
        """What is being done, for how long, and who is first."""
        if first := self.goes_first("other "):
            return f"waiting: {first}"
        left = self.job.seconds_left()
        if left is None:
            hint = f" · about {self.expected:.0f} s here" if self.expected else ""
            return f"{self.job.words} · {self.job.done:.0%}{hint}"
        return f"{self.job.words} · {self.job.done:.0%} · about {left:.0f} s left"


@dataclass(frozen=True)
class Problem:
    """No answer, why, and what was there when it was stopped or failed."""

    slot: str
    title: str
    words: str
    partial: Result | None = None

    @property
    def again(self) -> str:
        """What its button does: a training goes on where it was stopped."""
        views = (self.partial or {}).values()
        return (
            "Resume"
            if any(isinstance(view, TrainLog | Networks) for view in views)
            else "Start again"
        )


Outcome = Answer | Pending | Problem
Live = Callable[[Result], object]


@dataclass
class Visit:
    """One browser session's jobs, by slot; one that failed stays until something else is asked."""

    visitor: str
    jobs: dict[str, Job[Answer]] = field(default_factory=dict)
    waited: set[str] = field(default_factory=set)  # digests of what it waited for: not kept before
    view: str = ""  # the address of the view that is open
    passing: dict[str, str] = field(default_factory=dict)  # slots that end with their view

    def give_up(self, slot: str) -> None:
        """The slot no longer wants what it waited for."""
        job = self.jobs.pop(slot, None)
        if job is not None and not self.waits_for(job):
            job.leave(self.visitor)

    def waits_for(self, job: Job[Answer]) -> bool:
        """Whether any slot does, perhaps on another page."""
        return any(waited_job is job for waited_job in list(self.jobs.values()))

    def look_at(self, job: Job[Any]) -> None:
        """It comes forward again, where another view was open meanwhile."""
        if not job.finished and self.visitor in job.visitors:
            job.join(self.visitor)

    def open_view(self, address: str) -> None:
        """What other views wait for goes behind; what ends with its view is given up.

        See `ends_with_view`. What this view asks too comes forward again as it is asked.
        """
        if address == self.view:
            return
        self.view = address
        for slot, heir in self.passing.items():
            if heir != address:
                self.give_up(slot)
        self.passing = {}
        for job in list(self.jobs.values()):
            job.step_back(self.visitor)

    def end(self) -> None:
        """The tab was closed: nothing that only this session waited for is computed further."""
        for slot in list(self.jobs):
            self.give_up(slot)


@st.cache_resource(scope="session", on_release=Visit.end, show_spinner=False)
def visit_of(visitor: str) -> Visit:
    """The session's visit; Streamlit lets go of it as soon as the browser has gone."""
    return Visit(visitor)


def visit() -> Visit:
    """Who asks in this run."""
    return visit_of(st.session_state.setdefault("runs.visitor", uuid4().hex))


def stopped() -> dict[str, Job[Answer]]:
    """The jobs that the person stopped, by slot: what they had so far can still be looked at."""
    stopped_jobs: dict[str, Job[Answer]] = st.session_state.setdefault("runs.stopped", {})
    return stopped_jobs


def ends_with_view(heirs: Mapping[str, str]) -> None:
    """What is waited for in these slots is given up when another view is opened.

    Args:
        heirs: by slot, the address of the one view that takes the question over.
    """
    visit().passing = dict(heirs)


def ask(method: Method[Any], case: Any, slot: str, patience: float = LIVE_SECONDS) -> Outcome:
    """The answer when it is known or quick, else a Pending that `watch` follows.

    A live answer is waited for so many seconds; a page that asks for several waits less for each.
    """
    session, digest, name = visit(), run.digest(method, case), run.job_name(method, case)
    if stored := run.kept_answer(method, case):
        session.give_up(slot)
        return replace(stored, kept=digest not in session.waited)
    if (halted := stopped().get(slot)) is not None and halted.name == name:
        return Problem(slot, method.title, "Stopped.", halted.partial)
    job: Job[Answer] | None = None
    try:
        job = follow(session, slot, name) or run.ask(method, case, session.visitor)
        session.jobs[slot] = job
        session.waited.add(digest)
        if method.cost == "live":
            wait_for(job, patience)
        if job.finished:
            return job.value()
    except Exception as error:  # noqa: BLE001 - the outermost place: said on the page, logged
        partial = None if job is None else job.partial
        return Problem(slot, method.title, notices.problem(error), partial)
    return Pending(slot, method.title, job, run.expected_seconds(method, case), case.lane)


def wait_for(job: Job[Answer], seconds: float) -> None:
    """Wait for the end; a page that the person leaves or changes meanwhile ends at once."""
    until = monotonic() + seconds
    while not job.wait(min(LOOKS, max(until - monotonic(), 0.0))) and monotonic() < until:
        st.session_state.get("runs.visitor")  # at which Streamlit ends a run that is out of date


def follow(session: Visit, slot: str, name: str) -> Job[Answer] | None:
    """The slot's job when it is for this question, even if it failed; another one is given up."""
    stopped().pop(slot, None)
    if (job := session.jobs.get(slot)) is not None and job.name == name:
        session.look_at(job)
        return job
    session.give_up(slot)
    return None


def ask_when_told(
    method: Method[Any], case: Any, slot: str, label: str, *, hinted: bool = True
) -> Outcome | None:
    """As `ask`, but what has to be computed waits for a button; None until it is pressed.

    A hint at the seconds is added to the label unless it says them already.
    """
    if not begun(method, case, slot):
        visit().give_up(slot)
        seconds = run.expected_seconds(method, case)
        hint = f" (about {seconds:.0f} s here)" if seconds and seconds >= 1 else ""
        start_button(f"{label}{hint if hinted else ''}", slot, [slot], primary=hinted)
        return None
    return ask(method, case, slot)


def ask_all_when_told(
    method: Method[Any], cases: Mapping[str, Any], slot: str, label: str, *, named: bool = True
) -> dict[str, Outcome]:
    """As `ask_when_told` for several cases by their names: one button for all that wait.

    The names stand on the button unless it says enough without them.

    Returns:
        The outcomes of those that do not wait for the button.
    """
    questions = {name: (method, case) for name, case in cases.items()}
    return ask_each_when_told(questions, slot, label, named=named)


def ask_each_when_told(
    questions: Mapping[str, tuple[Method[Any], Any]], slot: str, label: str, *, named: bool = True
) -> dict[str, Outcome]:
    """As `ask_all_when_told`, where each case has a method of its own."""
    slots = {name: f"{slot}.{name}" for name in questions}
    leave_others(slot, list(slots.values()))
    waiting = {
        name: question for name, question in questions.items() if not begun(*question, slots[name])
    }
    if waiting:
        seconds = [run.expected_seconds(*pair) for pair in waiting.values()]
        total_seconds = sum(second for second in seconds if second)
        hint = (
            f" (about {max(total_seconds, 1):.0f} s here)"
            if all(seconds)
            else " (not timed here yet)"
        )
        names = f": {', '.join(waiting)}" if named else ""
        start_button(f"{label}{names}{hint}", slot, list(slots.values()))
    return {
        name: ask(*question, slots[name])
        for name, question in questions.items()
        if name not in waiting
    }


def begun(method: Method[Any], case: Any, slot: str) -> bool:
    """Whether the question was asked in the slot, or is known or under way anyhow."""
    started: dict[str, str] = st.session_state.setdefault("runs.told", {})
    digest = run.digest(method, case)
    if started.get(slot) == PRESSED:
        by_button().add(digest)
    pressed = started.get(slot) in {digest, PRESSED}
    if pressed or run.kept_answer(method, case) or run.under_way(method, case):
        started[slot] = digest  # also after a reload, so that what is stopped then stays in sight
        return True
    return False


def start_button(label: str, key: str, slots: Sequence[str], *, primary: bool = True) -> None:
    """Asks in these slots; it is gone in the run that begins with its press: told before that."""
    started = st.session_state["runs.told"]
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    st.button(
        label,
        key=f"{key}.go",
        type=kind,
        on_click=started.update,
        args=(dict.fromkeys(slots, PRESSED),),
    )


def press(slot: str) -> None:
    """As if the button there were pressed; what was stopped there may start again."""
    restart(slot)
    st.session_state.setdefault("runs.told", {})[slot] = PRESSED


def by_button() -> set[str]:
    """The digests of the questions that this session has pressed a button for."""
    digests: set[str] = st.session_state.setdefault("runs.by_button", set())
    return digests


def pressed_for(model_answer: Answer) -> bool:
    """Whether a button was pressed for it since this was asked last."""
    digest = str(model_answer.record["digest"])
    pressed = digest in by_button()
    by_button().discard(digest)
    return pressed


def leave_others(page: str, slots: Sequence[str]) -> None:
    """Give up what the page's other slots wait for, such as a method that was taken away."""
    session = visit()
    for slot in list(session.jobs):
        if slot.startswith(f"{page}.") and slot not in slots:
            session.give_up(slot)


def stop_all(page: str) -> None:
    """Stop what the page and its slots wait for, also what would go on when nobody looks."""
    session = visit()
    for slot, job in list(session.jobs.items()):
        if slot == page or slot.startswith(f"{page}."):
            session.give_up(slot)
            if not session.waits_for(job):
                job.stop(session.visitor)


def leave_all_but(page: str, job_names: Mapping[str, str]) -> None:
    """Give up what the page's slots wait for, except these questions: their jobs' names, by slot.

    For a page that asks one after another: a later slot's old question would be in the way.
    """
    session = visit()
    for slot, job in list(session.jobs.items()):
        if slot.startswith(f"{page}.") and job_names.get(slot) != job.name:
            session.give_up(slot)


def answer(method: Method[Any], case: Any, slot: str) -> Answer:
    """A live answer; where there is none the reason is said and the page ends here."""
    outcome = ask(method, case, slot)
    if not isinstance(outcome, Answer):
        watch([outcome])
        end()
    return outcome


def stop(pending: Pending) -> None:
    """Stop on request, and do not start again by itself; another slot may still wait for it."""
    session = visit()
    session.jobs.pop(pending.slot, None)
    if not session.waits_for(pending.job):
        pending.job.stop(session.visitor)
    stopped()[pending.slot] = pending.job


def restart(slot: str) -> None:
    visit().give_up(slot)
    stopped().pop(slot, None)


def withdraw(slot: str) -> None:
    """What was told or stopped there waits for its button again."""
    stopped().pop(slot, None)
    st.session_state.get("runs.told", {}).pop(slot, None)


def watch_together(pending: Sequence[Pending], words: str) -> None:
    """One line of progress for many quick answers; the page follows once, when all are there."""
    if pending:
        follow_together(pending, words)


@st.fragment(run_every=POLL_SECONDS)
def follow_together(pending: Sequence[Pending], words: str) -> None:
    jobs = [waiting.job for waiting in pending]
    if all(job.finished for job in jobs):
        st.rerun()
    done = sum(1.0 if job.finished else min(max(job.done, 0.0), 1.0) for job in jobs)
    with st.container(key="together"):  # by which a browser's tests see that more is to come
        st.progress(done / len(jobs), words)


def watch(outcomes: Sequence[Outcome], live: Live | None = None) -> None:
    """Progress, Stop and Start again (or Resume) for everything that is not answered.

    `live` draws what is there so far; it is called again and again, so it has to be cheap.
    """
    pending = [outcome for outcome in outcomes if isinstance(outcome, Pending)]
    if pending:
        follow_progress(pending, live)
    halted = [stopped().get(outcome.slot) for outcome in outcomes if isinstance(outcome, Problem)]
    if ending := [job for job in halted if job is not None and not job.finished]:
        follow_ending(ending)
    for outcome in outcomes:
        if isinstance(outcome, Problem):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.warning(notices.escape_markdown(f"{outcome.title}: {outcome.words}"))
                st.button(
                    outcome.again,
                    key=f"{outcome.slot}.again",
                    on_click=restart,
                    args=(outcome.slot,),
                )


@st.fragment(run_every=POLL_SECONDS)
def follow_ending(jobs: Sequence[Job[Answer]]) -> None:
    """The page follows when what was stopped has ended: a training keeps its place last of all."""
    if all(job.finished for job in jobs):
        st.rerun()


def watch_growing(outcome: Outcome, live: Live) -> None:
    """As `watch`; what a stopped or failed one had found by then stays in sight too."""
    watch([outcome], live)
    if isinstance(outcome, Problem) and outcome.partial is not None:
        st.caption("What was done by then:")
        live(outcome.partial)


@st.fragment(run_every=POLL_SECONDS)
def follow_progress(pending: Sequence[Pending], live: Live | None) -> None:
    if any(waiting.job.finished for waiting in pending):
        st.rerun()
    for pending_answer in pending:
        row = st.container(horizontal=True, vertical_alignment="center")  # Stop keeps its width
        row.progress(
            min(max(pending_answer.job.done, 0.0), 1.0),
            f"{pending_answer.title}: {pending_answer.words()}",
        )
        if row.button(
            "Stop", key=f"{pending_answer.slot}.stop", on_click=stop, args=(pending_answer,)
        ):
            st.rerun()
        if live and pending_answer.job.partial is not None:
            live(pending_answer.job.partial)
