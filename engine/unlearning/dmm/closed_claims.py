"""What is said of linear layers that forget, judged by the figures of one forget set."""

import numpy as np
from numpy.typing import NDArray

from engine.core.result import Table
from engine.unlearning.dmm.heads import LOGISTIC, RIDGE

NEWTON, ORACLE, DATAMODEL = "Newton", "matching, exact", "matching, additive"
TUNING, ASCENT = "fine-tuning", "ascent"
NOTHING, ALONE, TOGETHER = "nothing done", "each image alone, summed", "all together"
EXACT = 1e-8  # of a score
MATCHED = 1e-4  # of a score
SOLVED = 1e-6  # of the change
NEAR = 0.1  # of the change


def claims(left: Table, steps: Table) -> Table:
    """Six claims, each with 1 where it is so, and what was found; none where nothing changes.

    Args:
        left: see `ClosedForm`.
        steps: the same.
    """
    change = left.cell(NOTHING, f"{RIDGE}, forget")
    if not change or not left.cell(NOTHING, f"{LOGISTIC}, forget"):
        return Table.of({"holds": ([], "")})
    alone = left.cell(ALONE, f"{RIDGE}, forget") / change
    largest = left.cell(TOGETHER, f"{RIDGE}, largest")
    curves = {way: steps[f"{RIDGE}, {way}"] for way in (ORACLE, DATAMODEL, TUNING, ASCENT)}
    matched, bounded = curves[ORACLE][-1] * change, curves[DATAMODEL][-1]
    solved, number = steps[f"{LOGISTIC}, {NEWTON}"], steps["step"]
    reached = {way: first_step(curves[way] <= NEAR, number) for way in (ORACLE, TUNING)}
    nearest = int(np.nanargmin(curves[ASCENT]))
    after = np.arange(len(number)) > nearest
    went = first_step(after & ~(curves[ASCENT] <= 1), number)
    rows = {
        "The formula is what ridge regression gives when it is trained again": (
            largest <= EXACT,
            f"off by {largest:.0e} at most, of all images and classes",
        ),
        "Newton's steps bring logistic regression there": (
            solved[-1] <= SOLVED,
            "a millionth of the change or less is left "
            f"{since(staying(solved <= SOLVED, number), number[-1])}",
        ),
        "Adding up single images is better than doing nothing": (
            alone < 1,
            f"{percent(alone)} of the change is left",
        ),
        "A layer that is taught the exact scores becomes the retrained one": (
            matched <= MATCHED,
            f"scores of forgotten images are off by {matched:.0e} after {number[-1]:,.0f} steps; "
            f"taught the sums of single images, {percent(bounded)} of the change stays",
        ),
        "Matching is there before fine-tuning on what stays": (
            reached[ORACLE] < reached[TUNING],
            f"a tenth of the change or less is left first {at(reached[ORACLE], number[-1])}, by "
            f"fine-tuning {at(reached[TUNING], number[-1])}",
        ),
        "Ascent goes past the goal": (
            bool(np.isfinite(went)),
            f"nearest after {number[nearest]:.0f} steps, where "
            f"{percent(curves[ASCENT][nearest])} is left; farther away than at the beginning "
            f"{since(went, number[-1])}",
        ),
    }
    holds = [float(bool(verdict)) for verdict, _ in rows.values()]
    return Table.of({"holds": (holds, "")}, tuple(rows), [note for _, note in rows.values()])


def first_step(so: NDArray[np.bool_], number: NDArray[np.float64]) -> float:
    """The first step at which it is so; infinite where it never is."""
    result = np.flatnonzero(so)
    return float(number[result[0]]) if len(result) else float("inf")


def staying(so: NDArray[np.bool_], number: NDArray[np.float64]) -> float:
    """The first step from which on it is so; infinite where it is not so at the end."""
    return first_step(np.logical_and.accumulate(so[::-1])[::-1], number)


def percent(value: float) -> str:
    """A share with as many digits as count."""
    return f"{100 * value:.0f} %" if value >= 0.1 else f"{100 * value:.2g} %"


def at(step: float, last: float) -> str:
    """At which step, in words."""
    return f"at step {step:.0f}" if np.isfinite(step) else f"not within {last:,.0f} steps"


def since(step: float, last: float) -> str:
    """From which step on, in words."""
    return f"from step {step:.0f} on" if np.isfinite(step) else f"not within {last:,.0f} steps"
