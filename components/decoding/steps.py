"""Why a word came: what the model wanted, what was held against it, and what was chosen from."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components.decoding.answers import picked
from components.decoding.form import KEY, Compared, Spoken
from components.draw import tables
from components.draw.panels import Panels
from components.notices import plain
from engine.hallucination.vasparse import CUT
from engine.result import Ranking, Table

SHOWN = 8  # words at most
FEWEST = 2  # beside the chosen one
FAINT = 0.01  # probability below which in all panels a word is not worth a row
NOT_BEST = "below its best eight"
CUTS = {"VCD": "beta", "DoLa": "cut"}  # the setting that has it
STRONG, FINAL = "The model", "Chosen from"
WEAK = {"VCD": "Looking at the noised copy", "DoLa": "An early layer"}
THINNED = {"embedding": "The last word alone", "masked cache": "With image tokens blotted out"}


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
    step, cut = step_of(one, place), cut_of(one, place)
    before = " ".join(one.tokens.words[:place])
    where = f"after “{plain(before)}”" if before else "as its first word"
    st.markdown(f"**{one.title}** chose **“{plain(one.tokens.words[place])}”** {where}.")
    tables.chart(panels(step, cut), step, step_words(step, cut), f"{KEY}.step")


def step_of(one: Spoken, place: int) -> Table:
    """The best words of a step in percent, the chosen one first; NaN below a panel's best eight."""
    best: dict[str, dict[str, float]] = {}
    for kind, title in (("strong", STRONG), ("weak", weak_title(one)), ("final", FINAL)):
        if kind in one.answer:
            view: Ranking = one.answer[kind]
            best[title] = dict(zip(view.labels[place], view.values[place].tolist(), strict=True))
    word = one.tokens.words[place]
    ordered = dict.fromkeys([*best[FINAL], *best[STRONG], *best.get(weak_title(one), {})])
    worth = {name: max(held.get(name, 0.0) for held in best.values()) for name in ordered}
    others = sorted((name for name in worth if name != word), key=lambda name: -worth[name])
    kept = [name for at, name in enumerate(others) if worth[name] >= FAINT or at < FEWEST]
    names = (word, *kept[: SHOWN - 1])
    values = [[100 * held.get(name, np.nan) for held in best.values()] for name in names]
    return Table(np.array(values, np.float32), names, tuple(best), ("%",) * len(best))


def weak_title(one: Spoken) -> str:
    """What was held against the model."""
    source = one.method.settings().get("source", "")
    return THINNED.get(source) or WEAK.get(one.name, "Held against it")


def cut_of(one: Spoken, place: int) -> float:
    """The percentage that a word needs with the model itself; 0 for a strategy without a cut."""
    given, best = one.method.settings(), float(one.answer["strong"].values[place].max())
    if one.name in CUTS:
        return 100 * best * float(given[CUTS[one.name]])
    return 100 * best * CUT if one.name == "VASparse" and given["eta"] > 0 else 0.0


def below(step: Table, cut: float) -> list[bool]:
    """The words that are below the cut with the model itself."""
    strong = np.nan_to_num(step[STRONG])
    return [bool(cut > 0 and share < cut * (1 - 1e-5)) for share in strong]


def panels(step: Table, cut: float) -> Panels:
    """A panel for each distribution; the words below the cut are hatched."""
    out = below(step, cut)
    return Panels(
        panels={name: name for name in step.columns},
        texts={
            name: [
                shortly(value, cut_off=gone and name == FINAL)
                for value, gone in zip(step[name], out, strict=True)
            ]
            for name in step.columns
        },
        hatched={STRONG: out, FINAL: out}, lines={STRONG: cut} if cut > 0 else {},
        span=(0, 128), ticks=(0, 50, 100),
    )  # fmt: skip


def shortly(value: float, *, cut_off: bool) -> str:
    """A percentage; what was cut off has none."""
    if cut_off:
        return "cut off"
    if not np.isfinite(value):
        return "–"
    return "&lt;1" if 0 < value < 1 else f"{value:.0f}"


def step_words(step: Table, cut: float) -> str:
    """How the word fared from panel to panel."""
    parts = [
        f"{title.lower()} {f'{value:.0f} %' if np.isfinite(value) else NOT_BEST}"
        for title, value in zip(step.columns, step.values[0], strict=True)
    ]
    words = f"“{step.rows[0]}”: {', '.join(parts)}."
    if len(step.columns) > 2:
        words += (
            " What the second panel favors is subtracted: left is what the model says beyond it."
        )
    if cut > 0:
        words += (
            f" Dashed: the cut; words below {cut:.1f} % with the model itself may not come, and "
            "are hatched."
        )
    return words + " –: not among the best eight there."
