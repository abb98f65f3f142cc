"""The jobs of this server: what runs, what waits, what is over and how it ended."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from components import runs
from components.notices import escape_markdown
from engine.core.lane import HOUSE, Job, Lane, Past, lanes

POLL_SECONDS = 2.0
JOBS_LISTED = 8  # of those that are over
SIGNS = {
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "stopped": ":material/cancel:",
}


def jobs_button() -> None:
    """A button in the header; behind it the list, which follows what runs."""
    active = [job for lane in lanes() for job in lane.jobs() if job.cost != "live"]
    label = f"Jobs ({len(active)})" if active else "Jobs"
    with st.popover(label, icon=":material/pending_actions:", type="tertiary"):
        st.fragment(job_list, run_every=POLL_SECONDS if active else None)()


def job_list() -> None:
    all_lanes = lanes()
    past = sorted(
        (past_job for lane in all_lanes for past_job in lane.past()),
        key=lambda past_job: past_job.when,
    )
    if not past and not any(lane.jobs() for lane in all_lanes):
        st.caption("Nothing was asked yet that takes long.")
    for lane in all_lanes:
        for job in lane.jobs():
            if job.cost != "live":
                running(lane, job)
    finished_jobs(list(reversed(past))[:JOBS_LISTED])


def running(lane: Lane, job: Job[object]) -> None:
    left = job.seconds_left()
    ahead = lane.place(job)
    visitor = runs.visit().visitor
    is_own = visitor in job.asked
    doing = job.words if is_own else "another visitor’s"
    words = f"waits behind {ahead}" if ahead else f"{doing} · {job.done:.0%}"
    if left is not None and not ahead:
        words += f" · about {left:.0f} s left"
    title = job_label(job.title, job.public, own=is_own)
    row = st.container(horizontal=True, vertical_alignment="center")  # Stop keeps its width
    row.progress(min(max(job.done, 0.0), 1.0), f"**{escape_markdown(title)}** on {lane.device}")
    mine = visitor in job.visitors or job.visitors == {HOUSE}
    stop = row.button(
        "Stop",
        key=f"jobs.stop.{job.name}",
        disabled=not mine,
        help=None if mine else "Asked on another page or by another visitor.",
    )
    st.caption(escape_markdown(words))
    if stop:
        job.stop(visitor)


def job_label(title: str, public: str, *, own: bool) -> str:
    """What a job is called here: one that has no name for strangers is still a question."""
    return (title if own else public) or "A question"


def finished_jobs(past: Sequence[Past]) -> None:
    visitor = runs.visit().visitor
    for past_job in past:
        is_own = visitor in past_job.asked
        ago = (datetime.now(UTC) - past_job.when).total_seconds()
        why = f": {escape_markdown(past_job.why)}" if past_job.why and is_own else ""
        title = escape_markdown(job_label(past_job.title, past_job.public, own=is_own))
        st.markdown(
            f"{SIGNS[past_job.end]} {title} · {past_job.end}{why} · {past_job.seconds:.0f} s, "
            f"{since(ago)}"
        )


def since(seconds: float) -> str:
    if seconds < 90:
        return "just now"
    return f"{seconds / 60:.0f} min ago" if seconds < 5400 else f"{seconds / 3600:.0f} h ago"
