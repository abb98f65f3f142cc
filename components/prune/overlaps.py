"""The section "All criteria": how alike their masks are, those that are searched included."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import streamlit as st

from components import runs
from components.charts import tables
from components.draw.drawing import draw
from components.notices import escape_markdown
from components.prune.asked import KEY, PATTERNED, PruneQuestion, masks_at
from engine.core import run
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.matrix import Matrix
from engine.core.charts.words import percent
from engine.core.errors import BlindspotError
from engine.core.result import Table
from engine.core.run import Answer
from engine.sparsity import Masks, Prune, masks_in
from engine.sparsity.masks.compare import overlaps
from engine.sparsity.masks.pruning import BY_TITLE, unsearchable

OVERLAPS_KEY = f"{KEY}.all"
EQUAL = 0.02  # of the share that is kept; masks that differ by more do not keep equally many


def show(question: PruneQuestion, masks: Masks) -> None:
    """A square for each two criteria whose masks are there; the others are scored or offered."""
    del masks  # of the criterion above, which has a row like every other
    reasons = {
        kind.title: reason for kind in BY_TITLE.values() if (reason := kind.unmet(question.case))
    }
    cuts = {
        title: as_searched(replace(question.method, criterion=title))
        for title in BY_TITLE
        if title not in reasons
    }
    figure = st.container()
    scored = scored_cuts(question, cuts)
    with figure:
        if len(scored) > 1:
            digests = tuple(run.digest(cut.scoring, question.case) for cut in scored.values())
            overlap_views, shares, missing_reasons = overlap_tables(
                question, scored, tuple(map(repr, scored.items())), digests
            )
            reasons |= missing_reasons
            if len(shares) > 1:
                draw_overlaps(question, scored, overlap_views, shares)
    for title, reason in reasons.items():
        st.caption(escape_markdown(f"Not here: {title}. {reason[:1].upper()}{reason[1:]}"))


def as_searched(cut: Prune) -> Prune:
    """The cut itself, or where the criterion is not searched in such pieces, in those it is.

    A ratio and a pattern then stand for each other: 2:4 leaves half.
    """
    if fits(cut):
        return cut
    if cut.structure == PATTERNED:
        n, m = cut.rules.n, cut.rules.m
        cut = replace(cut, ratio=1 - n / m)
    others = (replace(cut, structure=structure) for structure in ("weight", PATTERNED))
    return next((candidate for candidate in others if fits(candidate)), cut)


def fits(cut: Prune) -> bool:
    if unsearchable(cut.criterion, cut.rules):
        return False
    return not BY_TITLE[cut.criterion].limits(cut.rules)


def criterion_label(question: PruneQuestion, title: str, cut: Prune) -> str:
    if cut.structure == question.method.structure:
        return title
    return f"{title}, {cut.pattern if cut.structure == PATTERNED else 'single weights'}"


def scored_cuts(question: PruneQuestion, cuts: Mapping[str, Prune]) -> dict[str, Prune]:
    scored, quick, long = {}, [], []
    for title, cut in cuts.items():
        method, slot = cut.scoring, f"{OVERLAPS_KEY}.{title}"
        outcome: runs.Outcome | None
        if method.cost == "job":
            how = cut.pattern if cut.structure == PATTERNED else f"{percent(cut.ratio)} cut"
            outcome = runs.ask_when_told(method, question.case, slot, f"Search: {title}, {how}")
        else:
            outcome = runs.ask(method, question.case, slot)
        if isinstance(outcome, Answer):
            scored[title] = cut
        elif isinstance(outcome, runs.Pending) and method.cost != "job":
            quick.append(outcome)
        elif outcome is not None:
            long.append(outcome)
    runs.watch_together(quick, "scoring by the other criteria")
    runs.watch(long)
    return scored


@st.cache_resource(max_entries=8, show_spinner="Comparing the masks")
def overlap_tables(
    _question: PruneQuestion,
    _cuts: Mapping[str, Prune],
    cuts: tuple[str, ...],
    scores: tuple[str, ...],
) -> tuple[dict[str, Table], tuple[float, ...], dict[str, str]]:
    del cuts, scores  # what the answer depends on
    masks: dict[str, Masks] = {}
    reasons = {}
    for title, cut in _cuts.items():
        try:
            cut_masks = masks_at(_question.case, cut)
            masks[
                f"{criterion_label(_question, title, cut)}, {percent(cut_masks.density)} kept"
            ] = cut_masks
        except BlindspotError as error:
            reasons[title] = str(error)
    shares = tuple(mask.density for mask in masks.values())
    return overlaps(masks, masks_in(_question.case.model)), shares, reasons


def draw_overlaps(
    question: PruneQuestion,
    cuts: Mapping[str, Prune],
    overlap_views: Views,
    shares: Sequence[float],
) -> None:
    iou, chance = overlap_views["IoU"], overlap_views["chance"]
    hovers = [
        [
            f"{criterion} and {other}: both keep {percent(iou.cell(criterion, other))}; "
            f"chance {percent(chance.cell(criterion, other))}"
            for other in iou.order
        ]
        for criterion in iou.rows
    ]
    squares = Matrix(
        span=(0, 100), form=".0f", bar="weights in common (%)", hovers=hovers, height=520
    )
    title = "Weights that two criteria keep, of all that either keeps"
    draw(
        Drawing("IoU", title, chart=squares, finding=lambda _: sentence(iou, chance, shares)),
        overlap_views,
        OVERLAPS_KEY,
    )
    relabeled = [
        criterion_label(question, name, cut)
        for name, cut in cuts.items()
        if cut.structure != question.method.structure
    ]
    if relabeled:
        st.caption(
            escape_markdown(f"In the pieces that they are searched in: {'; '.join(relabeled)}.")
        )
    st.caption("What masks drawn by chance, with as many weights in each layer, have in common:")
    tables.fold_numbers({f"{OVERLAPS_KEY}.chance": chance})


def sentence(iou: Table, chance: Table, shares: Sequence[float]) -> str:
    kept_shares = np.array(shares)
    pairs = np.triu(np.ones(iou.values.shape, np.bool_), 1)
    equal = pairs & np.isclose(kept_shares[:, None], kept_shares, rtol=EQUAL, atol=0)
    if not equal.any():
        return "No two keep the same share, so that no pair is called the most alike."
    above = np.where(equal, iou.values, np.nan)

    def pair(place: np.intp) -> str:
        row, column = np.unravel_index(place, above.shape)
        name, other = iou.rows[int(row)], iou.order[int(column)]
        return (
            f"{name} and {other} ({percent(iou.cell(name, other))}, "
            f"by chance {percent(chance.cell(name, other))})"
        )

    summary = f"Most alike: {pair(np.nanargmax(above))}. Least: {pair(np.nanargmin(above))}."
    left_out = "" if (equal == pairs).all() else " Pairs that keep other shares are left out."
    return f"{summary}{left_out}"
