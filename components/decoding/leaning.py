"""Yes, no or another word: how each strategy shares out probability where its answer is decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from components.charts import plots
from components.charts.style import COLORS, GRAY, MARGINS, on_bars, theme
from components.decoding.asked import KEY, Compared, Spoken
from engine.result import Ranking, Scores, Table

ROW = 42  # px
CLOSE = 0.02  # yes and no so near each other are told with one digit more
LEAST = 0.06  # of a bar, below which its number does not fit in
PARTS = ("yes", "no", "another word")
SHAPES = ("", "/", ".")


@dataclass(frozen=True)
class Leaning:
    """Shares of one: of yes, of no, and of everything else; NaN where neither was said."""

    yes: float
    no: float

    @property
    def parts(self) -> tuple[float, float, float]:
        """In the order of `PARTS`."""
        return self.yes, self.no, max(1 - self.yes - self.no, 0.0)

    @property
    def text(self) -> str:
        """The shares of yes and no in percent."""
        if not np.isfinite(self.yes + self.no):
            return "neither yes nor no"
        digits = int(abs(self.yes - self.no) < CLOSE)
        return f"yes {100 * self.yes:.{digits}f} %, no {100 * self.no:.{digits}f} %"


def leaning_of(one: Spoken) -> Leaning:
    """Where the answer is decided: at its first yes or no.

    Of a strategy that chooses words: probabilities among the scores that it chose from, the same
    number as below the word; one that is not among the best eight there counts as 0. Of MVP: its
    two scores.
    """
    if "scores" in one.answer:
        scores: Scores = one.answer["scores"]
        yes, no = scores.values.tolist()
        return Leaning(yes, no)
    place = next((at for at, word in enumerate(one.tokens.words) if word in {"yes", "no"}), None)
    if place is None:
        return Leaning(np.nan, np.nan)
    best: Ranking = one.answer["final"]
    chance = dict(zip(best.labels[place], best.values[place].tolist(), strict=True))
    return Leaning(chance.get("yes", 0.0), chance.get("no", 0.0))


def leaning(found: Compared) -> None:
    """How far each strategy leans to yes; only for questions that are decided so."""
    if not found.case.decides:
        return
    held = [leaning_of(one) for one in found.spoken]
    shares = np.array([one.parts for one in held], np.float32)
    if not np.isfinite(shares).any():
        return
    names = [one.title for one in found.spoken]
    figure = go.Figure()
    for at, (part, shape) in enumerate(zip(PARTS, SHAPES, strict=True)):
        color = GRAY if part == PARTS[-1] else COLORS[theme()][at]
        figure.add_bar(
            y=names, x=100 * shares[:, at], name=part, orientation="h",
            marker={"color": color, "pattern": {"shape": shape, "fgopacity": 0.35}},
            text=[f"{100 * value:.0f} %" if value >= LEAST else "" for value in shares[:, at]],
            textposition="inside", insidetextanchor="middle",
            insidetextfont={"color": on_bars()},
            hovertemplate=f"%{{y}}, {part}: %{{x:.1f}} %<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(range=[0, 100], title_text="% of all words", fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_layout(
        height=120 + ROW * len(names), barmode="stack", bargap=0.35, margin=MARGINS | {"t": 30},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0,
                "traceorder": "normal"},
    )  # fmt: skip
    told = "; ".join(f"{name}: {one.text}" for name, one in zip(names, held, strict=True))
    table = Table(shares, tuple(names), PARTS, ("share",) * 3)
    plots.with_table(
        figure,
        f"{told}. The larger of the two decides. “Another word” begins a longer answer.",
        {"yes": table}, f"{KEY}.leaning",
    )  # fmt: skip
