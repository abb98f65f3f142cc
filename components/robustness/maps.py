"""Which heat map followed the attack, and beside it whether that map can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from components import runs, section
from components.draw.drawing import Views
from components.draw.maps import draw_maps
from components.notices import plain
from components.picks import pick
from components.robustness import drawings
from components.robustness.form import KEY, AttackQuestion
from components.section import Section
from components.trust import verdict
from components.trust.trials import WITHHELD
from components.views import HEATMAPS
from components.widgets.viewer import Panel
from engine.attribution.robustness import MapsFollow
from engine.attribution.robustness.followed import FOLLOWS, MAPS, NEW, SAME
from engine.attribution.robustness.scored import attacked_pixels
from engine.attribution.trust import Order, TrustCase
from engine.attribution.trust.verdict import GOOD
from engine.case import PairCase
from engine.result import Table
from engine.run import Answer

BOUND, ORDER = "the attack above", "your order"
WORDS = {"before": "before: the old class", "after": "after: the old class",
         "now": "after: what it says now"}  # fmt: skip


def followed(asked: AttackQuestion, bound: Answer | None, ordered: Answer | None) -> None:
    """Which heat maps moved with the answer, after either of the attacks."""
    st.subheader("Which heat map followed?")
    attacks = {BOUND: bound, ORDER: ordered}
    chosen = pick("After", list(attacks), f"{KEY}.after", "segments")
    if (attack := attacks[chosen]) is None:
        st.info(f"There is no image of {chosen} to compare: let it be found first, or see why not.")
        return
    case: Any = PairCase(asked.case, (attacked_pixels(attack),))
    found = section.show(
        Section(
            f"{KEY}.maps", MapsFollow(), case,
            picture=lambda maps: three(asked, maps), evidence=(drawings.FOLLOWED,),
            button="" if asked.small else "Compare the maps",
            before=f"Eight heat maps of the image before and after {chosen}.",
            known={},
        )
    )  # fmt: skip
    if found is not None:
        trusted(asked, found["followed"])


def three(asked: AttackQuestion, found: Views) -> None:
    """One method's maps: the old class before and after, and what is said now."""
    title = pick("Heat map", list(found["followed"].rows), f"{KEY}.map", "pills")
    panels = [Panel(words, found[f"{title} {one}"]) for one, words in WORDS.items()]
    draw_maps(panels, asked.about, f"{KEY}.viewer")


def trusted(asked: AttackQuestion, table: Table) -> None:
    """A line for each map: whether it moved, and whether its strong pixels carry the score."""
    check, kinds = Order(), {kind.title: kind for kind in MAPS}
    if asked.about.in_distribution.foreign:
        st.markdown(f"**Can they be trusted?** {WITHHELD}")
        return
    st.markdown(f"**Can they be trusted?** {check.title}")
    cases = {title: TrustCase(asked.case, kinds[title](), asked.about.mask) for title in table.rows}
    outcomes = runs.ask_all_when_told(
        check, cases, f"{KEY}.trust", "Put the maps on trial", named=False
    )
    runs.watch([one for one in outcomes.values() if not isinstance(one, Answer)])
    views = {title: one["check"] for title, one in outcomes.items() if isinstance(one, Answer)}
    if views:
        st.markdown("\n".join(lines(check, table, views)))
    if len(views) == len(table):
        st.markdown(f"**{both(table, views)}**")
    st.page_link(
        HEATMAPS.path, label="Other trials of these maps stand on Heatmaps", icon=HEATMAPS.icon,
        query_params={"heatmaps.methods": list(table.rows), "trust.on": "true"},
    )  # fmt: skip


def lines(check: Order, table: Table, views: Mapping[str, Table]) -> list[str]:
    """Of each map that was tried: how alike it is still, and what the trial said."""
    told = []
    for title, view in views.items():
        mark, word = verdict.sign(check, view)
        alike = table.cell(title, NEW)
        near = f"{alike:.2f}" if np.isfinite(alike) else "flat"
        told.append(f"- {mark} **{plain(title)}** ({near}) {word}. {plain(view.notes[0])}")
    return told


def both(table: Table, views: Mapping[str, Table]) -> str:
    """How many of the maps that moved with the answer carry the score, and of the others."""
    good = np.array([verdict.verdict(views[title]) == GOOD for title in table.rows])
    if np.array_equal(table[NEW], table[SAME], equal_nan=True):  # both ask about one class
        return f"The answer did not change: of {len(good)} maps {good.sum()} carry its score."
    alike = np.array(table[NEW])
    moved, stayed, flat = alike < FOLLOWS, alike >= FOLLOWS, int(np.isnan(alike).sum())
    carry = f"of which {(moved & good).sum()} carry the score before the attack"
    others = f"{stayed.sum()}, of which {(stayed & good).sum()} do"
    rest = f"; flat, so that nothing can be compared: {flat}" if flat else ""
    return f"Moved with the answer: {moved.sum()} maps, {carry}; did not: {others}{rest}."
