"""In the section "What is lost": whether the model still notices what it has never seen."""

import numpy as np
import streamlit as st

from components.notices import escape_markdown
from components.prune.asked import KEY, PruneQuestion, with_rule
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.facets import BETWEEN, Facets
from engine.core.charts.words import percent
from engine.core.result import Table
from engine.sparsity import Unknown, agreement_only

TOLD_APART = Facets(
    chart=Dots(
        series={"dense AUROC": "whole model", "pruned AUROC": "pruned"},
        joined=True,
        title="AUROC (%); dotted: chance",
        line=50,
        span=(-2, 102),
    )
)


def show(question: PruneQuestion) -> None:
    """Whether it still notices what it has never seen; asked as soon as the rest is there."""
    Section(
        KEY,
        with_rule(question.method, Unknown),
        question.case,
        "On unknown images",
        evidence=[Drawing("told", chart=TOLD_APART, finding=finding)],
        detail=lambda result: basis(question, result),
    ).show()


def basis(question: PruneQuestion, result: Views) -> None:
    st.caption(counts_sentence(question, result["told"]))
    for note in result["notes"].labels if result["notes"].values.any() else ():
        st.caption(escape_markdown(note))


def counts_sentence(question: PruneQuestion, table: Table) -> str:
    known, groups = (int(table[name][0]) for name in ("known images", "known groups"))
    rows = zip(table.rows, table["unknown images"], strict=True)
    kinds = {row.rpartition(BETWEEN)[0]: int(count) for row, count in rows}
    strange = ", ".join(f"{count:,} × {escape_markdown(name)}" for name, count in kinds.items())
    if agreement_only(question.case):
        return (
            f"Known: {known} squares cut from {groups} photographs, beside those of other "
            f"photographs that the detectors are fitted to. That is very few. Unknown: {strange}."
        )
    groups_text = f" in {groups:,} groups" if groups < known else ""
    return f"Known: {known:,} test images{groups_text}. Unknown: {strange}."


def finding(result: Views) -> str:
    table: Table = result["told"]
    is_finite = np.isfinite(table["dense AUROC"]) & np.isfinite(table["pruned AUROC"])
    missing = int(np.count_nonzero(~is_finite))
    none = f" {missing} of {len(table.rows)} have no figure." if missing else ""
    if not is_finite.any():
        return "No figure can be had." + none
    dense, pruned, before, now = (
        float(table[name][is_finite].mean())
        for name in ("dense AUROC", "pruned AUROC", "dense FPR95", "pruned FPR95")
    )
    worse, better = (
        int((table["high"][is_finite] < 0).sum()),
        int((table["low"][is_finite] > 0).sum()),
    )
    return (
        f"On average an unknown image scores above a known one {percent(dense)} of the time "
        f"in the whole model and {percent(pruned)} in the pruned one (AUROC; 100 %: always, 50 %: "
        f"chance). Of {int(is_finite.sum())} pairs of images and detector it is surely worse (95 % "
        f"interval below 0) in {worse} and surely better in {better}. To find "
        f"95 % of the unknown images, {100 * before:.0f} % of the known ones would be flagged "
        f"before and {100 * now:.0f} % now (FPR95).{none}"
    )
