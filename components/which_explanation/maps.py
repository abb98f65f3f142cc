"""The eight maps: as the trial has them, or one after another while there is no trial."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from components import runs
from components.draw.maps import draw_maps, map_panel
from components.notices import escape_markdown
from components.runs import Outcome, Pending
from components.which_explanation.form import KEY, ExplainerTrial
from components.widgets.viewer import Panel
from engine.attribution.lfa.findings import nothing
from engine.core import run

GROUPS = {  # what they are fitted to
    "Fitted to slopes": ("SmoothGrad", "Gradient", "Integrated gradients", "Gradient × input"),
    "Fitted to scores: noise is added (C-LIME), many parts are taken away (LIME, KernelSHAP), or "
    "one part at a time (Occlusion)": ("C-LIME", "LIME", "KernelSHAP", "Occlusion"),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)
PATIENCE = {True: runs.LIVE_SECONDS, False: 1.0}  # s for each of eight; then the page is drawn
SCALES = (
    "“Same scale” in the viewer puts maps of one unit on one scale. A map of slopes says what one "
    "unit of brightness does, the others what the feature's being there does: two units, never one "
    "scale."
)


def show(trial: ExplainerTrial, panels: Mapping[str, Panel]) -> None:
    for title, names in GROUPS.items():
        st.markdown(f"**{escape_markdown(title)}**")
        draw_maps([panels[name] for name in names], trial.about, f"{KEY}.{names[0]}")
    st.caption(f"{SCALES} {nothing(trial.case)}")


def show_maps(trial: ExplainerTrial, result: Mapping[str, Any]) -> None:
    show(trial, {name: Panel(name, result[f"map {name}"]) for name in NAMES})


def one_by_one(trial: ExplainerTrial) -> None:
    """Each map once it is there; the next is asked after it, so that others get their turn."""
    outcomes: dict[str, Outcome] = {}
    for name in NAMES:
        method = trial.local(name)
        waits = any(isinstance(outcome, Pending) for outcome in outcomes.values())
        if not waits or run.kept_answer(method, trial.case):
            outcomes[name] = runs.ask(method, trial.case, f"{KEY}.{name}", PATIENCE[trial.small])
    show(trial, {name: map_panel(name, outcomes.get(name)) for name in NAMES})
    runs.watch(list(outcomes.values()))


def drop_maps(trial: ExplainerTrial) -> None:
    """Give up what was asked before with other settings; all single maps where a trial has them."""
    job_names = {f"{KEY}.LFA": run.job_name(trial.method, trial.case)}
    if run.kept_answer(trial.method, trial.case) is None:
        job_names |= {
            f"{KEY}.{name}": run.job_name(trial.local(name), trial.case) for name in NAMES
        }
    runs.leave_all_but(KEY, job_names)
