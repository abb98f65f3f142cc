"""The page of a question's experiments: sentence, picture, claims, figures, settings."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components import forms, runs
from components.charts.tables import as_table, framed
from components.experiments import own_image, picker
from components.experiments.claims import draw_dots, headline, list_claims
from components.exports import as_json
from components.links import refuse
from components.notices import plain, spoken
from components.widgets.downloads import download
from engine import data as data_sets
from engine.arguments.trained import ExperimentArguments
from engine.as_code import as_python, as_shell
from engine.experiment import Experiment, ExperimentCase
from engine.result import Columns, Result
from engine.run import Answer

KEY = "experiments"


def show(kinds: Sequence[type[Experiment]]) -> None:
    """One of the experiments; its settings stand last, but decide what is drawn above."""
    kind = picker.choose(kinds, KEY)
    key = f"{KEY}.{kind.name}"
    st.markdown(f"**{plain(kind.question)}**")
    above, own, below = st.container(), st.container(), st.container()
    with spoken():
        with below:
            method, case = choose(kind, key)
        with above:
            asked(method, case, key)
    if kind.own_image is not None:
        with own, spoken():
            own_image.show(kind.own_image, f"{KEY}.{kind.own_image.name}")
    with below.expander("What am I looking at?"):
        st.markdown(plain(kind.about()))
        st.markdown(f"Reference: {kind.paper}")


def choose(kind: type[Experiment], key: str) -> tuple[Experiment, ExperimentCase]:
    """Data and settings; all of it is in the link."""
    refuse(f"{key}.data", kind.data, "Data", "one of " + ", ".join(kind.data))
    forms.refuse_links(kind, key)
    with st.expander("Settings"):
        name = st.selectbox("Data", list(kind.data), key=f"{key}.data", bind="query-params")
        method = kind(**forms.settings(kind, key))
    with st.spinner("Making the images"):
        return method, ExperimentCase(data_sets.load(name))


def asked(method: Experiment, case: ExperimentCase, key: str) -> None:
    """The answer when it is known, else the picture and how the experiment is run."""
    picture = st.container()
    outcome = runs.ask_when_told(method, case, f"{key}.run", "Run the experiment")
    if isinstance(outcome, Answer):
        answered(method, case, outcome, key)
        return
    with picture:
        picker.draw(method.picture(case), f"{key}.preview")
    if outcome is not None:
        runs.watch_growing(outcome, lambda partial: growing(method, partial, key))
        return
    conditions = ", ".join(method.conditions(case))
    st.caption(plain(
        f"A network is trained on each of: {conditions}; {method.seeds} times each. It can be "
        "stopped and resumed; trainings that are done are kept."
    ))  # fmt: skip


def growing(method: Experiment, partial: Result, key: str) -> None:
    """The conditions that are measured."""
    table = partial.get("table")
    if isinstance(table, Columns) and len(table):
        draw_dots(table, method.measures, f"{key}.growing")


def answered(method: Experiment, case: ExperimentCase, found: Answer, key: str) -> None:
    """What was found, in the order in which it is read."""
    st.subheader(headline(found))
    picker.draw(found["picture"], f"{key}.picture")
    list_claims(found["claims"])
    draw_dots(found["table"], method.measures, f"{key}.dots")
    take_along(method, case, found, key)


def take_along(method: Experiment, case: ExperimentCase, found: Answer, key: str) -> None:
    """Every figure as a file, the call in Python and in the shell, and how it was computed."""
    with st.container(horizontal=True):
        download("Figures (CSV)", lambda: as_csv(found["runs"]), "blindspot-experiment.csv",
                 f"{key}.csv")  # fmt: skip
        download("JSON", lambda: as_json(found), "blindspot-experiment.json", f"{key}.json")
        with st.popover("Copy as Python"):
            arguments = ExperimentArguments.of(case)
            st.code(as_python(method, arguments), "python")
            st.code(as_shell(method, arguments), "shell")
    record = found.record
    kept = "kept from before" if found.kept else "computed now"
    st.caption(plain(
        f"{record['method']} r{record['revision']} · {record['case']['data']} · first seed "
        f"{case.seed} · {record['seconds']:.0f} s on {record['device']}, {kept}"
    ))  # fmt: skip


def as_csv(table: Columns) -> str:
    """A table as a file."""
    text: str = framed(as_table(table)).to_csv(index_label="condition")
    return text
