"""The section "Cost and speed": what could be saved, and what is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from components import runs
from components.charts import plots
from components.notices import plain, problem
from components.prune import charts, cost_charts
from components.prune.asked import KEY, Asked, pruned_model
from components.runs import Outcome, Pending, Problem
from engine.lane import lane
from engine.method import Progress
from engine.run import Answer
from engine.sparsity import Masks
from engine.sparsity.latency import Latency, contenders, latency, no_sparse_cores

SLOT = f"{KEY}.latency"
WANTED = f"{SLOT}.wanted"
WHY = (
    "**Why masked is about as slow as whole:** a zero is multiplied like any other number. Time is "
    "saved only when channels are really taken out, or when the hardware skips zeros in a pattern "
    "it knows (2:4)."
)


def show(asked: Asked, masks: Masks) -> None:
    """Multiply-adds in theory and in truth, then measured time."""
    outcome = runs.ask(asked.method, asked.case, f"{KEY}.Prune")
    if isinstance(outcome, Answer):
        counted(outcome, masks)
    else:
        runs.watch([outcome])
    st.markdown("**Measured time**")
    measured(asked, masks)


def counted(found: Answer, masks: Masks) -> None:
    """The figures and the bars."""
    table: Any = found["cost"]
    cost = dict(zip(table.rows, table.values[:, 0], strict=True))
    st.markdown("**What is saved**")
    one, two, three = st.columns(3)
    one.metric("Of what can be cut", charts.percent(masks.sparsity), help="Weights cut.")
    two.metric(
        "Of all weights", charts.percent((masks.total - masks.kept) / cost["weights"]),
        help="Head, biases and norms counted in.",
    )  # fmt: skip
    real = 1 - cost["realisable"] / cost["dense"]
    three.metric(
        "Multiply-adds really saved", charts.percent(real),
        help="By taking out channels that are silent or unread.",
    )  # fmt: skip
    theory = 1 - cost["theoretical"] / cost["dense"]
    words = (
        f"If every zero were skipped, {charts.percent(theory)} of the multiply-adds would be "
        f"saved; by taking out silent channels {charts.percent(real)} are."
    )
    figure = cost_charts.operations(cost["dense"], cost["theoretical"], cost["realisable"])
    plots.with_table(figure, words, {"cost": table}, f"{KEY}.cost")


def measured(asked: Asked, masks: Masks) -> None:
    """Times on this computer; each measurement is another one, so none is kept for long."""
    st.markdown(WHY)
    if reason := no_sparse_cores(asked.case.model, masks):
        st.caption(plain(f"2:4 is not measured: {reason}"))
    held: dict[str, tuple[Latency, ...]] = st.session_state.setdefault(SLOT, {})
    name = f"latency {asked.case.model.fingerprint} {masks.digest}"
    if name not in held and (outcome := follow(asked, masks, name)) is not None:
        if isinstance(outcome, Pending | Problem):
            runs.watch([outcome])
            return
        held[name] = outcome
    if name in held:
        timings(held[name])
        st.button("Measure again", key=f"{SLOT}.again", on_click=want, args=(name,))


def follow(asked: Asked, masks: Masks, name: str) -> Any:
    """The measurement that was asked for; None until it is."""
    job: Any = runs.visit().jobs.get(SLOT)
    if job is not None and job.name != name:
        runs.visit().give_up(SLOT)
        job = None
    if job is None:
        if not st.session_state.pop(WANTED, False):
            st.button(
                "Measure the time here", key=f"{SLOT}.go", type="primary", on_click=want,
                args=(name,),
            )  # fmt: skip
            return None
        job = begin(asked, masks, name)
    if not job.finished:
        return Pending(SLOT, "Measured time", job, None, asked.case.lane)
    return ended(job)


def want(name: str) -> None:
    """Let the next run measure, and let go of what was measured before."""
    st.session_state[SLOT].pop(name, None)
    st.session_state[WANTED] = True


def ended(job: Any) -> Outcome | tuple[Latency, ...]:
    """What came of it."""
    runs.visit().jobs.pop(SLOT, None)
    try:
        found: tuple[Latency, ...] = job.value()
    except Exception as error:  # noqa: BLE001 - the outermost place: said on the page, logged
        return Problem(SLOT, "Measured time", problem(error))
    return found


def begin(asked: Asked, masks: Masks, name: str) -> Any:
    """Put the measurement into the lane, so that nothing else is computed beside it."""

    def work(progress: Progress) -> tuple[Latency, ...]:
        return latency(asked.case.model, contenders(pruned, masks), progress=progress)

    pruned = pruned_model(asked, masks)
    here = runs.visit()
    job = lane(asked.case.lane).submit(name, work, "wait", here.visitor, "Measured time")
    here.jobs[SLOT] = job  # type: ignore[assignment]  # a job of another kind of value
    return job


def timings(rows: Sequence[Latency]) -> None:
    """The bars, and what they say."""
    masked = {one.batch: one for one in rows if one.name == "masked"}
    gone = {one.batch: one for one in rows if one.name == "channels taken out"}
    said = [
        f"{batch} at a time: masked × {masked[batch].ratio:.2f}, channels taken out × "
        f"{gone[batch].ratio:.2f}"
        for batch in masked
    ]
    words = f"Speed beside the whole model (above 1 is faster). {'; '.join(said)}."
    words += (
        f" Median and quartiles of {min(one.repeats for one in rows)} or more turns; × is the "
        "median of the ratios turn by turn, which a busy computer moves less than the times."
    )
    plots.drawn(cost_charts.latencies(rows), words, f"{KEY}.latencies")
