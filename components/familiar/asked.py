"""What Familiar? is asked: images, detector and line, and the answer's way there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from components import runs
from components.familiar import sources
from components.familiar.sources import KEY
from components.forms import method_form, refuse_links
from components.links import refuse
from components.notices import plain, spoken
from components.sidebar.subject import Subject
from engine import run
from engine.anomaly import DETECTORS, Extract, FamiliarCase
from engine.anomaly.detector import Detector
from engine.anomaly.sources import learned
from engine.method import Method
from engine.run import Answer

FIRST = "ViM"
ALPHAS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
USUAL = 0.05
TITLES: Mapping[str, str] = {kind.name: kind.title for kind in DETECTORS}


@dataclass(frozen=True)
class Asked:
    """What the page asks: the case, the detector, and how often normal images may be flagged.

    `unlike` says that the pixels are unlike the normal images, whatever the detector finds.
    """

    case: FamiliarCase
    method: Detector
    alpha: float
    unlike: bool = False


def choose(subject: Subject) -> Asked:
    """Normal images, unknown images, detector and line; the page ends here without a case."""
    left, middle, right = st.columns(3)
    model, seed = subject.case.model, subject.case.seed
    with left:
        normal = sources.choose_normal(subject)
    if normal is None:
        st.stop()
    with middle:
        unknown = sources.choose_unknown(normal, model, seed)
    with right:
        alpha = choose_alpha()
    case: FamiliarCase | None = None
    with spoken():
        group = sources.group_of(subject, normal)
        case = FamiliarCase(model, subject.case.image, normal, unknown, group, seed)
    if case is None:
        st.stop()
    unlike = subject.in_distribution.foreign and normal.name == learned(model)
    return Asked(case, choose_detector(subject, case), alpha, unlike)


def choose_alpha() -> float:
    """How often a normal image may be flagged."""
    key = f"{KEY}.alpha"
    words = {f"{100 * one:g} %": one for one in ALPHAS}
    refuse(key, words, "False alarms", "one of " + ", ".join(words))
    picked = st.selectbox(
        "False alarms allowed", list(words), ALPHAS.index(USUAL), key=key, bind="query-params",
        help="The line is drawn so that at most this share of normal images lies above it. It can "
        "also be dragged.",
    )  # fmt: skip
    return words[picked]


def choose_detector(subject: Subject, case: FamiliarCase) -> Detector:
    """One detector with its settings; those that do not fit the model are named with the reason."""
    fitting = {kind.title: kind for kind in DETECTORS if not kind.unmet(case)}
    key = f"{KEY}.detector"
    refuse(key, fitting, "Detector", "one of " + ", ".join(fitting))
    first = TITLES[FIRST] if TITLES[FIRST] in fitting else next(iter(fitting))
    picks, more = st.columns([6, 1], vertical_alignment="bottom")
    title = picks.pills(
        "Detector", list(fitting), default=first, required=True, key=key,
        bind="query-params",
    )  # fmt: skip
    kind = fitting[title]
    refuse_links(kind, f"{KEY}.{kind.name}", subject.case)
    with more.popover("Settings"):
        method = method_form(kind, f"{KEY}.{kind.name}", subject.case)
        if not kind.__dataclass_fields__:
            st.caption("It has none.")
    for one in DETECTORS:
        if reason := one.unmet(case):
            st.caption(plain(f"{one.title}: {reason}"))
    return method


def answered(asked: Asked) -> Answer:
    """The detector's answer; features of data sets are made first, with their progress shown."""
    wanted = ("fit", "held", "unknown", "Compare", "Corrupt", asked.method.name)
    runs.leave_others(KEY, [f"{KEY}.{name}" for name in wanted])
    return after_features(asked.method, asked.case, f"{KEY}.{asked.method.name}")


def after_features(method: Method[FamiliarCase], case: FamiliarCase, slot: str) -> Answer:
    """An answer; where it is not known, the features it rests on come first."""
    if run.known(method, case) is None:
        parts = zip(("fit", "held", "unknown"), case.parts, strict=True)
        found = [
            runs.ask(Extract(), part, f"{KEY}.{word}") for word, part in parts if part is not None
        ]
        if not all(isinstance(one, Answer) for one in found):
            runs.watch(found)
            st.stop()
    return runs.answer(method, case, slot)
