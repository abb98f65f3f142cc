"""Sweep: the sentence and the grid, then what is crossed, and what can be taken along."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

import streamlit as st

from components import footer, runs
from components.footer import Entry
from components.notices import escape_markdown, show_problems
from components.runs import Pending, Problem
from components.sweep import asks, form, grid
from components.sweep.form import KEY, PlannedSweep
from components.widgets.downloads import download
from engine.sweep import in_lane, sheet, tables
from engine.sweep.choosing import summary
from engine.sweep.links import model_lines
from engine.sweep.plan import SweepPlan, as_toml
from engine.sweep.rows import SweepRow
from engine.sweep.sweeping import LookedUp, Swept

REASONS = 5  # that are said
LOCAL = "http://localhost:8501"


def show() -> None:
    answer, controls = st.container(), st.container()
    with controls:
        st.divider()
        planned = form.choose()
    with answer, show_problems():
        if planned.plan is None:
            st.info(escape_markdown(planned.problem))
        else:
            show_sweep(planned, planned.plan)
    with controls:
        if not planned.own:
            download("Plan (TOML)", partial(as_toml, planned.said), "plan.toml", f"{KEY}.toml")
    for kind in planned.kinds:
        footer.add_entry(Entry(kind.title, kind))


def show_sweep(planned: PlannedSweep, plan: SweepPlan) -> None:
    with st.spinner("Loading the models"):
        name = in_lane.plan_name(plan)
    lookup = asks.ask(asks.LOOK, asks.lookup_job(name), in_lane.looking_up(plan), "live")
    if isinstance(lookup, Pending | Problem):
        runs.watch([lookup])
        return
    above, below = st.container(), st.container()
    with below:
        caption_slot = st.empty()
        done = asks.compute(name, lookup, usual=planned.usual) if lookup.missing else None
        if isinstance(done, Pending | Problem):
            runs.watch([done])
        words = progress_text(done) if isinstance(done, Swept) else lookup.words(1)
        caption_slot.caption(escape_markdown(f"{words}."))
    rows, left_out = answer_notes(lookup, done)
    with above:
        if rows:
            st.header(escape_markdown(summary(rows, model_lines())))
            grid.show(rows, linked=not planned.own)
        else:
            st.header(f"{plan.count:,} answers can be computed.")
    with below:
        missing(left_out)
        if rows:
            take_along(rows)


def answer_notes(lookup: LookedUp, done: object) -> tuple[list[SweepRow], list[str]]:
    if isinstance(done, Swept):
        return [*done.rows], [problem for _, problem in done.left_out]
    ordered = [lookup.found[place] for place in sorted(lookup.found)]
    return [outcome.row for outcome in ordered if outcome.row], [
        outcome.problem for outcome in ordered if not outcome.row
    ]


def progress_text(done: Swept) -> str:
    stored_count = len(done.rows) - done.computed
    return f"{done.computed:,} answers computed now, {stored_count:,} kept from before"


def missing(reasons: Sequence[str]) -> None:
    for reason, count in Counter(reasons).most_common(REASONS):
        st.caption(escape_markdown(f"{count:,} left out: {reason}"))


def take_along(rows: Sequence[SweepRow]) -> None:
    app = st.context.url.rpartition("/")[0] if st.context.url else LOCAL
    with st.container(horizontal=True):
        download("CSV", partial(tables.as_csv, rows), "answers.csv", f"{KEY}.csv")
        download("Parquet", partial(tables.as_parquet, rows), "answers.parquet", f"{KEY}.parquet")
        page = partial(sheet.sheet, rows, app)
        download("Contact sheet (HTML)", page, "sheet.html", f"{KEY}.html")
