"""The section "Attack" of the Forget view: what an outsider can tell from the confidence."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from components.charts import plots, tables
from components.charts.style import COLORS, GRAY, laid, theme
from components.charts.tables import as_table
from components.forget.asked import KEY, MODELS, WORDS, Closer, looked
from components.sidebar.subject import Subject
from engine.result import Columns
from engine.unlearning import MembershipAttack


def show(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """What the attacker goes by, in each of the three models."""
    del subject, table
    st.markdown("**Can an outsider tell from the model's confidence what it learned from?**")
    found = {name: looked(closer, MembershipAttack(model=name)) for name in MODELS}
    for column, name in zip(st.columns(3), MODELS, strict=True):
        one = found[name]
        if one is None:
            continue
        with column:
            st.markdown(f"{WORDS[name].capitalize()}")
            words = attack_words(one["figures"])
            plots.drawn(attacked(dict(one)), words, f"{KEY}.Attack.{name}")
    st.caption(
        "Bars: how often the model is how sure of images that it learned and kept (members), and "
        "of test images (strangers). Shaded: where the attacker says “member”; its edge is the "
        "threshold. Line: the forgotten images. Members and strangers are drawn by the seed, as "
        "many of each class. An attacker within 5 points of 50 % (two standard errors with fewer "
        "than 400 images) knows nothing, and its picture is gray. Right for the forgotten images "
        "is what the retrained model shows, not 100 %."
    )
    tables.numbers(
        {f"{KEY}.Attack.{n}.table": as_table(one["histogram"]) for n, one in found.items() if one}
    )


def attacked(found: dict[str, Any]) -> go.Figure:
    """Both histograms, the forgotten images as a line, and where it says "member"."""
    bars, regions, figures = found["histogram"], found["regions"], found["figures"]
    known = bool(figures["informative"][0])
    color = COLORS[theme()] if known else (GRAY, GRAY, GRAY)
    middle = 50 * (bars["from"] + bars["to"])
    figure = go.Figure()
    for at, (name, pattern) in enumerate((("members", ""), ("strangers", "/"))):
        figure.add_bar(
            x=middle, y=100 * bars[name], name=name, opacity=0.85 if known else 0.45,
            marker={"color": color[at], "pattern": {"shape": pattern}},
        )  # fmt: skip
    line = {"color": color[2], "width": 2.5}
    figure.add_scatter(x=middle, y=100 * bars["forgotten"], name="forgotten", line=line)
    for low, high, member in zip(regions["from"], regions["to"], regions["member"], strict=True):
        if member:
            figure.add_vrect(x0=100 * low, x1=100 * high, fillcolor=GRAY, opacity=0.15,
                             line={"width": 1.5, "dash": "dash", "color": GRAY})  # fmt: skip
    figure.update_xaxes(title="probability of the label (%)", range=[0, 100])
    figure.update_yaxes(title="images (%)")
    figure.update_layout(barmode="group", bargap=0.05)
    return laid(figure, 300)


def attack_words(figures: Any) -> str:
    """What the attacker says of the forgotten, and whether it counts."""
    says = (
        f"It takes {100 * figures['MIA'][0]:.0f} % of the forgotten images for strangers. It is "
        f"right on {100 * figures['attack accuracy'][0]:.0f} % of the images it was fitted to"
    )
    if figures["informative"][0]:
        return f"{says}."
    return f"{says}, hardly more than by chance: this says nothing."
