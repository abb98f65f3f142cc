"""Charts of the Familiar? view: evidence, ranking, curves with their operating point, steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots, tables
from components.charts.style import COLORS, GRAY, INK, laid, theme
from engine.result import Curve, Evidence, Result, Table

PATTERNS = ("", "/", ".", "x")
HEIGHT = 260  # px of a curve


# ---------------------------------------------------------------- the evidence


def evidence(found: Result, key: str) -> None:
    """What the score is made of, for the image and for the middle normal and unknown image."""
    rows = parts_of(found)
    subject: Any = found["subject"]
    words = parts_words(rows, subject)
    figure = stacked(rows, subject) if subject.joined != "product" else beside(rows, subject)
    plots.with_table(figure, words, {"parts": parts_table(rows, subject)}, f"{key}.parts")


def parts_of(found: Result) -> dict[str, dict[str, float]]:
    """The parts by row: the image's own, and the medians of normal and unknown images."""
    names = {"subject": "this image", "normal": "middle normal", "unknown": "middle unknown"}
    rows = {}
    for view, title in names.items():
        one = found.get(view)
        if isinstance(one, Evidence):
            middle = {name: float(np.median(one.parts[name])) for name in sorted(one.parts)}
            rows[title] = middle
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
        mark = {"symbol": "diamond", "size": 13, "color": GRAY, "line": {"width": 2}}
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
    told = ", ".join(f"{name} {own[name]:.3g} (middle normal {usual[name]:.3g})" for name in own)
    how = {
        "sum": "The bars add up to the score",
        "product": "The factors multiply to minus the score",
        "alone": "The score is one number",
    }[subject.joined]
    return f"{how}. This image: {told}."


def parts_table(rows: Mapping[str, Mapping[str, float]], subject: Evidence) -> Table:
    """A row for each image, a column for each part."""
    names = tuple(sorted(subject.parts))
    values = [[row[name] for name in names] for row in rows.values()]
    return Table(np.array(values, np.float32), tuple(rows), names, ("",) * len(names))


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
    tables.table(turned(measures), f"{key}.measures")


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
        grey = {"color": GRAY, "width": 1.5}
        figure.add_trace(
            go.Scatter(x=place, y=lanes[usual], name="its class", line=grey, showlegend=row == 1),
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
