"""Charts of the Familiar? view: ranking, curves with their operating point, steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots, tables
from components.charts.style import COLORS, GRAY, laid, on_bars, theme
from engine.result import Curve, Result, Table

HEIGHT = 260  # px of a curve


# ---------------------------------------------------------------- detectors side by side


def ranking(found: Result, titles: Mapping[str, str], key: str) -> None:
    """Detectors, those that find the image most unusual first."""
    table: Any = found["ranking"]
    order = np.argsort(table.values[:, 0], kind="stable")
    names = [titles.get(table.rows[at], table.rows[at]) for at in order]
    below = 100 * table.values[order, 1]
    areas = table.values[order, 2]
    texts = [
        f"p {p:.3g}" + (f", AUROC {area:.2f}" if np.isfinite(area) else "")
        for p, area in zip(table.values[order, 0], areas, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            y=names[::-1],
            x=below[::-1],
            orientation="h",
            text=texts[::-1],
            textposition="auto",
            insidetextfont={"color": on_bars()},
            marker={"color": COLORS[theme()][0]},
        )
    )
    figure.update_xaxes(title="normal images that are less unusual (%)", range=[0, 104])
    laid(figure, 90 + 34 * len(names))
    together: Any = found["together"]
    words = (
        f"{names[0]} finds this image most unusual: {below[0]:.0f} % of the normal images are less "
        f"so; {names[-1]} the least ({below[-1]:.0f} %). The lowest of {len(names)} p-values, paid "
        f"for by their number (Bonferroni): {float(together.values[0]):.2g}."
    )
    best = int(np.nanargmax(areas)) if np.isfinite(areas).any() else -1
    if best >= 0:
        words += f" Of these unknown images {names[best]} tells most (AUROC {areas[best]:.2f})."
    shown = Table(table.values[order], tuple(names), table.columns, table.units)
    plots.with_table(figure, words, {"ranking": shown}, f"{key}.ranking")


# ---------------------------------------------------------------- curves


def curves(found: Result, line: float, key: str) -> None:
    """ROC, precision over recall, and OSCR, each with where the line stands."""
    points = operating(found, line)
    offered: tuple[tuple[str, str], ...] = (
        ("roc", "ROC"), ("pr", "Precision and recall"), ("oscr", "OSCR"),
    )  # fmt: skip
    shown = [(view, title) for view, title in offered if view in found]
    for column, (view, title) in zip(st.columns(len(shown)), shown, strict=True):
        curve: Any = found[view]
        x, y = points[view]
        with column:
            st.markdown(f"**{title}**")
            words = f"{title}: at the line {curve.y_label} {y:.2f}, {curve.x_label} {x:.2f}"
            plots.drawn(curve_figure(curve, (x, y)), words, f"{key}.{view}", said=False)
    measures: Any = found["measures"]
    tables.figures(turned(measures))


def curve_figure(curve: Curve, point: tuple[float, float]) -> go.Figure:
    """One curve and the operating point."""
    figure = go.Figure()
    color = COLORS[theme()]
    figure.add_scatter(x=curve.x, y=curve.y, mode="lines", line={"color": color[0], "width": 2.5})
    mark = {"size": 14, "symbol": "diamond", "color": color[1]}
    figure.add_scatter(x=[point[0]], y=[point[1]], mode="markers", marker=mark)
    figure.update_xaxes(title=curve.x_label, range=[-0.02, 1.02])
    figure.update_yaxes(title=curve.y_label, range=[-0.02, 1.02])
    figure.update_layout(showlegend=False)
    return laid(figure, HEIGHT)


def operating(found: Result, line: float) -> dict[str, tuple[float, float]]:
    """Where the line stands on each curve."""
    views: dict[str, Any] = dict(found)
    held, unknown = views["held"], views["unknown"]
    alarms, finds = held.values > line, unknown.values > line
    flagged = alarms.sum() + finds.sum()
    precision = float(finds.sum() / flagged) if flagged else 1.0
    right = float(((held.predicted == held.labels) & ~alarms).mean())
    return {
        "roc": (float(alarms.mean()), float(finds.mean())),
        "pr": (float(finds.mean()), precision),
        "oscr": (float((~finds).mean()), right),
    }


def turned(table: Table) -> Table:
    """One row of many numbers as one column; those that are not known are left out."""
    (row,) = table.values
    kept = np.isfinite(row)
    names = tuple(name for name, here in zip(table.columns, kept, strict=True) if here)
    return Table(row[kept, None], names, ("this detector",), ("probability",))


# ---------------------------------------------------------------- made worse


def steps(found: Result, at: int, alpha: float, key: str) -> None:
    """Score and accuracy over severity, with a mark where the slider stands."""
    table: Any = found["steps"]
    flags: Any = found["flags"]
    severity = np.linspace(0, 1, len(table.rows))
    columns = dict(zip(table.columns, table.values.T, strict=True))
    flagged = 100 * (flags.values <= alpha).mean(1)
    color = COLORS[theme()]
    figure = go.Figure()
    lines: list[tuple[str, Any, str, str]] = [
        (f"normal images flagged at {100 * alpha:g} %", flagged, "solid", color[1])
    ]
    if np.isfinite(columns["accuracy"]).all():
        lines.append(("normal images told right", 100 * columns["accuracy"], "dash", color[0]))
    own = 100 * columns["p-value of the image"]
    lines.append(("p-value of this image", own, "dot", color[2]))
    for name, values, dash, ink in lines:
        look = {"color": ink, "dash": dash, "width": 2.5}
        figure.add_scatter(x=severity, y=values, name=name, mode="lines+markers", line=look)
    figure.add_vline(x=severity[at], line={"color": GRAY, "width": 2})
    figure.update_xaxes(title="severity", range=[-0.02, 1.02])
    figure.update_yaxes(title="%", range=[-2, 102])
    words = step_words(columns, flagged, at)
    plots.with_table(laid(figure, 340), words, {"steps": table}, f"{key}.steps")


def step_words(columns: Mapping[str, Any], flagged: Any, at: int) -> str:
    """What the step does to the image, to normal images, and to the model's answers."""
    score, p = columns["score of the image"][at], columns["p-value of the image"][at]
    said = f"At this step the image scores {score:.3g} (p {p:.2g}); "
    said += f"{flagged[at]:.0f} % of normal images made worse alike are flagged"
    right = columns["accuracy"]
    if np.isfinite(right).all():
        said += f", and the model tells {100 * right[at]:.0f} % of them right"
        said += f" ({100 * right[0]:.0f} % untouched)"
    return said + "."


# ---------------------------------------------------------------- two models


def drift(rows: Sequence[tuple[str, Result]], key: str) -> None:
    """The same image in two models: what each finds of it, on its own scale."""
    columns = ("p-value", "less unusual normal images", "score", "middle normal score", "AUROC")
    units = ("probability", "share", "", "", "probability")
    values = [told(found) for _, found in rows]
    tables.table(
        Table(np.array(values, np.float32), tuple(name for name, _ in rows), columns, units), key
    )


def told(found: Result) -> list[float]:
    """A row of the table of two models."""
    views: dict[str, Any] = dict(found)
    score = float(views["subject"].values[0])
    normal, measures = views["normal"].values, views["measures"]
    return [
        float(views["p"].values[0]),
        float((normal < score).mean()),
        score,
        float(np.median(normal)),
        float(measures.values[0, measures.columns.index("AUROC")]),
    ]
