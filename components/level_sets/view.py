"""The parts of the Level sets view: whom to walk to, how, and what is drawn of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from components.charts import tables
from components.level_sets import partners, plane_chart, star_chart, takeaway, tube_chart
from components.level_sets.asked import KEY, answered
from components.level_sets.partners import Partner
from components.level_sets.walks import show_walk
from components.links import refuse
from components.notices import plain
from components.sidebar.subject import Subject
from components.widgets import image_grid
from components.widgets.triangle import triangles
from engine.attribution.level_sets.grid import Grid
from engine.attribution.level_sets.lst import LST
from engine.attribution.level_sets.plane import Plane
from engine.attribution.level_sets.simplex import Simplex
from engine.attribution.level_sets.star import Star
from engine.attribution.level_sets.tube_width import TubeWidth
from engine.run import Answer


@dataclass(frozen=True)
class Tab:
    """One way of looking: its word, how many targets it takes and begins with, what shows it."""

    word: str
    targets: tuple[int, int]
    first: int
    show: Callable[[Subject, Sequence[Partner], LST], None]


def question(subject: Subject) -> str:
    """The question of the page in words."""
    label = subject.case.model.labels[subject.case.target.index]
    model = plain(subject.case.model.lineage.trail)
    return (
        f"Asking **{model}**: how far can the image move while it goes on saying "
        f"**{plain(label)}**?"
    )


def pick_view() -> Tab:
    """The way of looking."""
    refuse(f"{KEY}.view", VIEWS, "View", "one of " + ", ".join(VIEWS))
    word = st.segmented_control(
        "View", list(VIEWS), default="Walk", required=True, key=f"{KEY}.view", bind="query-params"
    )
    return VIEWS[word]


def targets(view: Tab, subject: Subject) -> list[Partner]:
    """As many images to walk to as the view takes."""
    if view.targets == (1, 1):
        return [partners.choose_one(subject, "Walk to", f"{KEY}.to")]
    key = f"{KEY}.to.{view.word.lower().replace(' ', '-')}"
    return partners.choose_many(subject, "Walk to", key, view.targets, view.first)


# --- the other ways of looking -------------------------------------------------------------------


def show_plane(subject: Subject, chosen: Sequence[Partner], walk: LST) -> None:
    """The walk in a plane, over the confidence there."""
    answered(Plane, subject, chosen, walk, lambda found: plane_chart.plane(found, f"{KEY}.plane"))


def show_triangle(subject: Subject, chosen: Sequence[Partner], walk: LST) -> None:
    """Two blind spots and the source, with the raw targets as control."""

    def draw(found: Answer) -> None:
        both = {"Blind spots": found["blind spots"], "Raw targets": found["raw targets"]}
        triangles(both, f"{KEY}.triangles")
        tables.table(found["statistics"], f"{KEY}.statistics")

    answered(Simplex, subject, chosen, walk, draw)


def show_star(subject: Subject, chosen: Sequence[Partner], walk: LST) -> None:
    """Limbs to several blind spots."""
    answered(Star, subject, chosen, walk, lambda found: star_chart.star(found, f"{KEY}.star"))


def show_width(subject: Subject, chosen: Sequence[Partner], walk: LST) -> None:
    """How far one may stray from the walk."""
    answered(TubeWidth, subject, chosen, walk, lambda found: tube_chart.tube(found, f"{KEY}.tube"))


def show_grid(subject: Subject, chosen: Sequence[Partner], walk: LST) -> None:
    """Every image walked to every other one."""

    def draw(found: Answer) -> None:
        image_grid.grid(found, f"{KEY}.grid")
        takeaway.grid(found, f"{KEY}.grid")

    answered(Grid, subject, chosen, walk, draw)


VIEWS = {
    view.word: view
    for view in (
        Tab("Walk", (1, 1), 1, show_walk),
        Tab("Plane", (1, 1), 1, show_plane),
        Tab("Triangle", (2, 2), 2, show_triangle),
        Tab("Star", (4, 12), 5, show_star),
        Tab("Width", (1, 1), 1, show_width),
        Tab("All against all", (1, 4), 2, show_grid),
    )
}
