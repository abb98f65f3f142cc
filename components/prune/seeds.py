"""In the section "What is lost": how much of it another seed of the same training changes too."""

import numpy as np
import streamlit as st

from components.prune.asked import KEY, PruneQuestion, with_rule
from components.section import Section
from components.widgets.data_images import draw_data_images
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Table
from engine.sparsity import Seeds
from engine.sparsity.criteria.learned import Learned
from engine.sparsity.effects.seeds import exemplars

TITLE = "Is it more than another seed changes?"
WORST = 3  # images
ENDS = ("lowest other seed", "highest other seed")  # columns of the classes of `Seeds`
CHANGES = Dots(series={"answers that change": "networks"}, title="answers that change (%)")
CLASSES = Bars(
    value="change",
    between=(*ENDS, "dense, other seeds"),
    color=1,
    title="change of right answers (points)",
)


def show(question: PruneQuestion, images: int) -> None:
    """Changed answers and classes, over those of other seeds."""
    if question.method.criterion == Learned.title:
        st.markdown(f"**{TITLE}**")
        st.caption("Not available: learned scores belong to one network only.")
        return
    method = with_rule(question.method, Seeds, images=images)
    Section(
        KEY,
        method,
        question.case,
        TITLE,
        evidence=(
            Drawing("pairs", chart=CHANGES, finding=change_finding, made=changed_answers),
            Drawing("classes", chart=CLASSES, finding=class_finding),
        ),
        detail=lambda result: modal_images(question, result["images"]),
        button=f"Train {method.networks} networks of other seeds",
        before="Dense networks of other seeds disagree on some images too. Only what pruning "
        "changes beyond that is due to pruning. They are trained as this model was and are kept.",
    ).show()


def changed_answers(result: Views) -> Table:
    differing, pruned_shares = (
        result["pairs"]["answers that differ"],
        result["networks"]["answers changed"],
    )
    names = ("dense, other seed",) * len(differing) + ("pruned",) * len(pruned_shares)
    return Table.of(
        {"answers that change": (np.concatenate([differing, pruned_shares]), "share")}, names
    )


def change_finding(result: Views) -> str:
    pruned_shares = 100 * result["networks"]["answers changed"]
    differing = 100 * result["pairs"]["answers that differ"]
    if pruned_shares.min() > differing.max():
        finding = "more than any other seed does"
    elif pruned_shares.mean() > differing.mean():
        finding = "more than another seed does on average, within its range"
    else:
        finding = "no more than another seed does"
    return (
        f"Pruning changes {pruned_shares.mean():.1f} % of the answers (from "
        f"{pruned_shares.min():.1f} to {pruned_shares.max():.1f} over {len(pruned_shares)} "
        f"networks), two dense networks of other seeds differ in {differing.mean():.1f} % "
        f"({differing.min():.1f} to {differing.max():.1f}): {finding}."
    )


def class_finding(result: Views) -> str:
    table: Table = result["classes"]
    lowest = table[ENDS[0]]
    beyond = [
        name
        for name, change, low in zip(table.rows, table["change"], lowest, strict=True)
        if change < min(low, 0.0)
    ]
    if not beyond:
        return "No class loses more than the weakest dense network of another seed does."
    return (
        f"{len(beyond)} of {len(table.rows)} classes lose more than in any dense network of "
        f"another seed: {', '.join(beyond)}."
    )


def modal_images(question: PruneQuestion, table: Table) -> None:
    dense_answers, pruned_answers = (
        table[name].astype(np.int64) for name in ("modal dense", "modal pruned")
    )
    differ = exemplars(dense_answers, pruned_answers)
    st.caption(
        f"{int(differ.sum())} of {len(differ)} test images have another most frequent (modal) "
        "answer among the pruned networks than among the dense ones (pruning-identified "
        "exemplars, Hooker et al. 2019). Ties are left out."
    )
    labels, places = question.case.data.classes, np.flatnonzero(differ)[:WORST]
    words = [
        f"{labels[dense_answers[place]]} → {labels[pruned_answers[place]]}" for place in places
    ]
    draw_data_images(question.case.data, table["row"][places], words, WORST)
