"""What Which explanation? asks: a kind of change, and the settings of all eight explainers."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

import streamlit as st

from components.forms import refuse_links, widget
from components.picks import pick
from components.sidebar.subject import Subject
from engine.attribution.lfa import LFA, MOST, LocalModel
from engine.attribution.lfa.shares import CHANGES
from engine.vision.case import ImageCase

KEY = "which"
USES: Mapping[str, tuple[str, ...]] = {  # of the settings that only some of the eight look at
    "SmoothGrad": ("noise",),
    "C-LIME": ("noise",),
    "Integrated gradients": ("low",),
    "LIME": ("kernel",),
}
ABOUT = (
    "Eight explainers give eight maps of one image. Each predicts something else: what small noise "
    "does to the score, what fading the image does, what taking parts away does."
)
SAMPLES = {True: 500, False: 200}  # of small images, and of photographs


@dataclass(frozen=True)
class ExplainerTrial:
    """The settings of all eight, and the change that a person cares about.

    Args:
        small: whether the image is small enough to answer at once.
    """

    method: LFA
    case: ImageCase
    about: Subject
    change: str
    small: bool

    def local(self, explainer: str) -> LocalModel:
        """One of the eight; what it does not look at stays as it usually is."""
        settings = self.method.settings()
        for spec in fields(LFA):
            if spec.name in {"noise", "kernel", "low"} - {*USES.get(explainer, ())}:
                settings[spec.name] = spec.default
        return LocalModel(explainer=explainer, **settings)


def choose(chosen_subject: Subject) -> ExplainerTrial:
    case = chosen_subject.case.at("exact")
    small = case.image.shape[1] * case.image.shape[2] <= MOST
    key = f"{KEY}.small" if small else KEY
    refuse_links(LFA, key, case)
    st.caption(ABOUT)
    change = pick("Which change do you care about?", list(CHANGES), f"{KEY}.losses.change", "pills")
    specs = {spec.name: spec for spec in fields(LFA)}
    settings: dict[str, Any] = {}
    *places, settings_column = st.columns(4, vertical_alignment="bottom")
    for place, name in zip(places, ("noise", "low", "kernel"), strict=True):
        with place:
            settings[name] = widget(specs[name], f"{key}.{name}")
    with settings_column, st.popover("Features and samples", width="stretch"):
        settings |= feature_controls(specs, key, case, small=small)
    return ExplainerTrial(LFA(**settings), case, chosen_subject, change, small)


def feature_controls(
    specs: Mapping[str, Field[Any]], key: str, case: ImageCase, *, small: bool
) -> dict[str, Any]:
    spec = specs["features"]
    offered = [word for word in spec.metadata["control"].options if small or word != "pixels"]
    kind = pick(
        spec.metadata["label"],
        offered,
        f"{key}.features",
        help=spec.metadata["help"],
        first="pixels" if small else "grid",
    )
    if kind == "pixels":
        st.caption(f"Every pixel is a feature: {case.image[0].numel()}.")
        count = specs["count"].default
    else:
        count = widget(specs["count"], f"{key}.count")
    samples = widget(specs["samples"], f"{key}.samples", first=SAMPLES[small])
    return {"features": kind, "count": count, "samples": samples}
