"""What a trial of the eight explainers, and the paper's experiments, found: in sentences."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.attribution.lfa.neighborhoods import ROWS
from engine.attribution.lfa.shares import (
    CHANGES,
    descending_rows,
    fresh_shares,
    shares_of_change,
    trusted,
)
from engine.core.result import Table
from engine.vision.case import ImageCase

MEASURED: Mapping[str, str] = {  # the explainer that is no forecast of a change, but measures it
    "Parts taken away, one at a time": "Occlusion"
}
NEAR = 0.01  # of the weights; an error below it counts as found
NOTHING = "worse than predicting no change"


def share_text(value: float) -> str:
    """A share of the change in score in words."""
    if not np.isfinite(value):
        return "not known"
    if value <= 0:
        return NOTHING
    return "over 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def in_sentence(change: str) -> str:
    """A kind of change, as a key of CHANGES, amid a sentence."""
    return change[0].lower() + change[1:]


# ---------------------------------------------------------------- which explainer to trust


def advice(result: Mapping[str, Any], change: str) -> str:
    """Who predicts this change best at fresh samples, and who comes next.

    Args:
        result: an answer of `LFA`.
        change: a key of CHANGES.
    """
    predicted = fresh_shares(result)
    shares, what = shares_of_change(predicted, change), in_sentence(change)
    if not np.isfinite(shares).any():
        return f"Nothing moves the score here: {what} needs no explanation."
    order = descending_rows(shares)
    first, second = (ROWS[order[place]] for place in (0, 1))
    if trusted(predicted, change) is None:
        return (
            f"For {what}, trust none of the eight here: at fresh samples all are worse than "
            f"predicting no change. {first} comes nearest to that."
        )
    best, next_ = (share_text(float(shares[order[place]])) for place in (0, 1))
    return (
        f"For {what}, trust {first} here: it predicts {best} of the change in score, {second}, "
        f"the next, {next_}."
    )


def free_lunch(result: Mapping[str, Any]) -> str:
    """Whether one explainer wins everywhere, and what the winner of one change costs at another."""
    predicted = fresh_shares(result)
    best = {change: trusted(predicted, change) for change in CHANGES}
    winners = {change: row for change, row in best.items() if row is not None}
    lost = [in_sentence(change) for change in CHANGES if change not in winners]
    without = f" None is of use for {' or '.join(lost)}." if lost else ""
    names = {ROWS[row] for row in winners.values()}
    if not names:
        return "On this image none of the eight is of use for any of these changes."
    if len(names) == 1:
        kinds = "what can be predicted at all" if lost else "all kinds of change"
        return f"On this image {names.pop()} predicts {kinds} best.{without}"
    pairs = [
        (float(shares_of_change(predicted, away)[row]), ROWS[row], home, away)
        for home, row in winners.items()
        for away in winners
        if away != home
    ]
    least, name, home, away = min(pairs)
    comparison = (
        f"and predicts {share_text(least)} of {in_sentence(away)}"
        if least > 0
        else f"but for {in_sentence(away)} it is {share_text(least)}"
    )
    return (
        f"No free lunch: {len(winners)} kinds of change have {len(names)} different best "
        f"explainers here. {name} is best for {in_sentence(home)}, {comparison}.{without}"
    )


def best_measured(change: str) -> str:
    """Which explainer predicts a change by measuring it; "" where all of them forecast it."""
    if change not in MEASURED:
        return ""
    return (
        f"{MEASURED[change]} is this very measurement, so it is right by construction: what is "
        "worth reading is how near the others come."
    )


def best_at_home(losses: Table) -> str:
    """How many explainers lose least in their own neighborhood; `losses` is (8, 8)."""
    best = losses.values.argmin(0)
    return f"{int((best == np.arange(len(best))).sum())} of {len(best)} are best at home."


def nothing(case: ImageCase) -> str:
    """Which color stands for nothing, where parts are taken away or the image fades."""
    red, green, blue = (round(255 * value) for value in case.model.mean.flatten().tolist())
    if red == green == blue == 0:
        return "Taken away, or faded to nothing, means black: the zero of this model."
    return (
        "Taken away, or faded to nothing, is not black but the zero of this model, the color "
        f"({red}, {green}, {blue}) of 255."
    )


# ---------------------------------------------------------------- the paper's experiments


def recovered(errors: Table) -> str:
    """Which explainers return the weights of a linear model, and how far off the others are."""
    error = dict(zip(errors.rows, errors["error"].tolist(), strict=True))
    exact = [name for name, off in error.items() if off < NEAR]
    others = [f"{name} ({far(off)})" for name, off in error.items() if not off < NEAR]
    sentence = f"Who finds a linear model exactly: {', '.join(exact) or 'none'}."
    return f"{sentence} Not with so few samples: {', '.join(others)}." if others else sentence


def far(off: float) -> str:
    """How far off weights are, as a share of the true ones' sizes; NaN where these are nothing."""
    return f"{100 * off:.0f} % off" if np.isfinite(off) else "not known"


def settled(distances: Table) -> str:
    """How far each explainer is from its twin, with the fewest samples and with all of them."""
    first, last = distances.order[0], distances.order[-1]
    ends = [
        f"{name} {few:.2g} → {all_:.2g}"
        for name, few, all_ in zip(distances.rows, distances[first], distances[last], strict=True)
        if few >= NEAR
    ]
    return f"From {first} to {last}: {'; '.join(ends) or 'all exact'}."


def feature_effects(changes: Table, end: str) -> str:
    """Whose "strongest" features move the score most, or whose "weakest" least, on average."""
    means = changes.values.mean(1)
    place = int(np.argmax(means) if end == "strongest" else np.argmin(means))
    word = "most" if end == "strongest" else "least"
    return f"Moved {word} on average by those of {changes.rows[place]}: {means[place]:.3g}."
