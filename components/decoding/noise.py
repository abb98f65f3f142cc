"""VCD's noised copy, and what contrastive decoding can and cannot mend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import runs
from components.charts import plots
from components.charts.style import COLORS, GRAY, theme
from components.charts.tables import as_table
from components.decoding.asked import KEY, STUBBORN, Compared, Spoken, example
from components.notices import plain
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.hallucination import VCD, asking
from engine.hallucination.noise_steps import NoiseSteps
from engine.pictures import as_bytes
from engine.result import Columns

SEEN = "tiny-vlm-seen"  # a model whose habit hangs on what it sees; not every copy has it
BAND = "rgba(230, 159, 0, 0.22)"
LINES = {
    "clear": ("the clear image", "solid", "circle"),
    "hidden": ("the noised copy", "dash", "square"),
    "contrasted": ("contrasted: what VCD goes by", "dot", "diamond"),
}


def copies(found: Compared, one: Spoken) -> None:
    """The clear image and the copy that it is held against."""
    noised, clear = as_bytes(one.answer["noised"].frames[0]), as_bytes(found.case.image)
    step = one.method.settings()["step"]
    said = (("What the model sees", clear), (f"The copy, noise step {step}", noised))
    for column, (words, pixels) in zip(st.columns([1, 1, 1]), said, strict=False):
        show_picture(enlarged(pixels), words, place=column, width="stretch", caption=words)


def show(found: Compared) -> None:
    """Yes against no by noise step, for the model asked and for the one whose habit is seen."""
    st.markdown(
        "VCD subtracts what the model would say of a noised copy, so it takes away habits of "
        "speech. What the model believes because of something it **sees** goes away with the "
        "image: in the copy nothing of it is left to subtract. The lines show which it is here."
    )
    example("Show a lamp that VCD does not mend", STUBBORN)
    if NoiseSteps.unmet(found.case):
        st.info("Ask a question that is answered by yes or no, such as “is there a boat”.")
        return
    method = NoiseSteps(alpha=alpha_of(found))
    margins(found, found.case.vlm.name, method)
    if SEEN in asking.models() and found.case.vlm.name != SEEN:
        margins(found, SEEN, method)
    with st.expander("What am I looking at?"):
        st.markdown(method.about())
        st.markdown(f"Reference: {method.paper}")


def alpha_of(found: Compared) -> float:
    """The strength that VCD has on the page, else its usual one."""
    one = found.of(VCD.name)
    return float(one.method.settings()["alpha"]) if one else VCD().alpha


def step_of(found: Compared) -> int:
    """The noise step that VCD has on the page, else its usual one."""
    one = found.of(VCD.name)
    return int(one.method.settings()["step"]) if one else VCD().step


def margins(found: Compared, name: str, method: NoiseSteps) -> None:
    """The lines of one model."""
    case = found.case
    if name != case.vlm.name:
        case = replace(case, vlm=asking.model(name))
    held: Columns = runs.answer(method, case, f"{KEY}.margins.{name}")["margins"]
    st.markdown(f"**{plain(case.vlm.title)}** on “{plain(case.prompt)}”")
    told = as_table(
        held,
        [column for column in held.order if column != "step"],
        [f"t = {step:.0f}" for step in held["step"]],
    )
    plots.with_table(
        drawn(held, step_of(found)), margin_words(held, step_of(found)), {"margins": told},
        f"{KEY}.margins.{name}",
    )  # fmt: skip


def drawn(held: Columns, step: int) -> go.Figure:
    """Three lines, the band of the draws, and where VCD stands."""
    x = held["step"]
    band = go.Scatter(
        x=np.concatenate([x, x[::-1]]), y=np.concatenate([held["highest"], held["lowest"][::-1]]),
        fill="toself", fillcolor=BAND, line={"width": 0}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure = go.Figure(band)
    for color, (name, (words, dash, symbol)) in zip(COLORS[theme()], LINES.items(), strict=True):
        figure.add_scatter(
            x=x, y=held[name], name=words, mode="lines+markers",
            line={"dash": dash, "width": 3, "color": color}, marker={"symbol": symbol, "size": 7},
            hovertemplate=f"{words}, t = %{{x}}: %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
    figure.add_hline(0, line={"width": 2, "color": GRAY})
    figure.add_vline(step, line={"dash": "dash", "width": 1.5, "color": GRAY})
    figure.update_xaxes(title_text="noise step t: the copy is hidden ever deeper", fixedrange=True)
    figure.update_yaxes(title_text="← no     yes →   (logits apart)", fixedrange=True)
    figure.update_layout(
        height=400, margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    return figure


def margin_words(held: Columns, step: int) -> str:
    """Whether subtracting the copy helps at the noise step of the page, and why."""
    at = int(np.abs(held["step"] - step).argmin())
    clear, hidden, left = (float(held[name][at]) for name in ("clear", "hidden", "contrasted"))
    where = f"At t = {held['step'][at]:.0f}"
    lean = (
        f"the clear image says {says(clear)} ({clear:+.2f}), "
        f"the copy {says(hidden)} ({hidden:+.2f})"
    )
    if hidden > clear:
        why = (
            "The copy leans more to yes than the image does: that much is habit, and subtracting "
            "it moves toward no"
        )
    else:
        why = (
            "The copy leans less to yes than the image does: the belief comes from something seen, "
            "and subtracting moves even further to yes. Contrasting cannot mend that"
        )
    return f"{where} {lean}. {why}: VCD says {says(left)} ({left:+.2f}).".replace("-", "−")


def says(margin: float) -> str:
    """What a margin decides."""
    return "yes" if margin > 0 else "no"
