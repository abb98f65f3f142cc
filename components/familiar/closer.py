"""A closer look in Familiar?: every detector, images made worse, or the model it was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from components import runs
from components.familiar import charts, sources
from components.familiar.asked import FIRST, TITLES, Asked, after_features
from components.familiar.sources import KEY
from components.forms import refuse_links
from components.links import let_go, refuse
from components.notices import plain
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.anomaly import Compare, Corrupt
from engine.anomaly.corrupt import LEVELS
from engine.anomaly.corruption import corrupted
from engine.anomaly.quick import QUICK
from engine.pictures import as_bytes
from engine.run import Answer


def closer(asked: Asked, found: Answer) -> None:
    """All detectors, images made worse, or the model it was made from."""
    parent = sources.parent(asked.case.model)
    offered: dict[str, Callable[[], None]] = {
        "Every detector": lambda: every_detector(asked),
        "Made worse": lambda: made_worse(asked),
    }
    if parent is not None:
        offered["Beside its parent"] = lambda: beside(asked, found, parent)
    key = f"{KEY}.closer"
    refuse(key, offered, "Look closer", "one of " + ", ".join(offered))
    let_go(key, offered)
    picked = st.segmented_control(
        "Look closer", list(offered), default="Every detector", required=True, key=key,
        bind="query-params",
    )  # fmt: skip
    offered[picked]()


def every_detector(asked: Asked) -> None:
    """The ranking of detectors on this image."""
    odin = st.toggle(
        "With ODIN", key=f"{KEY}.Compare.odin", bind="query-params",
        help="It needs a way back through the network for every normal image.",
    )  # fmt: skip
    outcome = runs.ask(Compare(odin=odin), asked.case, f"{KEY}.Compare")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    charts.ranking(outcome, TITLES, KEY)
    st.caption(Compare.about().replace("\n", " "))


def made_worse(asked: Asked) -> None:
    """The image and normal ones made worse, step by step."""
    if reason := Corrupt.unmet(asked.case):
        st.caption(plain(f"{Corrupt.title}: {reason}"))
        return
    name = asked.method.name if asked.method.name in {kind.name for kind in QUICK} else FIRST
    refuse_links(Corrupt, f"{KEY}.Corrupt")
    left, right = st.columns([1, 3], gap="large")
    with left:
        spec = Corrupt.__dataclass_fields__["kind"]
        kind = st.selectbox(
            spec.metadata["label"], spec.metadata["control"].options, key=f"{KEY}.Corrupt.kind",
            bind="query-params",
        )  # fmt: skip
        steps = {f"{one:g}" for one in LEVELS}
        refuse(f"{KEY}.severity", steps, "Severity", "a step of the slider")
        severity = st.select_slider(
            "Severity", LEVELS, LEVELS[0], key=f"{KEY}.severity", bind="query-params",
            format_func=lambda one: f"{one:g}",
        )  # fmt: skip
        image = corrupted(asked.case.image[None], kind, severity, asked.case.seed)[0]
        words = f"This image with {kind} of severity {severity:g}"
        show_picture(enlarged(as_bytes(image)), words, width="stretch")
    with right:
        outcome = runs.ask(Corrupt(kind, name), asked.case, f"{KEY}.Corrupt")
        if not isinstance(outcome, Answer):
            runs.watch([outcome])
            return
        at = LEVELS.index(severity)
        charts.steps(outcome, at, asked.alpha, KEY)
        label = asked.case.model.labels[int(outcome["classes"].values[at])]
        st.caption(plain(f"At this step the model sees: {label}. Scores are {name}'s."))


def beside(asked: Asked, found: Answer, parent: Any) -> None:
    """The same question to the model that this one was made from."""
    case = replace(asked.case, model=parent)
    other = after_features(asked.method, case, f"{KEY}.parent")
    rows = [(asked.case.model.title, found), (f"{parent.title} (parent)", other)]
    charts.drift(rows, f"{KEY}.drift")
    st.caption(
        "Scores of two models are not on one scale; p-values and shares are. The same normal and "
        "unknown images were shown to both."
    )
