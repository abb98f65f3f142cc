"""The parts of the view Which explanation?: settings, eight maps, and their trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

import streamlit as st

from components import exports, runs
from components.forms import choice, refuse_links, slider, widget
from components.notices import plain
from components.runs import Outcome, Pending, Problem
from components.sidebar.subject import Subject, square_behind, square_pixels
from components.which_explanation import agreement, experiments, losses
from components.widgets.downloads import download
from components.widgets.viewer import Panel, viewer
from engine import run
from engine.attribution.lfa import LFA, MOST, LocalModel
from engine.case import ImageCase

KEY = "which"
SLOPES = ("SmoothGrad", "Gradient", "Integrated gradients", "Gradient × input")
SCORES = ("C-LIME", "LIME", "KernelSHAP", "Occlusion")
USES = {  # of the settings that only some of the eight look at
    "SmoothGrad": ("noise",),
    "C-LIME": ("noise",),
    "Integrated gradients": ("low",),
    "LIME": ("kernel",),
}
SAMPLES = {True: 500, False: 200}  # of small images, and of photographs
PATIENCE = {True: runs.LIVE_SECONDS, False: 1.0}  # s for each of eight; then the page is drawn
ABOUT_SLOPES = (
    "**Fitted to slopes.** σ turns SmoothGrad into the gradient as it goes to 0; α turns "
    "integrated gradients into gradient × input as it goes to 1. Move them and watch."
)
ABOUT_SCORES = (
    "**Fitted to scores**: noise is added (C-LIME), many parts are taken away (LIME, KernelSHAP), "
    "or one part at a time (Occlusion)."
)


@dataclass(frozen=True)
class Asked:
    """The settings of all eight, and whether the image is small enough to answer at once."""

    method: LFA
    case: ImageCase
    small: bool

    def one(self, explainer: str) -> LocalModel:
        """One of the eight; what it does not look at stays as it usually is."""
        given = self.method.settings()
        usual = {spec.name: spec.default for spec in fields(LFA)}
        for name in ("noise", "kernel", "low"):
            if name not in USES.get(explainer, ()):
                given[name] = usual[name]
        return LocalModel(explainer=explainer, **given)


def ask_for(about: Subject) -> Asked:
    """The settings, three to a row."""
    case = about.case.at("exact")
    small = case.image.shape[1] * case.image.shape[2] <= MOST
    key = f"{KEY}.small" if small else KEY
    refuse_links(LFA, key, case)
    given: dict[str, Any] = {}
    specs = {spec.name: spec for spec in fields(LFA)}
    for names in (("features", "count", "samples"), ("noise", "low", "kernel")):
        for column, name in zip(st.columns(3), names, strict=True):
            with column:
                if name == "count" and given["features"] == "pixels":
                    st.caption(f"Every pixel is a feature: {case.image[0].numel()}.")
                    given[name] = specs[name].default
                else:
                    given[name] = control(specs[name], f"{key}.{name}", small=small)
    return Asked(LFA(**given), case, small)


def control(spec: Field[Any], key: str, *, small: bool) -> Any:
    """A setting's widget; what it begins with depends on the size of the image."""
    label, about, asked = (spec.metadata[name] for name in ("label", "help", "control"))
    if spec.name == "features":
        offered = asked.options if small else [one for one in asked.options if one != "pixels"]
        return choice(offered, "", "pixels" if small else "grid", label, about, key)
    if spec.name == "samples":
        return slider(asked, SAMPLES[small], label, about, key)
    return widget(spec, key, None)


def maps(asked: Asked, about: Subject) -> None:
    """Two rows of four maps."""
    kept = run.known(asked.method, asked.case)
    found: list[Outcome] = []
    wanted = {} if kept else {name: asked.one(name) for name in (*SLOPES, *SCORES)}
    questions = {"LFA": asked.method} | wanted
    runs.leave_all_but(
        KEY, {f"{KEY}.{name}": run.digest(one, asked.case) for name, one in questions.items()}
    )
    for words, names in ((ABOUT_SLOPES, SLOPES), (ABOUT_SCORES, SCORES)):
        st.markdown(words)
        outcomes: dict[str, Outcome] = {}
        for name in () if kept else names:
            if not is_waiting([*found, *outcomes.values()]) or run.known(
                asked.one(name), asked.case
            ):
                outcomes[name] = local(asked, name)
        views: Mapping[str, Any] = kept or {}
        panels = [panel(name, views, outcomes) for name in names]
        viewer(square_pixels(about), panels, f"{KEY}.{names[0]}", square_behind(about), about.mask)
        found += outcomes.values()
    st.caption(
        "“Same scale” in the viewer puts maps of one unit on one scale. A map of slopes says what "
        "one unit of brightness does, the others what the feature's being there does: two units, "
        "never one scale. " + nothing(asked.case)
    )
    runs.watch(found)


def nothing(case: ImageCase) -> str:
    """Which color stands for nothing, where parts are taken away or the image fades."""
    red, green, blue = (round(255 * value) for value in case.model.mean.flatten().tolist())
    if red == green == blue == 0:
        return "Taken away, or faded to nothing, means black: the zero of this model."
    return (
        "Taken away, or faded to nothing, is not black but the zero of this model, the color "
        f"({red}, {green}, {blue}) of 255."
    )


def is_waiting(found: list[Outcome]) -> bool:
    """Whether one is being computed: the next is asked after it, so that others get their turn."""
    return any(isinstance(one, Pending) for one in found)


def local(asked: Asked, name: str) -> Outcome:
    """One explainer's own answer, in a slot of its own."""
    return runs.ask(asked.one(name), asked.case, f"{KEY}.{name}", PATIENCE[asked.small])


def panel(name: str, kept: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> Panel:
    """An explainer's map, or why there is none yet."""
    if kept:
        return Panel(name, kept[f"map {name}"])
    match outcomes.get(name):
        case None:
            return Panel(name, None, "waits for the maps before it")
        case Pending():
            return Panel(name, None, "being computed …")
        case Problem(words=words):
            return Panel(name, None, words)
        case answer:
            return Panel(name, answer["map"])


def trial(asked: Asked, about: Subject) -> None:
    """All eight judged by each other: at once where it takes seconds, else on request."""
    st.subheader("Which one to trust, and for what?")
    slot = f"{KEY}.LFA"
    if asked.small:
        outcome: Outcome | None = runs.ask(asked.method, asked.case, slot)
    else:
        if run.known(asked.method, asked.case) is None:
            st.markdown(
                "Each explainer is a small linear model of the network. Here each is tried where "
                "the seven others look, at samples that none was fitted to: does it foretell the "
                "score there?"
            )
        outcome = runs.ask_when_told(asked.method, asked.case, slot, "Try each where others look")
    match outcome:
        case None:
            st.caption("It takes gradients at every sample of all eight, and can be stopped.")
        case Pending() | Problem():
            runs.watch([outcome])
        case answer:
            losses.show(answer, f"{KEY}.losses", withheld=about.in_distribution.foreign)
            agreement.show(answer, about, f"{KEY}.agreement")
            experiments.show(asked.method, asked.case, f"{KEY}.experiments")
            explain(asked, answer, about)


def explain(asked: Asked, answer: run.Answer, about: Subject) -> None:
    """What am I looking at, how it was made, and what can be taken along."""
    st.markdown(f"**What am I looking at?** {LFA.about()}")
    st.markdown(f"Reference: {LFA.paper}")
    with st.popover("Take it along"):
        download("JSON", lambda: exports.as_json(answer), "blindspot-LFA.json", f"{KEY}.json")
        st.code(exports.python_call(asked.method, about, "squared loss"), language="python")
    st.caption(plain(exports.provenance(answer)))
