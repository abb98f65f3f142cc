"""The section "The search": how a Lottery Jackpot was found, beside another way to search."""

from dataclasses import replace
from typing import Any

import numpy as np

from components.picks import pick
from components.prune import compare
from components.prune.asked import KEY, PruneQuestion
from components.section import Section
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.sparsity import Masks
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.jackpot.criterion import ADAPTED, AFTER_SEARCH, START, Jackpot, has_statistics

FREE, ADAPTING = "no restriction", "BatchNorm adapts"
ARMS: dict[str, dict[str, Any]] = {FREE: {"restriction": 0.0}, ADAPTING: {"statistics": True}}
ARM_NOTES = {
    FREE: "The last step may exchange as many weights as the first.",
    ADAPTING: "BatchNorm counts its statistics anew while the masks change.",
}
LATE = 3  # the last third of the steps


def show(question: PruneQuestion, masks: Masks) -> None:
    """Accuracy and exchanges on the way, which weights changed places, and another search."""
    method = question.method.scoring
    if not isinstance(method, Jackpot):
        return
    accuracy = Drawing(
        "search",
        "Accuracy on the way",
        finding=accuracy_finding,
        chart=Lines(
            x="epoch",
            series={"validation accuracy": "searched masks"},
            title="validation images right (%)",
            x_title="epoch (0: magnitude's mask)",
        ),
    )
    swaps = Drawing(
        "swaps",
        "Weights exchanged in each step",
        finding=swap_finding,
        chart=Lines(
            x="step", series={"swapped": "weights that went in"}, title="weights", x_title="step"
        ),
    )
    validated = len(question.case.data.rows("validation")) > 0
    result = Section(
        KEY,
        method,
        question.case,
        "How the mask was found",
        evidence=(accuracy, swaps) if validated else (swaps,),
        explained=False,
    ).show()
    if result is None:
        return
    other = compare.by_criterion(question, Magnitude.title)
    if other is not None:
        compare.compare_masks(question, masks, Magnitude.title, other)
    show_arm(question, method, result)


def show_arm(question: PruneQuestion, method: Jackpot, own: Views) -> None:
    arms = [FREE, ADAPTING] if has_statistics(question.case.model) else [FREE]
    word = pick("Beside another search", arms, f"{KEY}.arm", first=FREE)
    Section(
        f"{KEY}.arm",
        replace(method, **ARMS[word]),
        question.case,
        sentence=lambda result: arm_sentence(own, result, word),
        button="Search this way too",
        before=f"{ARM_NOTES[word]} As many epochs from the same masks; weights keep their "
        "values here too.",
        evidence=(
            Drawing(
                "swaps",
                "Weights exchanged in each step",
                made=lambda result: exchange_table(own["swaps"], result["swaps"]),
                chart=Lines(
                    x="step",
                    series={"here": "as above", "there": word},
                    title="weights",
                    x_title="step",
                ),
                finding=lambda result: late(own["swaps"], result["swaps"], word),
            ),
        ),
        explained=False,
    ).show()


def exchange_table(own: Table, other: Table) -> Table:
    return Table.of(
        {"step": (own["step"], ""), "here": (own["swapped"], ""), "there": (other["swapped"], "")}
    )


def in_last_third(swaps: Table) -> int:
    row = swaps["swapped"]
    return int(row[len(row) - len(row) // LATE :].sum())


def late(own: Table, other: Table, word: str) -> str:
    baseline_swaps, other_swaps = in_last_third(own), in_last_third(other)
    return (
        f"In the last third of the steps {baseline_swaps:,} weights went in, with “{word}” "
        f"{other_swaps:,}; in all "
        f"steps {int(own['swapped'].sum()):,} and {int(other['swapped'].sum()):,}."
    )


def accuracy_finding(result: Views) -> str:
    right = 100 * np.asarray(result["search"]["validation accuracy"])
    return (
        f"Validation images right: {right[0]:.1f} % with magnitude's mask, {right[-1]:.1f} % with "
        "the last one, which is the one that is kept."
    )


def swap_finding(result: Views) -> str:
    row = result["swaps"]["swapped"]
    return (
        f"{int(row.sum()):,} weights went in and as many out, {in_last_third(result['swaps']):,} "
        "of them in the last third of the steps. A weight may come and go several times."
    )


def arm_sentence(own: Views, result: Views, word: str) -> str:
    baseline_figures, other_figures = own["figures"], result["figures"]
    words = (
        f"Test images right: {100 * baseline_figures[AFTER_SEARCH]:.1f} % as above, "
        f"{100 * other_figures[AFTER_SEARCH]:.1f} % with "
        f"“{word}”, {100 * baseline_figures[START]:.1f} % with magnitude's mask."
    )
    if ADAPTED in other_figures.labels:
        words += f" With the statistics that it counted: {100 * other_figures[ADAPTED]:.1f} %."
    return words
