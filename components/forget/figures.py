"""The sections "Confusion", "Attack" and "All figures" of the Forget view."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components.charts import plots, tables
from components.charts.style import COLORS, GRAY, laid, ramp, theme
from components.charts.tables import as_table
from components.forget.asked import KEY, MODELS, WORDS, Closer, looked
from components.links import refuse
from components.sidebar.subject import Subject
from engine.result import Columns, Table
from engine.unlearning import Confusion, Judged, MembershipAttack

IMAGES = ("test", "forgotten", "retained")
MANY = 20  # classes, from which on cells carry no numbers


# ---------------------------------------------------------------- confusion


def confusion(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """What each model takes images of each class for."""
    del subject, table
    st.markdown("**What the three models take the images for**")
    key = f"{KEY}.Confusion.of"
    refuse(key, IMAGES, "Images", "one of " + ", ".join(IMAGES))
    of = st.segmented_control(
        "Images", IMAGES, default="test", required=True, key=key, bind="query-params"
    )
    found = looked(closer, Confusion(of=of))
    if found is None:
        return
    for column, name in zip(st.columns(3), MODELS, strict=True):
        counts: Table = found[name]
        with column:
            st.markdown(f"{WORDS[name].capitalize()}")
            plots.drawn(confused(counts), confused_words(closer, counts), f"{KEY}.Confusion.{name}")
    tables.numbers({f"{KEY}.Confusion.{name}.table": found[name] for name in MODELS})


def confused(counts: Table) -> go.Figure:
    """Rows are labels, columns what was said; each row by its own number of images."""
    values = counts.values
    shares = values / np.maximum(values.sum(1, keepdims=True), 1)
    small = len(counts.rows) <= MANY
    figure = go.Figure(
        go.Heatmap(
            z=100 * shares, x=counts.columns, y=counts.rows, zmin=0, zmax=100,
            colorscale=ramp(), showscale=False,
            text=np.where(values > 0, values.astype(int).astype(str), "") if small else None,
            texttemplate="%{text}" if small else None,
            hovertemplate="%{y} is called %{x}: %{z:.0f} %<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="the model says", type="category")
    figure.update_yaxes(title="label", type="category", autorange="reversed")
    return laid(figure, 300)


def confused_words(closer: Closer, counts: Table) -> str:
    """Where the forgotten class goes, or how many are right."""
    label, values = closer.asked.case.request.label, counts.values
    if label is None or not values[label].sum():
        share = np.trace(values) / max(values.sum(), 1)
        return f"{100 * share:.0f} % of {values.sum():.0f} images are told right."
    row = values[label]
    most = int(row.argmax())
    return (
        f"{row[label]:.0f} of {row.sum():.0f} images of “{counts.rows[label]}” are still called "
        f"so; most often it says “{counts.columns[most]}” ({row[most]:.0f} times)."
    )


# ---------------------------------------------------------------- the attack


def attack(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """What the attacker goes by, in each of the three models."""
    del subject, table
    st.markdown("**Can an outsider tell from the model's confidence what it learnt from?**")
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
        "Bars: how often the model is how sure of images that it learnt and kept (members), and of "
        "test images (strangers). Shaded: where the attacker says “member”; its edge is the "
        "threshold. Line: the forgotten images. An attacker that is right less often than 55 % "
        "knows nothing, and its picture is gray. Right for the forgotten images is what the "
        "retrained model shows, not 100 %."
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


# ---------------------------------------------------------------- all figures


def everything(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """Every figure of the three models."""
    del subject, table
    st.markdown("**All figures of the three models**")
    found = looked(closer, Judged())
    if found is None:
        return
    figures: Columns = found["figures"]
    flat = as_table(figures)
    units = dict(zip(figures.order, figures.units, strict=True))
    for unit, word in (("share", "shares"), ("nat", "distances in nats"), ("", "distances")):
        names = [name for name in figures.order if units[name] == unit]
        values = flat.values[:, [figures.order.index(name) for name in names]].T
        kept = [at for at, row in enumerate(values) if np.isfinite(row).any()]
        rows = tuple(names[at] for at in kept)
        heads = tuple(WORDS[name] for name in MODELS)
        tables.table(
            Table(np.ascontiguousarray(values[kept]), rows, heads, (unit,) * 3),
            f"{KEY}.Judged.{word}",
            whole=True,
        )
    st.caption(
        "Forgetting is good where “after” is like “never saw it”; no figure is good by being high. "
        "Distances between weights say how far a model moved, not how well: networks that answer "
        "alike can lie far apart."
    )
