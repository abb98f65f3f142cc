"""The trust panel: each map's trials in plain words, cheap ones at once, slow ones when told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from time import monotonic
from typing import Any

import streamlit as st

from components import runs
from components.charts import tables
from components.draw.agreement import draw_agreement, likeness
from components.forms import method_form, refuse_links
from components.picks import switch
from components.runs import Outcome, Pending, Problem
from components.sidebar.subject import Subject
from components.trust import verdict
from components.trust.seen import TRIAL_VIEWS
from components.trust.verdict import CheckedTrial
from engine.core.method import Method
from engine.core.result import HeatMap, Table
from engine.core.run import Answer, expected_seconds
from engine.evaluation.measures.agreement import matrix
from engine.evaluation.trust import CHEAP, TRUST, Check, TrustCase
from engine.evaluation.trust.verdict import not_available

KEY = "trust"
AUTOMATIC = 400  # forward passes; a cheap trial that was set to more of them waits to be told
PATIENCE = 0.3  # seconds that the page waits for all cheap trials together before it goes on
LIKENESS = {
    "order of sizes": "order",
    "direction": "cosine",
    "strongest tenth": "strongest",
    "sign": "sign",
}
WITHHELD = "no verdict, because the image is not of the kind that this model learned from."
FAST = "not tried, because it was computed fast: choose exact precision in the sidebar."
ABOUT = """\
Each trial asks this map of this image a question that a wrong map fails. None proves a map right: \
a map can pass them all and still mislead. The limits of the verdicts are our own, tried on the \
models that ship; they stand in each trial.

Pictures that are half hidden are unlike any that the model has learned from (off its manifold), \
so part of what the curves show is its surprise. Try another cover: a finding that only one cover \
gives is not to be relied on.

What is not done here: taking the strongest pixels out of all training images and training again \
(ROAR). That says what the data hold, not what this model goes by; the shape of the hole can give \
the class away, and where the image says everything twice even good maps fail it."""
MISTAKEN = (
    "Maps that answer different questions may well disagree; maps that agree may share a mistake."
)


def choose(subject: Subject) -> list[Check]:
    """The trials that every map is put on; none where they are switched off."""
    with st.container(horizontal=True, vertical_alignment="center"):
        return settings(subject) if trials_wanted() else []


def trials_wanted() -> bool:
    return switch(
        "Put every map on trial",
        f"{KEY}.on",
        first=True,
        help="Quick trials are made by themselves once the maps are there; slow ones wait for a "
        "button. Switched off, the maps stand alone.",
    )


def settings(subject: Subject) -> list[Check]:
    kinds: Sequence[type[Check]] = TRUST
    for kind in kinds:
        refuse_links(kind, f"{KEY}.{kind.name}", subject.case)
    methods = []
    with st.popover("Settings of the trials"):
        st.markdown(ABOUT)
        for kind in kinds:
            if fields(kind):
                st.markdown(f"**{kind.title}**")
            methods.append(method_form(kind, f"{KEY}.{kind.name}", subject.case))
    return methods


@dataclass
class Trial:
    """One map's trials.

    Args:
        method: what made the map.
        found: what came out; None where a dear trial waits for its button.
        quick: cheap trials that are under way.
        ended: how many that would judge failed or were stopped.
        barred: why the map is not tried at all, or "".
    """

    method: Method[Any]
    found: list[CheckedTrial] = field(default_factory=list)
    quick: list[Pending] = field(default_factory=list)
    ended: int = 0
    barred: str = ""


def map_trial(
    method: Method[Any], answer: Answer, checks: Sequence[Check], subject: Subject, until: float
) -> Trial:
    """All trials of one map: what they say in short, and a line each.

    Args:
        method, answer: the map.
        checks: the trials as they are set.
        subject: what it is about.
        until: monotonic seconds at which the page stops waiting for cheap ones.
    """
    summary = st.container()
    trial = run_checks(method, answer, checks, subject, until)
    summary.markdown(f"**Can {method.title} be trusted?** {in_short(trial)}")
    return trial


def run_checks(
    method: Method[Any], answer: Answer, checks: Sequence[Check], subject: Subject, until: float
) -> Trial:
    trial = Trial(method)
    if answer.record["case"]["precision"] != "exact":
        trial.barred = FAST
        return trial
    case = TrustCase(subject.case.at("exact"), method, subject.mask)
    slow_outcomes: list[Outcome] = []
    reasons: list[str] = []
    for check in checks:
        key = f"{KEY}.{method.name}.{check.name}"
        if reason := check.unmet(case):
            trial_row(check, {"check": not_available(check.title, reason)}, subject, case, key)
            reasons.append(reason)
            continue
        is_short = check.looks <= AUTOMATIC and (not check.maps or method.cost == "live")
        quick = isinstance(check, CHEAP) and is_short
        outcome = (
            runs.ask(check, case, key, max(0.0, until - monotonic()))
            if quick
            else on_request(check, case, key, answer.record["seconds"])
        )
        if isinstance(outcome, Answer):
            trial_row(check, outcome, subject, case, key)
            trial.found.append((check, outcome["check"]))
        elif quick and isinstance(outcome, Pending):
            with st.expander(f"… **being tried** · {check.title}"):
                st.markdown(check.about())
            trial.quick.append(outcome)
        elif isinstance(outcome, Problem):
            trial.ended += check.judges
            slow_outcomes.append(outcome)
        else:
            trial.found.append((check, None))
            slow_outcomes += [outcome] if outcome is not None else []
    if len(reasons) == len(checks):
        trial.barred = f"not tried: {'; '.join(dict.fromkeys(reasons))}"
    elif subject.in_distribution.foreign:
        trial.barred = WITHHELD
    runs.watch(slow_outcomes)
    return trial


def on_request(check: Check, case: TrustCase, key: str, seconds_per_map: float) -> Outcome | None:
    text_column, button_column = st.columns([5, 2], vertical_alignment="center")
    with button_column:
        cost = verdict.cost_text(
            check.maps, check.looks, seconds_per_map, expected_seconds(check, case)
        )
        outcome = runs.ask_when_told(check, case, key, f"Try it: {cost}", hinted=False)
    if outcome is None:
        text_column.markdown(f"○ **not tried yet** · {check.title}")
    return outcome


def trial_row(
    check: Check, result: Answer | dict[str, Any], subject: Subject, case: TrustCase, key: str
) -> None:
    view: Table = result["check"]
    box = st.expander(
        trial_text(check, view, withheld=subject.in_distribution.foreign),
        key=f"{key}.row",
        on_change="rerun",
    )
    if not box.open:
        return
    with box:
        if draw := TRIAL_VIEWS.get(check.name):
            draw(dict(result), subject, case, key)
        if len(view.order) > 1:
            tables.show_table(verdict.figures(view), f"{key}.numbers", whole=True)
        st.markdown(check.about())
        st.caption(f"{check.limits} {reference(check)}".strip())


def trial_text(check: Check, view: Table, *, withheld: bool) -> str:
    return f"· **no verdict** · {check.title}" if withheld else verdict.trial_line(check, view)


def reference(check: Check) -> str:
    return f"Reference: {check.paper}" if check.paper else ""


def trust_line(trial: Trial) -> str:
    if trial.quick:
        return "being tried …"
    return trial.barred or verdict.headline(trial.found)


def report_sentences(trial: Trial, *, withheld: bool) -> list[str]:
    """What came out of the trials as plain sentences, what matters most first; for the report."""
    if trial.barred:
        return [f"Trials: {trial.barred}"]
    lines = [trial_text(check, view, withheld=withheld) for check, view in trial.found if view]
    sentences = [f"Can it be trusted? {in_short(trial)}", *lines] if lines else []
    return [line.replace("**", "") for line in sentences]


def watch(trials: Sequence[Trial]) -> None:
    """How far the cheap trials are; the page follows once all are made."""
    runs.watch_together([job for trial in trials for job in trial.quick], "trying the maps")


def in_short(trial: Trial) -> str:
    if trial.quick:
        return "being tried …"
    ended = f" {trial.ended} failed or stopped." if trial.ended else ""
    return trial.barred or verdict.summary(trial.found) + ended


def agreement(maps: Sequence[tuple[str, HeatMap]]) -> None:
    if len(maps) < 2:
        return
    values = [(title, heat.values) for title, heat in maps]
    by_order = matrix(values)
    with st.expander(f"Do the maps agree? By the order of their sizes: {likeness(by_order)}"):
        draw_agreement(
            LIKENESS,
            lambda by: by_order if by == "order" else matrix(values, by),
            "Compared by",
            f"{KEY}.agreement",
            "order of sizes",
        )
        st.caption(MISTAKEN)


def drop_trials(shown_methods: Sequence[Method[Any]] = ()) -> None:
    """Nothing is computed further for maps that are no longer shown."""
    runs.leave_others(
        KEY, [f"{KEY}.{method.name}.{kind.name}" for method in shown_methods for kind in TRUST]
    )
