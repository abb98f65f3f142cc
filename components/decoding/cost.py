"""What each strategy costs, beside greedy decoding."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from components.charts import plots
from components.charts.style import COLORS, GRAY, theme, wrapped
from components.decoding.asked import KEY, Compared
from engine.result import Floats, Table
from engine.run import Answer

ROW = 34  # px
TITLES = {
    "forward passes": "Forward passes",
    "tokens read": "Tokens read",
    "places looked at": "Places looked at",
}


def show(found: Compared) -> None:
    """Forward passes, tokens read and places looked at, times greedy's."""
    names = [one.title for one in found.spoken]
    values = np.stack([spent(one.answer) for one in found.spoken])
    times = values / spent(found.greedy)
    figure = make_subplots(
        1, 3, shared_yaxes=True, horizontal_spacing=0.05,
        subplot_titles=[f"<b>{wrapped(title)}</b>" for title in TITLES.values()],
    )  # fmt: skip
    for column in range(3):
        figure.add_trace(
            go.Bar(
                y=names, x=times[:, column], orientation="h",
                marker={"color": COLORS[theme()][column]},
                text=[f"{held:.3g} ×" for held in times[:, column]], textposition="outside",
                cliponaxis=False, hovertemplate="%{y}: %{text}<extra></extra>",
            ),
            row=1, col=column + 1,
        )  # fmt: skip
        top = float(times[:, column].max())
        figure.update_xaxes(range=[0, 1.35 * max(top, 1.0)], row=1, col=column + 1)
        figure.add_vline(1, line={"dash": "dash", "width": 2, "color": GRAY}, row=1, col=column + 1)
    figure.update_annotations(font={"size": 13})
    figure.update_xaxes(title_text="× greedy", fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_layout(
        height=136 + ROW * len(names), showlegend=False, bargap=0.35,
        margin={"l": 10, "r": 10, "t": 56, "b": 10},
    )  # fmt: skip
    seconds = np.array([[one.answer.record["seconds"]] for one in found.spoken])
    table = Table(
        np.concatenate([values, seconds], 1).astype(np.float32), tuple(names),
        (*TITLES.values(), "Seconds"), ("times", "tokens", "places", "s"),
    )  # fmt: skip
    plots.with_table(
        figure,
        "Dashed: greedy decoding of the same question. A forward pass may read several tokens at "
        "once; a token looks at every place of the memory that each layer holds: thinning it out "
        "saves places, not passes. A longer answer costs more by itself.",
        {"cost": table},
        f"{KEY}.cost",
    )
    st.caption("Seconds are those of this computer when the answer was made.")


def spent(answer: Answer) -> Floats:
    """Forward passes, tokens read, places looked at, (3,)."""
    held = dict(zip(answer["cost"].labels, answer["cost"].values.tolist(), strict=True))
    return np.array([held[name] for name in TITLES], np.float32)
