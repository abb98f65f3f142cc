"""What a score is made of: its parts, and for COSTARR each feature and both of its factors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots, tables
from components.charts.style import COLORS, GRAY, INK, laid, on_bars, theme
from components.charts.tables import signed
from engine.result import Evidence, Result, Table

SAME_ORDER = 0.95  # Spearman from which on two scores order images alike
HARDLY = 0.005  # of AUROC
PATTERNS = ("", "/", ".", "x")


def evidence(found: Result, key: str) -> None:
    """What the score is made of, for the image, and the normal and unknown one of median score."""
    rows = parts_of(found)
    subject: Any = found["subject"]
    words = parts_words(rows, subject)
    figure = stacked(rows, subject) if subject.joined != "product" else beside(rows, subject)
    plots.with_table(figure, words, {"parts": parts_table(rows, subject)}, f"{key}.parts")


def parts_of(found: Result) -> dict[str, dict[str, float]]:
    """The parts by row: the image's own, and those of the normal and unknown image in the middle.

    The one in the middle has the median score (the lower one of two), so that its parts make it.
    """
    names = {"subject": "this image", "normal": "middle normal", "unknown": "middle unknown"}
    rows = {}
    for view, title in names.items():
        one = found.get(view)
        if isinstance(one, Evidence):
            middle = int(np.argsort(one.values, kind="stable")[(len(one.values) - 1) // 2])
            rows[title] = {name: float(one.parts[name][middle]) for name in sorted(one.parts)}
    return rows


def stacked(rows: Mapping[str, Mapping[str, float]], subject: Evidence) -> go.Figure:
    """Terms that add up to the score, one bar on the other; a diamond at their sum."""
    figure = go.Figure()
    titles = list(rows)[::-1]
    for at, name in enumerate(sorted(subject.parts)):
        values = [rows[title][name] for title in titles]
        look = {"color": COLORS[theme()][at % 3], "pattern": {"shape": PATTERNS[at % 4]}}
        figure.add_bar(y=titles, x=values, name=name, orientation="h", marker=look)
    if subject.joined == "sum":
        sums = [sum(rows[title].values()) for title in titles]
        edge = {"width": 2, "color": on_bars()}  # seen on any bar and its pattern
        mark = {"symbol": "diamond", "size": 14, "color": INK[theme()], "line": edge}
        figure.add_scatter(y=titles, x=sums, name="score", mode="markers", marker=mark)
    figure.update_layout(barmode="relative", xaxis_title=f"score ({subject.unit})")
    return laid(figure, 60 + 52 * len(titles))


def beside(rows: Mapping[str, Mapping[str, float]], subject: Evidence) -> go.Figure:
    """Factors whose product is minus the score, each on its own scale."""
    from plotly.subplots import make_subplots

    names = sorted(subject.parts)
    figure = make_subplots(rows=1, cols=len(names), subplot_titles=names, shared_yaxes=True)
    titles = list(rows)[::-1]
    for at, name in enumerate(names):
        look = {"color": COLORS[theme()][at % 3], "pattern": {"shape": PATTERNS[at % 4]}}
        values = [rows[title][name] for title in titles]
        figure.add_trace(
            go.Bar(
                y=titles,
                x=values,
                orientation="h",
                marker=look,
                text=[f"{value:.3g}" for value in values],
                showlegend=False,
            ),
            row=1,
            col=at + 1,
        )
    return laid(figure, 80 + 52 * len(titles))


def parts_words(rows: Mapping[str, Mapping[str, float]], subject: Evidence) -> str:
    """The part in which the image differs most from the middle normal one."""
    own, usual = rows["this image"], rows["middle normal"]
    if subject.joined == "alone":
        (name,) = own
        told = f"{own[name]:.3g} for this image, {usual[name]:.3g} for the middle normal one"
        return f"The score is one number: {minus(told)}."
    told = ", ".join(f"{name} {own[name]:.3g} (middle normal {usual[name]:.3g})" for name in own)
    how = {
        "sum": "The bars add up to the score",
        "product": "The factors multiply to minus the score",
    }[subject.joined]
    return f"{how}. This image: {minus(told)}."


def minus(told: str) -> str:
    """Hyphens before figures made minus signs; those inside words stay."""
    return re.sub(r"-(?=\d)", "−", told)


def parts_table(rows: Mapping[str, Mapping[str, float]], subject: Evidence) -> Table:
    """A row for each image, a column for each part."""
    names = tuple(sorted(subject.parts))
    values = [[row[name] for name in names] for row in rows.values()]
    return Table(np.array(values, np.float32), tuple(rows), names, ("",) * len(names))


# ---------------------------------------------------------------- COSTARR


def dimensions(found: Result, key: str) -> None:
    """Every feature, sorted by how much the head makes of it: this image over its class."""
    from plotly.subplots import make_subplots

    table: Any = found["dimensions"]
    lanes = dict(zip(table.columns, table.values.T, strict=True))
    place = np.arange(len(table.rows))
    titles = ("features", "after the head's weights")
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.12, subplot_titles=titles)
    color = COLORS[theme()]
    for row, (own, usual) in enumerate(
        (("features", "usual features"), ("attenuated", "usual attenuated")), 1
    ):
        gray = {"color": GRAY, "width": 1.5}
        figure.add_trace(
            go.Scatter(x=place, y=lanes[usual], name="its class", line=gray, showlegend=row == 1),
            row=row, col=1,
        )  # fmt: skip
        dots = {"color": color[1], "size": 4}
        figure.add_trace(
            go.Scatter(x=place, y=lanes[own], name="this image", mode="markers", marker=dots,
                       showlegend=row == 1),
            row=row, col=1,
        )  # fmt: skip
    figure.update_xaxes(title="dimension, from the least to the most weighted", row=2)
    apart = np.abs(lanes["features"] - lanes["usual features"])
    half = len(place) // 2
    share = float(apart[:half].sum() / max(apart.sum(), 1e-12))
    words = (
        f"{100 * share:.0f} % of what sets this image's features apart from its class lies in the "
        "half of the dimensions that the head weighs least."
    )
    plots.with_table(laid(figure, 420), words, {"dimensions": table}, f"{key}.dimensions")


def factors(found: Result, key: str) -> None:
    """Likeness against the logit for normal and unknown images and this one, with equal scores."""
    color = COLORS[theme()]
    looks = {
        "normal": ("normal images", color[0], "circle", 6),
        "unknown": ("unknown images", color[1], "x", 7),
        "subject": ("this image", INK[theme()], "star", 18),
    }
    figure = go.Figure()
    across = np.linspace(0.02, 1, 60)
    for level in (0.2, 0.4, 0.6, 0.8):
        line = {"color": GRAY, "width": 1, "dash": "dot"}
        figure.add_scatter(x=across, y=level / across, mode="lines", line=line, hoverinfo="skip",
                           showlegend=False)  # fmt: skip
    shown = []
    for view, (name, ink, symbol, size) in looks.items():
        one = found.get(view)
        if isinstance(one, Evidence):
            shown.append(one)
            mark = {"color": ink, "symbol": symbol, "size": size}
            figure.add_scatter(x=one.parts["logit"], y=one.parts["likeness"], name=name,
                               mode="markers", marker=mark)  # fmt: skip
    figure.update_xaxes(title="logit, from the lowest to the highest normal", range=[-0.03, 1.03])
    lowest = min(float(one.parts["likeness"].min()) for one in shown)
    figure.update_yaxes(title="likeness", range=[lowest - 0.05 * (1 - lowest), 1.01])
    subject: Any = found["subject"]
    words = (
        f"This image: likeness {float(subject.parts['likeness'][0]):.3f}, logit "
        f"{float(subject.parts['logit'][0]):.3f}. On a dotted line the product is the same. When "
        "all likenesses lie near 1 the logit decides alone: switch it off to see."
    )
    plots.drawn(laid(figure, 380), words, f"{key}.factors", said=False)
    st.caption(words)


def ablation(found: Result, key: str) -> None:
    """Which half of COSTARR counts, and whether it orders images otherwise than MaxLogit."""
    table: Any = found["ablation"]
    columns = dict(zip(table.columns, table.values.T, strict=True))
    order = float(columns["Spearman with MaxLogit"][0])
    st.markdown("**Which half counts?**")
    tables.table(table, f"{key}.ablation", whole=True)
    said = f"Over other normal images its order and MaxLogit's correlate at {signed(order)}"
    said += ": here COSTARR is MaxLogit. " if order >= SAME_ORDER else ". "
    areas = columns["AUROC"]
    if np.isfinite(areas).all():
        both, apart = float(areas[0]), float(areas[1:3].max())
        more = "more than" if both > apart + HARDLY else "no more than"
        said += f"Of these unknown images both halves together tell {more} one of them. "
    st.caption(
        f"{said}Not verified, since no code of the authors was found: the formulas, how the halves "
        "are joined, and the paper's figures on ImageNet."
    )
