"""What a poisoned representation leaks, by the share of poison, and which columns were shifted."""

import numpy as np

from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.unlearning.eng.claims import AUC, ENTROPY, TASK


def by_poison(result: Views) -> Lines:
    """The probe's figures and the task's, with the share from which a rise is predicted."""
    predicted = threshold_of(result)
    return Lines(
        x="poison",
        series={column: column for column in (AUC, ENTROPY, TASK)},
        now=predicted if np.isfinite(predicted) else None,
        now_name="predicted",
        title="%",
        x_title="poison (% of the victim's rows)",
    )


def threshold_of(result: Views) -> float:
    """The predicted share in percent; NaN where there is none, or not yet."""
    return 100 * float(result["threshold"].values[0]) if "threshold" in result else float("nan")


def risen(result: Views) -> str:
    """The AUC without poison and with most of it, and what was predicted."""
    table: Table = result["curve"]
    words = ", ".join(
        f"{100 * auc:.0f} % at {100 * share:.0f} %"
        for share, auc in zip(table["poison"], table[AUC], strict=True)
    )
    words = f"AUC of the probe by share of poison, with the first seed: {words}."
    if "threshold" not in result:
        return words
    predicted = threshold_of(result)
    if not np.isfinite(predicted):
        return f"{words} No rise is predicted: the poison does not push along the gradient of U."
    if not predicted:
        return f"{words} Predicted is a rise at any share: clean rows do not pull against it."
    return (
        f"{words} Predicted is a rise from {predicted:.1f} % on: from there, in a first step, the "
        "poison's push along the gradient of U outweighs the clean rows' pull."
    )


def shifted_most(result: Views) -> str:
    """The columns that the poison leans on."""
    table: Table = result["columns"]
    order = np.argsort(-table["mean shift"], kind="stable")[:3]
    named = ", ".join(f"{table.rows[at]} ({table['mean shift'][at]:.2f})" for at in order)
    return (
        f"Shifted most: {named}. Columns that cheap poison needs are those to guard. Exactly zero "
        f"are {100 * float(table['rows not shifted'].mean()):.0f} % of all shifts (first seed)."
    )


DRAWINGS = (
    Drawing("curve", "What leaks, by the share of poison", by_poison, risen),
    Drawing("columns", "Which columns the poison shifts", Bars(value="mean shift"), shifted_most),
)
