"""The parts of the Level sets view: whom to walk to, how, and what is drawn of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import streamlit as st

from components import exports, partners, plane_chart, runs, star_chart, takeaway, tube_chart
from components.charts import tables
from components.forms import method_form, refuse_links, widget
from components.links import refuse
from components.notices import plain
from components.partners import Partner
from components.sidebar import models
from components.sidebar.subject import Subject
from components.widgets import image_grid
from components.widgets.player import Walked, player
from components.widgets.triangle import triangles
from engine.attribution.level_sets import PUBLISHED, WALKS
from engine.attribution.level_sets.grid import Grid
from engine.attribution.level_sets.lst import LST
from engine.attribution.level_sets.plane import Plane
from engine.attribution.level_sets.settings import LevelSet, Walking
from engine.attribution.level_sets.simplex import Simplex
from engine.attribution.level_sets.star import Star
from engine.attribution.level_sets.tube_width import TubeWidth
from engine.case import ImageCase, PairCase, shown
from engine.images import Crop
from engine.models.classifier import Classifier
from engine.result import Result, Table
from engine.run import Answer
from engine.target import Target

KEY = "levels"
MOST_WALKS = 3
WalkT = TypeVar("WalkT", bound=Walking)
Draw = Callable[[Answer], None]


@dataclass(frozen=True)
class View:
    """One way of looking: its word, how many targets it takes and begins with, what shows it."""

    word: str
    targets: tuple[int, int]
    first: int
    show: Callable[[Subject, Sequence[Partner], LST], None]


def question(subject: Subject) -> str:
    """The question of the page in words."""
    label = subject.case.model.labels[subject.case.target.index]
    return (
        f"Asking **{plain(subject.case.model.title)}**: how far can the image move while it goes "
        f"on saying **{plain(label)}**?"
    )


def pick_view() -> View:
    """The way of looking."""
    refuse(f"{KEY}.view", VIEWS, "View", "one of " + ", ".join(VIEWS))
    word = st.segmented_control(
        "View", list(VIEWS), default="Walk", required=True, key=f"{KEY}.view", bind="query-params"
    )
    return VIEWS[word]


def targets(view: View, subject: Subject) -> list[Partner]:
    """As many images to walk to as the view takes."""
    if view.targets == (1, 1):
        return [partners.choose_one(subject, "Walk to", f"{KEY}.to")]
    key = f"{KEY}.to.{view.word.lower().replace(' ', '-')}"
    return partners.choose_many(subject, "Walk to", key, view.targets, view.first)


def walk_settings(subject: Subject) -> LST:
    """How the walk goes, the same for every view."""
    refuse_links(LST, f"{KEY}.walk", subject.case)
    with st.popover("How the walk goes"):
        st.button(
            "The paper's settings", key=f"{KEY}.published", on_click=published,
            help="400 steps of 0.01: about twice as long as the usual ones.",
        )  # fmt: skip
        return method_form(LST, f"{KEY}.walk", subject.case)


def published() -> None:
    """Set the form to what the paper's experiments used."""
    for name, value in PUBLISHED.items():
        st.session_state[f"{KEY}.walk.{name}"] = value
    st.session_state[f"{KEY}.walk.epsilon.on"] = True


def asked(kind: type[WalkT], walk: LST, case: ImageCase) -> WalkT:
    """The method with the walk's settings, and widgets for those that are its own."""
    shared = walk.settings()
    refuse_links(kind, f"{KEY}.{kind.name}", case)
    return kind(
        **{
            spec.name: shared[spec.name]
            if spec.name in shared
            else widget(spec, f"{KEY}.{kind.name}.{spec.name}", case)
            for spec in fields(kind)
        }
    )


def pair(case: ImageCase, chosen: Sequence[Partner]) -> PairCase:
    """Source and targets; how the score is read makes no difference to a walk."""
    target = Target(case.target.index, case.target.versus)
    source = replace(case.at("exact"), target=target)
    return PairCase(source, tuple(shown(one.picture, Crop(), case.model) for one in chosen))


def answered(
    kind: type[LevelSet], subject: Subject, chosen: Sequence[Partner], walk: LST, draw: Draw
) -> None:
    """Ask when told, draw the answer, and say what it is."""
    low, high = kind.targets
    if not low <= len(chosen) <= high:
        words = f"{low}" if low == high else f"{low} to {high}"
        st.info(f"Choose {words} images to walk to.")
        return
    method = asked(kind, walk, subject.case)
    case = pair(subject.case, chosen)
    outcome = runs.ask_when_told(method, case, f"{KEY}.{kind.name}", "Compute")
    if isinstance(outcome, Answer):
        draw(outcome)
        explain(method, outcome)
    elif outcome is not None:
        runs.watch([outcome])


def explain(method: Walking, answer: Answer) -> None:
    """What am I looking at, and how it was made."""
    st.markdown(f"**What am I looking at?** {method.about()}")
    if method.paper:
        st.markdown(f"Reference: {method.paper}")
    st.caption(plain(exports.provenance(answer)))


# --- the walk -----------------------------------------------------------------------------------


def show_walk(subject: Subject, chosen: Sequence[Partner], walk: LST) -> None:
    """The player, with other ways to the target or another model beside it."""
    left, right = st.columns(2)
    with left:
        kinds = pick_comparisons()
    with right:
        other = models.choose_second(subject.case.model, f"{KEY}.model")
    asks: list[tuple[Walking, PairCase, str]] = [(walk, pair(subject.case, chosen), walk.title)]
    asks += [
        (asked(kind, walk, subject.case), pair(subject.case, chosen), kind.title) for kind in kinds
    ]
    if other is not None:
        asks.append((walk, pair(seen_by(other, subject), chosen), other.title))
    asks = asks[:MOST_WALKS]
    slots = [f"{KEY}.{method.name}.{case.model.name}" for method, case, _ in asks]
    runs.leave_others(KEY, slots)
    first = runs.ask_when_told(asks[0][0], asks[0][1], slots[0], "Walk")
    if first is None:
        return
    found = [first] + [
        runs.ask(method, case, slot)
        for (method, case, _), slot in zip(asks[1:], slots[1:], strict=True)
    ]
    runs.watch(found, live_frame)
    walks = [
        walked(title, method, case, outcome)
        for (method, case, title), outcome in zip(asks, found, strict=True)
    ]
    if ready := [one for one in walks if one is not None]:
        player(ready, f"{KEY}.player")
    for (method, case, title), outcome in zip(asks, found, strict=True):
        if isinstance(outcome, Answer):
            with st.expander(f"{title}: figures and files", expanded=method is walk):
                tables.table(
                    turned(outcome["figures"]), f"{KEY}.{method.name}.{case.model.name}.figures"
                )
                takeaway.walk(outcome, f"{KEY}.{method.name}.{case.model.name}")
                explain(method, outcome)


def pick_comparisons() -> list[type[Walking]]:
    """Other ways to the target, shown beside the walk."""
    titles = {kind.title.removesuffix(" (comparison)"): kind for kind in WALKS if kind is not LST}
    refuse(f"{KEY}.beside", titles, "Beside it", "one of " + ", ".join(titles))
    picked = st.pills(
        "Beside it, for comparison",
        list(titles),
        selection_mode="multi",
        key=f"{KEY}.beside",
        bind="query-params",
    )
    return [titles[title] for title in picked[: MOST_WALKS - 1]]


def seen_by(model: Classifier, subject: Subject) -> ImageCase:
    """The subject's image for another model, about the class that this one sees in it."""
    case = subject.seen_by(model)
    return replace(case, target=Target(int(model.logits(case.image[None])[0].argmax())))


def walked(title: str, method: Walking, case: PairCase, outcome: runs.Outcome) -> Walked | None:
    """What the player shows of an answer, or of what was there when it was stopped."""
    views: Result | None = None
    note = case.model.labels[case.source.target.index]
    match outcome:
        case Answer():
            views = outcome
        case runs.Problem(partial=partial) if partial is not None:
            views, note = partial, f"{note}; stopped early"
    if views is None:
        return None
    reference = float(case.model.logits(case.source.image[None]).softmax(1)[0].max())
    return Walked(
        title,
        views,
        pixels(case.source.image),
        pixels(case.others[0]),
        reference,
        getattr(method, "delta", None),
        note,
    )


def turned(figures: Table) -> Table:
    """One row of many figures as one column."""
    (row,) = figures.values
    names = [
        f"{name} ({unit})" if unit else name
        for name, unit in zip(figures.columns, figures.units, strict=True)
    ]
    return Table(row[:, None], tuple(names), ("this walk",), ("",))


def live_frame(views: Result) -> None:
    """The newest image of a walk that is still going."""
    path: Any = views["path"]
    frame = np.asarray(path.frames[-1], np.float32)
    st.image(frame.transpose(1, 2, 0), clamp=True, width=224, output_format="PNG")


def pixels(image: Any) -> Any:
    """An image (3, H, W) as 8-bit (H, W, 3)."""
    return np.rint(np.clip(image.permute(1, 2, 0).numpy(), 0, 1) * 255).astype(np.uint8)


# --- the other views ----------------------------------------------------------------------------


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
        View("Walk", (1, 1), 1, show_walk),
        View("Plane", (1, 1), 1, show_plane),
        View("Triangle", (2, 2), 2, show_triangle),
        View("Star", (4, 12), 5, show_star),
        View("Width", (1, 1), 1, show_width),
        View("All against all", (1, 4), 2, show_grid),
    )
}
