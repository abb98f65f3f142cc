"""What Slides asks: which bags, which version and settings, which bag is looked at, which score."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import forms
from components.case_form import CaseForm
from components.ending import end
from components.notices import show_problems
from components.picks import pick, pick_number
from engine.attribution.mhim import BagsCase
from engine.attribution.mhim.bags import BagLayout, layout_of
from engine.attribution.mhim.methods import BagMining
from engine.attribution.mhim.ratio import VERSIONS
from engine.core.question import Question

KEY = "slides"
HARD, EASY, NONE = "hard key tiles", "easy key tiles only", "no key tile"
ATTENTION = "attention"


@dataclass(frozen=True, kw_only=True)
class ShownBag(Question[BagMining, BagsCase]):
    """The question, and the bag that is looked at.

    Args:
        layout: of the bags.
        bag: the row of the bag among all bags.
        place: the same among the test bags.
        score: ATTENTION, or the class whose score is drawn of the student.
    """

    layout: BagLayout
    bag: int
    place: int
    score: str

    @property
    def label(self) -> str:
        data = self.case.data
        return data.classes[data.labels[self.layout.rows[self.bag, 0]]]


def choose() -> ShownBag:
    form = CaseForm(BagsCase, KEY)
    with st.sidebar:
        st.header("Bags of tiles")
        form.ask("data", "radio", label_visibility="collapsed")
        form.ask("seed")
    left, right = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
    with left:
        version = pick("Version", list(VERSIONS), f"{KEY}.version", "pills")
    kind = VERSIONS[version]
    slot = f"{KEY}.{kind.name}"
    forms.refuse_links(kind, slot)
    with right, st.popover("Settings"):
        settings = forms.settings(kind, slot)
    question = None
    with show_problems():
        method, case = kind(**settings), BagsCase.from_arguments(**form.given)
        layout = layout_of(case.data)
        method.mining().masking.check(layout.size)
        score = pick("Score of a tile", [ATTENTION, *case.data.classes], f"{KEY}.score", "pills")
        place, bag = pick_bag(case, layout)
        question = ShownBag(
            method, case, form.known(), layout=layout, bag=bag, place=place, score=score
        )
    if question is None:
        end()
    return question


def pick_bag(case: BagsCase, layout: BagLayout) -> tuple[int, int]:
    """The place of a bag among the test bags, and its row among all."""
    rows = test_bags(case, layout)
    kinds = kinds_of(layout, rows)
    offered = [kind for kind in (HARD, EASY, NONE) if kind in kinds]
    left, right = st.columns([2, 1], gap="medium", vertical_alignment="bottom")
    with left:
        kind = pick("Test bags with", offered, f"{KEY}.kind", "pills")
    among = np.flatnonzero(kinds == kind)
    with right:
        place = int(among[pick_number("Bag", len(among), f"{KEY}.bag")])
    return place, int(rows[place])


def test_bags(case: BagsCase, layout: BagLayout) -> NDArray[np.int64]:
    return np.flatnonzero(np.isin(layout.rows[:, 0], case.data.rows("test")))


def kinds_of(layout: BagLayout, rows: NDArray[np.int64]) -> NDArray[np.str_]:
    key, hard = layout.key[rows], layout.hard[rows]
    return np.select([(key & hard).any(1), key.any(1)], [HARD, EASY], NONE)
