"""Why a word came: what the model wanted, what was held against it, and what was chosen from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from components.charts import plots
from components.charts.style import COLORS, GRAY, theme, wrapped
from components.decoding.answers import picked
from components.decoding.asked import KEY, Compared, Spoken
from components.notices import plain
from engine.hallucination.vasparse import CUT
from engine.result import Floats, Ranking, Table

SHOWN = 8  # words at most
FEWEST = 2  # beside the chosen one
FAINT = 0.01  # probability below which in all panels a word is not worth a row
NOT_BEST = "below its best eight"
ROW = 30  # px
KINDS = ("strong", "weak", "final")
CUTS = {"VCD": "beta", "DoLa": "cut"}  # the setting that has it
STRONG, FINAL = "The model", "Chosen from"
WEAK = {
    "VCD": "Looking at the noised copy",
    "DoLa": "An early layer",
}
THINNED = {"embedding": "The last word alone", "masked cache": "With image tokens blotted out"}


@dataclass(frozen=True)
class Step:
    """The best words where one was chosen.

    Args:
        names: the words.
        values: probabilities, (words, panels); NaN for one that is not among a panel's best.
        panels: what each column is, in the order of `kinds`.
        kinds: "strong", "weak", "final".
        cut: the probability that a word needs with the model itself; 0 for none.
    """

    names: tuple[str, ...]
    values: Floats
    panels: tuple[str, ...]
    kinds: tuple[str, ...]
    cut: float

    def out(self, place: int) -> bool:
        """Whether a word is below the cut."""
        strong = self.values[place, 0]
        return self.cut > 0 and not (np.isfinite(strong) and strong >= self.cut * (1 - 1e-5))


def show(found: Compared) -> None:
    """Bars of the picked word's step."""
    chosen = picked(found)
    one = found.of(chosen[0]) if chosen else None
    if chosen is None or one is None or "final" not in one.answer:
        st.caption(
            "MVP weighs whole paths; they are drawn below. Click a word of another strategy."
            if one is not None
            else "There is no word to look into."
        )
        return
    place = chosen[1]
    step = step_of(one, place)
    before = " ".join(one.tokens.words[:place])
    where = f"after “{plain(before)}”" if before else "as its first word"
    st.markdown(f"**{one.title}** chose **“{plain(one.tokens.words[place])}”** {where}.")
    plots.with_table(
        drawn(step), step_words(one, step, place), {"step": table(step)}, f"{KEY}.step"
    )


def step_of(one: Spoken, place: int) -> Step:
    """The best words of a step, the chosen one first, then by the model's own probability."""
    kinds = tuple(kind for kind in ("strong", "weak", "final") if kind in one.answer)
    best: dict[str, dict[str, float]] = {}
    for kind in kinds:
        view: Ranking = one.answer[kind]
        best[kind] = dict(zip(view.labels[place], view.values[place].tolist(), strict=True))
    word = one.tokens.words[place]
    ordered = dict.fromkeys([word, *best["final"], *best["strong"], *best.get("weak", {})])
    worth = {name: max(held.get(name, 0.0) for held in best.values()) for name in ordered}
    others = sorted((name for name in worth if name != word), key=lambda name: -worth[name])
    kept = [name for at, name in enumerate(others) if worth[name] >= FAINT or at < FEWEST]
    names = (word, *kept[: SHOWN - 1])
    values = [[best[kind].get(name, np.nan) for kind in kinds] for name in names]
    titles = {"strong": STRONG, "weak": weak_title(one), "final": FINAL}
    cut = cut_of(one) * max(best["strong"].values())
    return Step(
        names, np.array(values, np.float32), tuple(titles[kind] for kind in kinds), kinds, cut
    )


def weak_title(one: Spoken) -> str:
    """What was held against the model."""
    source = one.method.settings().get("source", "")
    return THINNED.get(source) or WEAK.get(one.name, "Held against it")


def cut_of(one: Spoken) -> float:
    """The share of the best word's probability that another needs; 0 for a strategy without."""
    given = one.method.settings()
    if one.name in CUTS:
        return float(given[CUTS[one.name]])
    return CUT if one.name == "VASparse" and given["eta"] > 0 else 0.0


def drawn(step: Step) -> go.Figure:
    """A panel for each kind; the words below the cut are hatched."""
    figure = make_subplots(
        1, len(step.kinds), shared_yaxes=True, horizontal_spacing=0.04,
        subplot_titles=[f"<b>{wrapped(title)}</b>" for title in step.panels],
    )  # fmt: skip
    out = [step.out(at) for at in range(len(step.names))]
    for column, kind in enumerate(step.kinds):
        values = 100 * step.values[:, column]
        figure.add_trace(
            go.Bar(
                y=list(step.names), x=np.nan_to_num(values), orientation="h",
                marker={"color": COLORS[theme()][KINDS.index(kind)], "pattern": {"shape": [
                    "/" if gone and kind != "weak" else "" for gone in out
                ]}},
                text=[told(value, gone and kind == "final") for value, gone in zip(values, out)],  # noqa: B905
                textposition="outside", cliponaxis=False,
                hovertemplate="%{y}: %{text}<extra></extra>",
            ),
            row=1, col=column + 1,
        )  # fmt: skip
    figure.update_xaxes(range=[0, 128], tickvals=[0, 50, 100], title_text="%", fixedrange=True)
    if step.cut > 0:
        figure.add_vline(
            100 * step.cut, line={"dash": "dash", "width": 2, "color": GRAY}, row=1, col=1
        )
    figure.update_annotations(font={"size": 13})
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_layout(
        height=126 + ROW * len(step.names), showlegend=False, bargap=0.3,
        margin={"l": 10, "r": 10, "t": 56, "b": 10},
    )  # fmt: skip
    return figure


def told(value: float, gone: bool) -> str:
    """A probability in percent; what was cut off has none."""
    if gone:
        return "cut off"
    if not np.isfinite(value):
        return "–"
    return "&lt;1" if 0 < value < 1 else f"{value:.0f}"


def step_words(one: Spoken, step: Step, place: int) -> str:
    """The finding: how the word fared from panel to panel."""
    word = one.tokens.words[place]
    parts = [
        f"{title.lower()} {f'{100 * value:.0f} %' if np.isfinite(value) else NOT_BEST}"
        for title, value in zip(step.panels, step.values[0], strict=True)
    ]
    words = f"“{word}”: {', '.join(parts)}."
    if "weak" in step.kinds:
        words += (
            " What the second panel favors is subtracted: left is what the model says beyond it."
        )
    if step.cut > 0:
        words += (
            f" Dashed: the cut; words below {100 * step.cut:.1f} % with the model itself may not "
            "come, and are hatched."
        )
    return words + " –: not among the best eight there."


def table(step: Step) -> Table:
    """The bars' numbers."""
    return Table(step.values, step.names, step.panels, ("probability",) * len(step.panels))
