"""The way of looking "Walk": up to three walks in the player, each with its figures and files."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import runs, together
from components.charts import tables
from components.level_sets import takeaway
from components.level_sets.asked import KEY, method_like, pair
from components.notices import escape_markdown
from components.picks import pick_some
from components.section import Section, show_answer
from components.sidebar import models
from components.sidebar.partners import Partner
from components.sidebar.subject import Subject
from components.widgets.pictures import show_picture
from components.widgets.player import Walked, player
from engine.attribution.lst import WALKS
from engine.attribution.lst.method import LST
from engine.attribution.lst.settings import Walking
from engine.core.charts.drawing import Views
from engine.core.method import Method
from engine.core.pictures import as_bytes
from engine.core.result import Result, Table
from engine.core.run import Answer
from engine.vision.case import PairCase
from engine.vision.case.prediction import at_once

MOST_WALKS = 3
LOWEST = "lowest confidence"


def sections(
    subject: Subject, chosen: Sequence[Partner], walk: LST, known: Mapping[str, Any]
) -> dict[str, Section]:
    """The walk, with other ways to the target or another model beside it."""
    left, right = st.columns(2)
    with left:
        kinds = pick_comparisons()
    with right:
        other = models.choose_second(subject.case.model, f"{KEY}.model")
    case = pair(subject.case, chosen)
    asks: dict[str, tuple[Walking, PairCase]] = {walk.title: (walk, case)}
    asks |= {kind.title: (method_like(kind, walk, subject.case), case) for kind in kinds}
    if other is not None:
        asks[other.title] = (walk, pair(subject.seen_by(other), chosen))
    return {
        title: Section(
            f"{KEY}.{case.model.name}",
            method,
            case,
            detail=show_figures,
            files=takeaway.walk,
            button="Walk" if title == walk.title else "",
            before=f"Up to {walk.steps} steps of the image towards the other one.",
            known=known,
        )
        for title, (method, case) in list(asks.items())[:MOST_WALKS]
    }


def show(walks: Mapping[str, Section], rest: DeltaGenerator) -> None:
    """All walks in the player; in `rest` the figures and files of each."""
    runs.leave_others(KEY, [walk.slot for walk in walks.values()])
    outcomes = together.ask_all(walks)
    first = next(iter(walks.values()))
    if not outcomes:
        st.caption(first.before)
    answers = together.answers_of(outcomes)
    if title := next(iter(answers), ""):
        st.header(escape_markdown(nearness_words(answers[title])))
    walk_frames = [
        walked(title, walks[title].method, walks[title].case, outcome)
        for title, outcome in outcomes.items()
    ]
    if ready := [frames for frames in walk_frames if frames is not None]:
        player(ready, f"{KEY}.player")
    runs.watch(list(outcomes.values()), live_frame)
    with rest:
        for title, answer in together.tabs(answers):
            show_answer(walks[title], answer)


def nearness_words(result: Views) -> str:
    far, low = (result["figures"].cell("walk", name) for name in ("RMSE to target", LOWEST))
    return (
        f"The walk ends {far:.2g} from the target (RMSE, at most 1); "
        f"“{result['top'].labels[0][0]}” never falls below {low:.2f}."
    )


def show_figures(result: Views) -> None:
    figures = result["figures"]
    (row,) = figures.values
    names = [
        f"{name} ({unit})" if unit else name
        for name, unit in zip(figures.columns, figures.units, strict=True)
    ]
    tables.figure_list(Table.grid(row[:, None], tuple(names), ("this walk",), ("",)))


def pick_comparisons() -> list[type[Walking]]:
    titles = {kind.title.removesuffix(" (comparison)"): kind for kind in WALKS if kind is not LST}
    picked = pick_some("Beside it, for comparison", list(titles), f"{KEY}.beside", name="Beside it")
    return [titles[title] for title in picked[: MOST_WALKS - 1]]


def walked(title: str, method: Method[Any], case: PairCase, outcome: runs.Outcome) -> Walked | None:
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
    reference = float(at_once(case.source).max())
    return Walked(
        title,
        views,
        byte_pixels(case.source.image),
        byte_pixels(case.others[0]),
        reference,
        getattr(method, "delta", None),
        note,
    )


def live_frame(views: Result) -> None:
    path: Any = views["path"]
    frame = np.asarray(path.frames[-1], np.float32)
    pixels = np.rint(np.clip(frame.transpose(1, 2, 0), 0, 1) * 255).astype(np.uint8)
    show_picture(pixels, "The newest image of the walk", width=224)


def byte_pixels(image: Any) -> Any:
    """An image (3, H, W) as 8-bit (H, W, 3)."""
    return as_bytes(image)
