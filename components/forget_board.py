"""The scoreboard: one plain sentence, the table beside retraining, and forgetting against keeping.

Colors stand for the distance from the retrained model; the distance is also written in each cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from components import charts, mask_charts, runs
from components.charts import GRAY, SYMBOLS
from components.columns import as_table
from components.familiar_charts import COLORS, laid, theme
from components.forget_asked import KEY, Asked, Closer
from components.notices import plain
from components.runs import Outcome, Problem
from components.subject import Subject
from engine import run
from engine.result import Columns, Result
from engine.run import Answer
from engine.unlearning import UNLEARNERS, Frontier, StillThere, Timing

GOAL, BEFORE = "Retrain", "NoOp"
TITLES = {kind.short: kind.title for kind in UNLEARNERS}
WORDS = {GOAL: "Retrained without them", BEFORE: "Nothing done"}
AS_WELL, NEARLY, OFF = 0.03, 0.10, 0.10  # average gap; points by which a figure is off
TINY = 0.1  # percent
HIDDEN = 0.05  # of the images more than in the retrained model: something stayed
FULL = 0.5  # a gap from which a cell has its full color
HEADS: tuple[tuple[str, str, str], ...] = (
    ("UA", "forgotten images wrong", "UA: the share of the forgotten images it now gets wrong"),
    ("RA", "others right", "RA: the share of the training images that stay it gets right"),
    ("TA", "test right", "TA: the share of test images it gets right; without a forgotten class"),
    ("MIA", "taken for strangers", "MIA: the share of forgotten images that a membership attacker "
     "takes for images it never learnt"),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """How one way did beside retraining.

    Args:
        way: its name.
        unknown: share of the forgotten images it gets wrong.
        goal: the same of the retrained model.
        test: share of test images it gets right.
        test_goal: the same of the retrained model.
        gap: the average gap.
        cost: samples looked at, as a share of retraining's.
        nothing: the average gap of the model as it was.
    """

    way: str
    unknown: float
    goal: float
    test: float
    test_goal: float
    gap: float
    cost: float
    nothing: float

    @classmethod
    def of(cls, table: Columns, way: str) -> Verdict:
        """From the scoreboard."""
        return cls(
            named(way),
            table.cell(way, "UA"),
            table.cell(GOAL, "UA"),
            table.cell(way, "TA"),
            table.cell(GOAL, "TA"),
            table.cell(way, "gap"),
            table.cell(way, "share of retraining"),
            table.cell(BEFORE, "gap"),
        )

    def words(self, what: str) -> str:
        """In a sentence; `what` is what was to be forgotten."""
        known, goal = 1 - self.unknown, 1 - self.goal
        figures = (
            f"it still recognises {percent(known)} of those images (a model that never saw them: "
            f"{percent(goal)})"
        )
        kept = f"gets {percent(self.test)} of the test right ({percent(self.test_goal)})"
        if not np.isfinite(self.gap):
            return f"{self.way} failed on {what}: see the note below the table."
        if (
            self.nothing <= AS_WELL
            and abs(known - goal) <= OFF
            and self.test_goal - self.test <= OFF
        ):
            return (
                f"There is little to forget of {what}: others taught the model the same. With "
                f"{self.way} {figures} and {kept}; with nothing done it was as near."
            )
        if known - goal > OFF:
            return f"{self.way} did not forget {what}: {figures} and {kept}."
        if self.test_goal - self.test > OFF:
            return f"{self.way} forgot {what} by damaging the rest: it {kept}, and {figures}."
        if goal - known > OFF:
            return f"{self.way} forgot {what} more than it should: {figures} and {kept}."
        if self.gap <= AS_WELL:
            how = "as well as retraining would"
        else:
            how = "nearly as well as retraining would" if self.gap <= NEARLY else "only roughly"
        return (
            f"{self.way} forgot {what} {how}, at {percent(self.cost)} of its cost: {figures} "
            f"and {kept}."
        )


def percent(share: float) -> str:
    """A share in whole percent, with a digit near both ends."""
    value = 100 * share
    if 0 < value < TINY:
        return f"under {TINY} %"
    if 100 - TINY < value < 100:
        return f"over {100 - TINY} %"
    return f"{value:.1f} %" if 0 < value < 1 or 99 < value < 100 else f"{value:.0f} %"


# ---------------------------------------------------------------- asking


def ask(asked: Asked) -> Columns | None:
    """The table; None, with how far it is or why not, while there is none."""
    slot = f"{KEY}.Scoreboard"
    outcome = runs.ask_when_told(asked.scoreboard, asked.board, slot, "Forget")
    if isinstance(outcome, Answer):
        table: Columns = outcome["table"]
        return table
    waiting(outcome)
    return None


def waiting(outcome: Outcome | None) -> None:
    """What there is while the table is not whole."""
    if outcome is None:
        st.caption(
            "Each way is run on a copy of the model, and so is a whole training without these "
            "images, to compare with. Rows appear as they are done; it can be stopped at any time."
        )
        return
    runs.watch([outcome], live=sofar)
    if isinstance(outcome, Problem) and outcome.partial is not None:
        st.caption("What was done when it was stopped:")
        sofar(outcome.partial)


def sofar(partial: Result) -> None:
    """The rows that are done."""
    table = partial.get("table")
    if isinstance(table, Columns) and len(table):
        st.html(as_html(table))


# ---------------------------------------------------------------- the sentence


def best(table: Columns) -> str:
    """The way that came nearest to the retrained model; "" where none gave numbers."""
    known = [
        (float(gap), way)
        for way, gap in zip(table.rows, table["gap"], strict=True)
        if way not in WORDS and np.isfinite(gap)
    ]
    return min(known)[1] if known else ""


def sentence(closer: Closer, table: Columns) -> str:
    """How the way did."""
    return Verdict.of(table, closer.method.label).words(closer.asked.case.request.words)


def still_there(closer: Closer) -> str:
    """What is still there, where that is known."""
    found = run.known(StillThere(), closer.case)
    if found is None:
        return "What is still there inside it was not looked at yet: see “Still there” below."
    return left(dict(found)["figures"])


def left(figures: Any) -> str:
    """What a new last layer would read from the features."""
    own, goal = (figures.cell(name, "probe") for name in ("unlearned", "retrained"))
    said = (
        f"What is still there: from what it sees inside, a new last layer that is taught half of "
        f"those images finds {percent(own)} of the others ({percent(goal)} in the model that never "
        "saw them)."
    )
    return said + (" Something stayed behind." if own - goal > HIDDEN else "")


# ---------------------------------------------------------------- the table


def timed(asked: Asked) -> Columns | None:
    """The fair seconds of every way, where they were asked for under "Time"."""
    found = run.known(Timing(), asked.board)
    return None if found is None else found["times"]


def show(table: Columns, times: Columns | None) -> None:
    """Table, what it means, and notes."""
    st.html(as_html(table, times))
    st.caption(f"{words(table)} {times_words(times)}")
    for way, note in zip(table.rows, table.notes, strict=True):
        if note:
            st.caption(plain(f"{named(way)}: {note}"))
    charts.numbers({f"{KEY}.board": as_table(table, rows=[named(way) for way in table.rows])})


def words(table: Columns) -> str:
    """How to read it."""
    said = (
        "No figure is good by being high: good is what is near the first row. A cell has the more "
        "color the farther it is off; the number in it says by how many points. Ways stand in the "
        "order of their average gap."
    )
    if not (table["informative"] == 1).any():
        said += (
            " The attacker can hardly tell members from strangers in any of these models (accuracy "
            "below 55 %), so that its column, in gray, says nothing; it counts for the gap all the "
            "same."
        )
    return said


def times_words(times: Columns | None) -> str:
    """What the seconds are."""
    if times is None:
        return (
            "Seconds are those of one run, where it was made; for the median of three after a "
            "warm-up, see “Time” below."
        )
    return "Seconds are the median of three runs here, after one to warm up."


def named(way: str) -> str:
    """A row's name for a person."""
    short, _, settings = way.partition(" (")
    word = WORDS.get(way) or TITLES.get(short, short)
    return f"{word} ({settings}" if settings else word


def order(table: Columns) -> list[int]:
    """Places of the rows: the retrained one, then by gap; what failed comes last."""
    gaps = np.where(np.isfinite(table["gap"]), table["gap"], np.inf)
    rest = [at for at in np.argsort(gaps, kind="stable") if table.rows[at] != GOAL]
    return [table.rows.index(GOAL), *(int(at) for at in rest)]


def as_html(table: Columns, times: Columns | None = None) -> str:
    """A plain table, which a screen reader can walk through; with fair seconds where there are."""
    told = "of one run" if times is None else "the median of three runs"
    style = "padding:6px 10px;text-align:left;vertical-align:bottom;font-weight:600"
    heads = "".join(
        f'<th scope="col" style="{style}" title="{escape(about)}">{word}<br>'
        f'<span style="font-weight:400">{name}</span></th>'
        for name, word, about in HEADS
    )
    rest = "".join(
        f'<th scope="col" style="{style}" title="{about}">{word}</th>'
        for word, about in (
            ("average gap", "mean distance of the four from the retrained model, in points"),
            ("cost", f"images looked at, as a share of retraining's; seconds {told}"),
        )
    )
    body = "".join(line(table, at, times) for at in order(table))
    return (
        '<div style="overflow-x:auto" tabindex="0" role="region" aria-label="Scoreboard">'
        '<table style="border-collapse:separate;border-spacing:2px;width:100%;font-size:.92rem">'
        f'<thead><tr><th scope="col" style="{style}">way</th>{heads}{rest}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def line(table: Columns, at: int, times: Columns | None) -> str:
    """One row."""
    goal = table.rows[at] == GOAL
    style = "padding:6px 10px;text-align:left;white-space:nowrap"
    edge = ";border-bottom:2px solid #808080" if goal else ""
    cells = "".join(cell(table, at, name, edge) for name, _, _ in HEADS)
    gap = float(table["gap"][at])
    spread = float(table["gap sd"][at])
    said = "the goal" if goal else points(gap) if np.isfinite(gap) else "failed"
    said += f" ± {100 * spread:.1f}" if np.isfinite(spread) and not goal else ""
    share, seconds = float(table["share of retraining"][at]), float(table["seconds"][at])
    if times is not None:
        seconds = times.cell(table.rows[at], "seconds")
    spent = f" · {time(seconds)}" if np.isfinite(seconds) else ""
    cost = f"{percent(share)}{spent}" if np.isfinite(share) else charts.NONE
    name = named(table.rows[at])
    return (
        f'<tr><th scope="row" style="{style};font-weight:{600 if goal else 400}{edge}">'
        f"{escape(name)}</th>{cells}"
        f'<td style="{style}{edge};font-weight:600{tint(0 if goal else gap)}">{said}</td>'
        f'<td style="{style}{edge}">{cost}</td></tr>'
    )


def cell(table: Columns, at: int, name: str, edge: str) -> str:
    """One figure, with its distance from the retrained model."""
    value, off = float(table[name][at]), float(table[f"{name} − retrained"][at])
    style = f"padding:6px 10px;white-space:nowrap{edge}"
    if not np.isfinite(value):
        return f'<td style="{style}">{charts.NONE}</td>'
    said = percent(value)
    if table.rows[at] != GOAL:
        said += f" <small>{signed(off)}</small>"
    if name == "MIA" and not table["informative"][at]:
        gray = "background:rgba(128,128,128,.18);font-style:italic"
        return f'<td style="{style};{gray}" title="The attacker knows nothing here">{said}</td>'
    return f'<td style="{style}{tint(off) if table.rows[at] != GOAL else ""}">{said}</td>'


def time(seconds: float) -> str:
    """Seconds, short."""
    return "under 0.1 s" if seconds < 0.1 else f"{seconds:.1f} s"


def tint(off: float) -> str:
    """The color of a distance, on either theme."""
    if not np.isfinite(off):
        return ""
    return f";background:rgba(230,120,0,{0.62 * min(abs(off) / FULL, 1):.2f})"


def points(share: float) -> str:
    """A gap in points."""
    return f"{100 * share:.1f} points"


def signed(off: float) -> str:
    """A signed distance in points."""
    return "±0" if abs(off) < 0.0005 else f"{100 * off:+.1f}".replace("-", "−")


# ---------------------------------------------------------------- the frontier


def dial(closer: Closer, subject: Subject | None, table: Columns) -> None:
    """Every way as a point; the dials of those that were turned as curves behind."""
    del subject
    st.markdown("**Forgetting against keeping**")
    asked = closer.asked
    outcome: Outcome | None = None
    if closer.method.dial is not None:
        label = f"Turn the dial of {named(closer.method.label)}"
        outcome = runs.ask_when_told(Frontier(), closer.case, f"{KEY}.Frontier", label)
    curves: dict[str, Any] = {}
    for method in asked.methods:
        if found := run.known(Frontier(), Closer(asked, method).case):
            curves[method.label] = found["points"]
    if outcome is not None and not isinstance(outcome, Answer):
        runs.watch([outcome])
        if isinstance(outcome, Problem) and outcome.partial is not None:
            curves[closer.method.label] = outcome.partial["points"]
    figure = frontier_figure(table, curves, closer.method.label)
    tables = {named(way): as_table(points) for way, points in curves.items()}
    mask_charts.drawn(figure, frontier_words(table, curves), f"{KEY}.frontier")
    if tables:
        charts.numbers({f"{KEY}.frontier.{way}": one for way, one in tables.items()})


def frontier_figure(table: Columns, curves: Mapping[str, Any], own: str) -> go.Figure:
    """Forgetting to the right, keeping upwards; the retrained model is in the corner."""
    figure = go.Figure()
    color = COLORS[theme()]
    for at, way in enumerate(table.rows):
        ink, symbol = color[at % 3], SYMBOLS[at % len(SYMBOLS)]
        if way in curves:
            along = curves[way]
            places = sorted_by_dial(along)
            figure.add_scatter(
                x=100 * along["forgetting"][places], y=100 * along["keeping"][places],
                mode="lines+markers", line={"color": ink, "width": 1.5, "dash": "dot"},
                marker={"size": 4}, showlegend=False, hovertext=[along.rows[k] for k in places],
            )  # fmt: skip
        figure.add_scatter(
            x=[100 * table["forgetting"][at]], y=[100 * table["keeping"][at]], mode="markers",
            name=named(way),
            marker={
                "size": 18 if way in {GOAL, own} else 11,
                "symbol": "star" if way == GOAL else symbol,
                "color": GRAY if way in WORDS else ink, "line": {"width": 1, "color": GRAY},
            },
        )  # fmt: skip
    low = np.nanmin([*table["keeping"], *(np.nanmin(one["keeping"]) for one in curves.values())])
    figure.update_xaxes(title="forgets as retraining does (%)", range=[-4, 104])
    figure.update_yaxes(title="keeps as it does (%)", range=[100 * min(low, 0.8) - 4, 103])
    return laid(figure, 420)


def sorted_by_dial(along: Any) -> Sequence[int]:
    """Places in the order of the dial."""
    dial = along[along.order[0]]
    return [int(at) for at in np.argsort(dial, kind="stable") if np.isfinite(dial[at])]


def frontier_words(table: Columns, curves: Mapping[str, Any]) -> str:
    """How to read it."""
    said = "The upper right corner is the retrained model."
    if way := best(table):
        said += f" {named(way)} comes nearest."
    if curves:
        said += f" Dotted: {', '.join(map(named, curves))} as its dial is turned."
    return said
