"""The way of looking "Walk": up to three walks in the player, each with its figures and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from components.charts import tables
from components.level_sets import takeaway
from components.level_sets.asked import KEY, asked, explain, pair
from components.level_sets.partners import Partner
from components.links import refuse
from components.sidebar import models
from components.sidebar.subject import Subject
from components.widgets.pictures import show_picture
from components.widgets.player import Walked, player
from engine.attribution.level_sets import WALKS
from engine.attribution.level_sets.lst import LST
from engine.attribution.level_sets.settings import Walking
from engine.case import ImageCase, PairCase
from engine.case.target import Target
from engine.models.classifier import Classifier
from engine.pictures import as_bytes
from engine.result import Result, Table
from engine.run import Answer

MOST_WALKS = 3


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
                tables.figures(turned(outcome["figures"]))
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
    pixels = np.rint(np.clip(frame.transpose(1, 2, 0), 0, 1) * 255).astype(np.uint8)
    show_picture(pixels, "The newest image of the walk", width=224)


def pixels(image: Any) -> Any:
    """An image (3, H, W) as 8-bit (H, W, 3)."""
    return as_bytes(image)
