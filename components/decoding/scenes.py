"""Over many scenes: what each strategy invents, misses and costs where the truth is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import runs
from components.charts import plots, tables
from components.charts.style import COLORS, MARGINS, theme
from components.decoding.asked import KEY, Compared, Spoken
from components.links import refuse
from components.notices import plain
from engine import run
from engine.hallucination import MVP, Strategy
from engine.hallucination.rates import Rates, ScenesCase
from engine.hallucination.tiny_vlm.model import TinyVLM
from engine.method import Method
from engine.result import Columns, Table
from engine.run import Answer

KINDS = {
    "Partners come and go on their own": "broken",
    "Leaders never with their partner": "counter",
    "Partners together, as learned": "biased",
}
COUNTS = (25, 50, 100, 200)
SHOWN = ("CHAIR_i", "CHAIR_s", "recall", "lie rate", "false yes", "missed", "yes-ratio", "words")
PRESSED = f"{KEY}.pressed"
SYMBOLS = ("circle", "square", "diamond", "triangle-up")

Asked = tuple[Spoken, ScenesCase]


def show(found: Compared) -> None:
    """Choose the scenes; what is kept is shown, the rest waits for a button."""
    asked = choose(found)
    answers = outcomes(asked)
    done = [(one, answer) for (one, _), answer in zip(asked, answers, strict=True)
            if isinstance(answer, Answer)]  # fmt: skip
    if done:
        compared(done)
    with st.expander("What am I looking at?"):
        st.markdown(Rates.about())


def choose(found: Compared) -> list[Asked]:
    """The scenes, and a case for every strategy that can be counted over them."""
    refuse(f"{KEY}.scenes", KINDS, "Kind of scenes", "one that is offered here")
    refuse(f"{KEY}.count", {str(count) for count in COUNTS}, "Scenes", "one that is offered here")
    kind, count, clear = st.columns([3, 2, 2], vertical_alignment="bottom")
    title = kind.selectbox(
        "Kind of scenes", list(KINDS), key=f"{KEY}.scenes", bind="query-params",
        help="None of these scenes was learned from.",
    )  # fmt: skip
    many = count.selectbox("Scenes", COUNTS, COUNTS.index(100), key=f"{KEY}.count",
                           bind="query-params")  # fmt: skip
    clean = clear.toggle(
        "All things clearly visible", key=f"{KEY}.clear", bind="query-params",
        help="Off, a third of the things are faint: some of what is missed or mistaken is then "
        "poor sight, not habit.",
    )  # fmt: skip
    vlm = cast(TinyVLM, found.case.vlm)
    return [
        (one, ScenesCase(vlm, one.method, int(many), KINDS[title], clean))
        for one in found.spoken
        if isinstance(one.method, Strategy | MVP)
    ]


def outcomes(asked: Sequence[Asked]) -> list[runs.Outcome | None]:
    """What is known or was asked for; a button for the rest, with what it will take."""
    method, told = Rates(), st.session_state.setdefault(f"{KEY}.told", set())
    if st.session_state.pop(PRESSED, False):  # whatever is asked by now
        told.update(run.digest(method, case) for _, case in asked)
    waiting = [(one, case) for one, case in asked if not begun(method, case, told)]
    if waiting:
        seconds = [run.expected_seconds(method, case) for _, case in waiting]
        known = sum(one for one in seconds if one is not None)
        hint = f" (about {max(known, 1):.0f} s here)" if all(seconds) else " (not timed here yet)"
        titles = ", ".join(one.title for one, _ in waiting)
        st.button(
            f"Count over {waiting[0][1].count} scenes: {titles}{hint}", key=f"{KEY}.go",
            type="primary", on_click=st.session_state.__setitem__, args=(PRESSED, True),
        )  # fmt: skip
    left = {run.digest(method, case) for _, case in waiting}
    slots = [f"{KEY}.rates.{one.name}" for one, _ in asked]
    runs.leave_others(f"{KEY}.rates", slots)
    answers = [
        None if run.digest(method, case) in left else runs.ask(method, case, slot)
        for (_, case), slot in zip(asked, slots, strict=True)
    ]
    runs.watch([answer for answer in answers if answer is not None])
    return answers


def begun(method: Method[Any], case: ScenesCase, told: Collection[str]) -> bool:
    """Whether it was asked for here, or is known or under way anyhow."""
    return (
        run.digest(method, case) in told
        or run.known(method, case) is not None
        or run.under_way(method, case)
    )


def counted(method: Method[Any], case: ScenesCase, slot: str) -> Answer | None:
    """One answer over scenes, behind a button until it is known or was asked for."""
    told = st.session_state.setdefault(f"{slot}.told", set())
    if not begun(method, case, told):
        seconds = run.expected_seconds(method, case)
        hint = f"about {max(seconds, 1):.0f} s here" if seconds else "not timed here yet"
        st.button(
            f"Count over {case.count} scenes ({hint})", key=f"{slot}.go", type="primary",
            on_click=told.add, args=(run.digest(method, case),),
        )  # fmt: skip
        return None
    answer = runs.ask(method, case, slot)
    runs.watch([answer])
    return answer if isinstance(answer, Answer) else None


def compared(done: Sequence[tuple[Spoken, Answer]]) -> None:
    """Recall against what is made up, and all figures."""
    rates: list[Columns] = [answer["rates"] for _, answer in done]
    names = [one.title for one, _ in done]
    left, right = st.columns([4, 5], gap="large")
    described = [place for place, held in enumerate(rates) if np.isfinite(held["recall"][0])]
    with left:
        if described:
            trade([names[at] for at in described], [rates[at] for at in described])
        if len(described) < len(rates):
            st.caption("MVP answers questions only, one by one: it has no captions to count.")
    with right:
        st.markdown("**All figures**")
        tables.table(figures(names, rates), f"{KEY}.figures", whole=True)
        st.markdown("**What it costs, for one description**")
        tables.table(costs(names, [answer for _, answer in done]), f"{KEY}.spent", whole=True)
        st.caption(scene_words(names, rates))
        st.caption(
            "Scenes are read a hundred at a time where a strategy allows it; then they share their "
            "forward passes. Words per second are of this computer when it was counted."
        )


def trade(names: Sequence[str], rates: Sequence[Columns]) -> None:
    """Recall across, CHAIR_i upward, a mark for each strategy."""
    recall = np.array([float(held["recall"][0]) for held in rates], np.float32)
    invented = np.array([float(held["CHAIR_i"][0]) for held in rates], np.float32)
    figure = go.Figure()
    for at, name in enumerate(names):
        figure.add_scatter(
            x=[100 * recall[at]], y=[100 * invented[at]], mode="markers+text", text=[name],
            textposition="top center",
            marker={"size": 16, "symbol": SYMBOLS[at % 4], "color": COLORS[theme()][at % 3]},
            hovertemplate=f"{name}: recall %{{x:.0f}} %, made up %{{y:.1f}} %<extra></extra>",
        )  # fmt: skip
    span = [100 * float(recall.min()) - 8, min(100 * float(recall.max()) + 8, 104)]
    figure.update_xaxes(title_text="recall: % of the things there that are named →", range=span,
                        fixedrange=True)  # fmt: skip
    figure.update_yaxes(
        title_text="← CHAIR_i: % of mentions made up", fixedrange=True,
        range=[0, 125 * max(float(invented.max()), 0.04)],
    )  # fmt: skip
    figure.update_layout(height=400, showlegend=False, margin=MARGINS)
    values = np.stack([recall, invented], 1)
    table = Table(values, tuple(names), ("recall", "CHAIR_i"), ("share", "share"))
    plots.with_table(
        figure, "Better is to the right and lower: more is named, less is made up.",
        {"trade": table}, f"{KEY}.trade",
    )  # fmt: skip


def figures(names: Sequence[str], rates: Sequence[Columns]) -> Table:
    """Rates of every strategy."""
    units = tuple("words" if name == "words" else "share" for name in SHOWN)
    values = [[float(held[name][0]) for name in SHOWN] for held in rates]
    return Table(np.array(values, np.float32), tuple(names), SHOWN, units)


def costs(names: Sequence[str], answers: Sequence[Answer]) -> Table:
    """Cost of every strategy for one caption, and words in a second."""
    parts = ("forward passes", "tokens read", "places looked at")
    values = [[*(float(held["rates"][name][0]) for name in parts), speed(held)] for held in answers]
    return Table(
        np.array(values, np.float32), tuple(names), (*parts, "words per second"),
        ("", "", "", ""),
    )  # fmt: skip


def speed(answer: Answer) -> float:
    """Words in a second, all scenes together; NaN without captions."""
    held: Columns = answer["rates"]
    scenes = len(answer["captions"]) if "captions" in answer else 0
    return scenes * float(held["words"][0]) / float(held["seconds"][0])


def scene_words(names: Sequence[str], rates: Sequence[Columns]) -> str:
    """The lie rate and the false yes, in words."""
    told = []
    for name, held in zip(names, rates, strict=True):
        lies, yes = (100 * float(held[rate][0]) for rate in ("lie rate", "false yes"))
        says = f"says yes to {yes:.0f} % of absent partners"
        gives = f"adds the partner that is not there to {lies:.0f} % of the leaders it names, and "
        told.append(f"{name} {says if np.isnan(lies) else gives + says}")
    return plain("; ".join(told) + ".")
