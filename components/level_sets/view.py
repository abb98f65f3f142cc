"""The parts of the Level sets view: whom to walk to, how, and what is drawn of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.draw.drawing import draw
from components.level_sets import plane_chart, star_chart, tube_chart, walks
from components.level_sets.asked import KEY, method_like, pair, walk_settings
from components.notices import escape_markdown
from components.picks import pick
from components.section import Section
from components.sidebar import partners
from components.sidebar.partners import Partner
from components.sidebar.subject import Subject
from components.widgets import image_grid
from components.widgets.triangle import triangles
from engine.attribution.lst.grid import Grid
from engine.attribution.lst.method import LST
from engine.attribution.lst.plane import Plane
from engine.attribution.lst.settings import LevelSet
from engine.attribution.lst.simplex import Simplex
from engine.attribution.lst.star import Star
from engine.attribution.lst.tube_width import TubeWidth
from engine.core.charts.drawing import Drawing, Views
from engine.vision.case import PairCase


@dataclass(frozen=True)
class Tab:
    """One way of looking.

    Args:
        kind: what it asks; it says how many targets that takes.
        first: how many targets are chosen to begin with.
        parts: of its section: what is drawn of an answer.
    """

    kind: type[LevelSet]
    first: int
    parts: Mapping[str, Any] = field(default_factory=dict)

    def targets(self, word: str, subject: Subject) -> tuple[list[Partner], dict[str, Any]]:
        """As many images to walk to as it takes, and what a command must say of all images."""
        is_single = self.kind.targets == (1, 1)
        key = KEY if is_single else f"{KEY}.{word.lower().replace(' ', '-')}"
        form = partners.partner_form(PairCase, key, subject)
        chosen = (
            [partners.ask_one(form, "against")]
            if is_single
            else partners.ask_many(form, "against", self.kind.targets, self.first)
        )
        return chosen, form.known(subject.arguments)


def question_sentence(subject: Subject) -> str:
    case = subject.case
    return (
        f"How far can the image move while {case.model.lineage.trail} goes on saying "
        f"“{case.model.labels[case.target.index]}”?"
    )


def choose(subject: Subject) -> dict[str, Section]:
    """The way of looking, the images to walk to and how; nothing while they are too few."""
    word = pick("View", list(VIEWS), f"{KEY}.view", "segments")
    tab = VIEWS[word]
    chosen, known = tab.targets(word, subject)
    walk = walk_settings(subject)
    low, high = tab.kind.targets
    if not low <= len(chosen) <= high:
        words = f"{low}" if low == high else f"{low} to {high}"
        st.info(f"Choose {words} images to walk to.")
        return {}
    if tab.kind is LST:
        return walks.sections(subject, chosen, walk, known)
    return {
        word: Section(
            KEY,
            method_like(tab.kind, walk, subject.case),
            pair(subject.case, chosen),
            columns=1,
            button="Compute",
            known=known,
            **tab.parts,
        )
    }


def show(questions: Mapping[str, Section], rest: DeltaGenerator) -> None:
    first_section, *_ = questions.values()
    if reason := first_section.method.unmet(first_section.case):
        st.info(escape_markdown(f"{first_section.method.title} is not available: {reason}"))
    elif isinstance(first_section.method, LST):
        walks.show(questions, rest)
    else:
        replace(first_section, below=rest).show()


# --- the other ways of looking -------------------------------------------------------------------


def both_triangles(result: Views) -> None:
    both = {"Blind spots": result["blind spots"], "Raw targets": result["raw targets"]}
    triangles(both, f"{KEY}.triangles")


def fallen(result: Views) -> str:
    spots, raw = (
        result["statistics"].cell(row, "mean of the paths")
        for row in ("blind spots", "raw targets")
    )
    return (
        f"On the ways to two blind spots the probability is {spots:.2f} on average; on those to "
        f"the targets themselves {raw:.2f}."
    )


def kept_class_sentence(result: Views) -> str:
    off_diagonal = ~np.eye(len(result["kept"].rows), dtype=bool)
    return (
        f"{int(result['kept'].values[off_diagonal].sum())} of {off_diagonal.sum()} walks keep the "
        "class that they began with."
    )


VIEWS = {
    "Walk": Tab(LST, 1),
    "Plane": Tab(Plane, 1, {
        "sentence": plane_chart.sentence,
        "picture": lambda result: draw(plane_chart.GROUND, result, f"{KEY}.plane"),
        "evidence": [plane_chart.PROFILE],
    }),
    "Triangle": Tab(Simplex, 2, {
        "sentence": fallen, "picture": both_triangles, "evidence": [Drawing("statistics")],
    }),
    "Star": Tab(Star, 5, {
        "sentence": star_chart.sentence,
        "picture": lambda result: star_chart.star(result, f"{KEY}.star"),
    }),
    "Width": Tab(TubeWidth, 1, {
        "sentence": tube_chart.sentence,
        "picture": lambda result: tube_chart.tube(result, f"{KEY}.tube"),
    }),
    "All against all": Tab(Grid, 2, {
        "sentence": kept_class_sentence,
        "picture": lambda result: image_grid.draw_grid(result, f"{KEY}.grid"),
        "files": lambda result: {"grid.png": lambda: image_grid.as_png(result)},
    }),
}  # fmt: skip
