"""VASparse over many scenes: what is made up when ever less is kept, by three ways to choose."""

from __future__ import annotations

from typing import cast

import plotly.graph_objects as go
import streamlit as st

from components.charts import plots
from components.charts.style import COLORS, DASHES, GRAY, MARGINS, SYMBOLS, theme
from components.charts.tables import as_table
from components.decoding.asked import KEY, Compared, Spoken
from components.decoding.scenes import counted
from engine.hallucination.keep_curve import KeepCurve, curve_case
from engine.hallucination.thinning import RANKINGS
from engine.hallucination.tiny_vlm.model import TinyVLM
from engine.hallucination.vasparse import VASparse
from engine.result import Columns
from engine.run import Answer

SLOT = f"{KEY}.curve"


def show(found: Compared, one: Spoken) -> None:
    """The curve, folded away; what is not known yet waits for a button."""
    method = KeepCurve()
    case = curve_case(cast(TinyVLM, found.case.vlm), cast(VASparse, one.method))
    with st.expander("How much can be dropped? CHAIR against the share kept"):
        if answer := counted(method, case, SLOT):
            drawn(answer)
        st.markdown(method.about())


def drawn(answer: Answer) -> None:
    """A line for each way to choose, with greedy decoding as the dashed level."""
    curve: Columns = answer["curve"]
    greedy: Columns = answer["greedy"]
    figure = go.Figure()
    for at, (way, color) in enumerate(zip(RANKINGS, COLORS[theme()], strict=True)):
        values = 100 * curve[f"{way}: CHAIR_i"]
        figure.add_scatter(
            x=100 * curve["kept"] + at - 1, y=values, name=way, mode="lines+markers",
            line={"width": 3, "color": color, "dash": DASHES[at]},
            marker={"size": 9, "symbol": SYMBOLS[at]},
            error_y={
                "type": "data", "symmetric": False, "thickness": 1.5, "color": color,
                "array": 100 * curve[f"{way}: highest"] - values,
                "arrayminus": values - 100 * curve[f"{way}: lowest"],
            },
            hovertemplate=f"{way}, %{{x:.0f}} % kept: %{{y:.1f}} %<extra></extra>",
        )  # fmt: skip
    figure.add_hline(
        100 * float(greedy["CHAIR_i"][0]), line={"dash": "dash", "width": 2, "color": GRAY},
        annotation_text="greedy", annotation_position="bottom right",
    )  # fmt: skip
    figure.update_xaxes(title_text="% of the competing tokens kept", fixedrange=True)
    figure.update_yaxes(
        title_text="← CHAIR_i: % of mentions made up", fixedrange=True, rangemode="tozero"
    )
    figure.update_layout(
        height=380, margin=MARGINS | {"t": 30},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    plots.with_table(figure, curve_words(curve), {"curve": as_table(curve)}, f"{SLOT}.chart")


def curve_words(curve: Columns) -> str:
    """Whether visual-aware choice makes up less than the others, as far as the scenes tell."""
    aware, *others = RANKINGS
    apart = [
        f"than {way} at {name}"
        for at, name in enumerate(curve.rows)
        for way in others
        if curve[f"{aware}: highest"][at] < curve[f"{way}: lowest"][at]
    ]
    told = ", ".join(
        f"{way} {100 * curve[f'{way}: CHAIR_i'][0]:.0f} % (recall "
        f"{100 * curve[f'{way}: recall'][0]:.0f} %)"
        for way in RANKINGS
    )
    finding = (
        f"The visual-aware choice makes up less {' and '.join(apart)}"
        if apart
        else "At no share does the visual-aware choice lie below the range of another: these "
        "scenes show no gain from it"
    )
    return f"With {curve.rows[0]} kept, made up: {told}. {finding}."
