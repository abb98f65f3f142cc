"""Robust against plain prototypes: how many answers stay right when images are changed."""

import streamlit as st

from components import forms
from components.prototypes.form import KEY, ROBUST, PrototypeQuestion
from components.section import Section
from engine.attribution.cbc import PrototypeRobustness
from engine.attribution.cbc.robustness import CBC, CERTIFIED, CURVES, PLAIN, WIDE
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines


def show(question: PrototypeQuestion) -> None:
    st.header("Robust or plain?")
    answer, controls = st.container(), st.container()
    with controls:
        settings = forms.folded_settings(
            PrototypeRobustness,
            ROBUST,
            ("components", "margin", "large", "robust", "epochs", "images", "farthest", "tries"),
            "Settings of the comparison",
        )
    with answer:
        Section(
            KEY,
            PrototypeRobustness(**settings),
            question.case.learned,
            known=question.known,
            evidence=(
                curve("certified", "Right, and proved to stay so"),
                curve("attacked", "Right, and not turned by the attack"),
                Drawing("networks", "What was measured", wide=True),
            ),
            button="Train and attack six networks",
            before="Six networks are trained on the same images, each kept, and the same test "
            "images are certified and attacked. You can stop it.",
        ).show()


def curve(kind: str, title: str) -> Drawing:
    chart = Lines(
        x="distance",
        series={f"{name}, {kind}": name for name in CURVES},
        title="% right",
        x_title="change of the image (Euclidean)",
        span=(0, 100),
    )

    def finding(result: Views) -> str:
        networks = result["networks"]
        shares = [f"{name} {100 * networks.cell(name, kind):.0f} %" for name in (PLAIN, CBC, WIDE)]
        distance = result["curves"]["distance"][len(result["curves"]) // 2]
        best = f"{CERTIFIED} {100 * networks.cell(CERTIFIED, kind):.0f} %"
        return f"At {distance:.1f}: {'; '.join([*shares, best])}."

    return Drawing("curves", title, chart, finding)
