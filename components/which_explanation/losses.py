"""Which explainer predicts a kind of change best, and the two matrices of losses behind it."""

from __future__ import annotations

import numpy as np

from components.draw.bars import Dots
from components.draw.drawing import Drawing, Views
from components.draw.multiples import multiples
from components.which_explanation.form import CHANGES
from engine.attribution.lfa import ROWS
from engine.result import Floats, Table

WORST = -20.0  # %; shares below it are marked there
NAMES = tuple(  # so that eight fit beside and below a matrix
    {"Integrated gradients": "Integrated g.", "Gradient × input": "Gradient × in."}.get(name, name)
    for name in ROWS
)
LOSSES = {  # view: title, what is wrong by it
    "squared loss": ("How the score moves", "squared error of the predicted score"),
    "gradient loss": ("How the slopes point", "squared distance to the slopes"),
}
WITHHELD = (
    "No advice, because the image is not of the kind that this model learned from. What each "
    "explainer predicts of its score here is below."
)
MEASURED = {  # what is no forecast, by kind of change
    "Parts taken away, one at a time": (
        " Occlusion is this very measurement, so it is right by construction: what is worth "
        "reading is how near the others come."
    )
}
EDGE = f"What lies at the left edge is {WORST:.0f} % or less.".replace("-", "−")
NOTHING = "worse than predicting no change"


# ---------------------------------------------------------------- shares of the change


def fresh(found: Views) -> Floats:
    """What each explainer predicts at fresh samples, see `shares`."""
    return shares(found["fresh squared loss"], found["fresh no change"].values[0])


def shares(squared: Table, still: Floats) -> Floats:
    """Of how the score moves in each neighborhood, the share that each explainer predicts.

    1 is all of it, 0 no more than saying that nothing changes, below 0 worse than that; (8, 8).
    NaN where nothing moves.
    """
    base = np.where(still > 0, still, np.nan).astype(np.float64)
    found: Floats = (1 - squared.values / base).astype(np.float32)
    return found


def column(explained: Floats, change: str) -> Floats:
    """Every explainer's share for one kind of change, (8,)."""
    found: Floats = explained[:, ROWS.index(CHANGES[change])]
    return found


def trusted(explained: Floats, change: str) -> int | None:
    """The row that predicts this change best; None where none is better than saying nothing."""
    found = np.nan_to_num(column(explained, change), nan=-np.inf)
    return int(found.argmax()) if found.max() > 0 else None


def advice(explained: Floats, change: str) -> str:
    """Who predicts this change best here, who comes next, and who is worst."""
    found = column(explained, change)
    what = in_sentence(change)
    if not np.isfinite(found).any():
        return f"Nothing moves the score here: {what} needs no explanation."
    order = ordered(found)
    first, second, last = (ROWS[order[place]] for place in (0, 1, -1))
    if trusted(explained, change) is None:
        return (
            f"For {what}, trust none of the eight here: at fresh samples all are worse than "
            f"predicting no change. {first} comes nearest to that."
        )
    best, next_, worst = (share(float(found[order[place]])) for place in (0, 1, -1))
    return (
        f"For {what}, trust {first} here: it predicts {best} of the change in score. Next comes "
        f"{second} ({next_}); last is {last} ({worst})."
    )


def in_sentence(change: str) -> str:
    """A kind of change amid a sentence."""
    return change[0].lower() + change[1:]


def ordered(found: Floats) -> list[int]:
    """Rows from the largest share to the least, what is not known last."""
    order: list[int] = np.argsort(-np.nan_to_num(found, nan=-np.inf), kind="stable").tolist()
    return order


def share(value: float) -> str:
    """A share of one as a person would say it."""
    if not np.isfinite(value):
        return "not known"
    if value <= 0:
        return NOTHING
    return "over 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def ranked(found: Views, change: str) -> Table:
    """The explainers from best to worst for one kind of change, (8, fresh and own samples)."""
    predicted = column(fresh(found), change)
    fitted = column(shares(found["squared loss"], found["no change"].values[0]), change)
    order = ordered(predicted)
    names = ("predicted", "at its own samples")
    rows = tuple(ROWS[place] for place in order)
    return Table.grid(np.stack([predicted, fitted], 1)[order], rows, names, ("share", "share"))


def free_lunch(explained: Floats) -> str:
    """Whether one explainer wins everywhere, and what the winner of one change costs at another."""
    best = {change: trusted(explained, change) for change in CHANGES}
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
        (float(column(explained, away)[row]), ROWS[row], home, away)
        for home, row in winners.items()
        for away in winners
        if away != home
    ]
    least, name, home, away = min(pairs)
    told = (
        f"and predicts {share(least)} of {in_sentence(away)}"
        if least > 0
        else f"but for {in_sentence(away)} it is {share(least)}"
    )
    return (
        f"No free lunch: {len(winners)} kinds of change have {len(names)} different best "
        f"explainers here. {name} is best for {in_sentence(home)}, {told}.{without}"
    )


def shares_drawing(change: str, *, withheld: bool) -> Drawing:
    """Every explainer's share of one kind of change."""

    def finding(found: Views) -> str:
        lunch = "" if withheld else f"{free_lunch(fresh(found))}{MEASURED.get(change, '')} "
        return f"{lunch}Fresh samples are those to which no map was fitted. {EDGE}"

    chart = Dots(
        series={"predicted": "at fresh samples", "at its own samples": "at its own samples"},
        title="of the change in score, predicted (%)", span=(WORST, 105), line=0.0,
        line_name="no change predicted",
    )  # fmt: skip
    return Drawing(
        "fresh squared loss", f"Who predicts {in_sentence(change)}", chart,
        finding, made=lambda found: ranked(found, change),
    )  # fmt: skip


# ---------------------------------------------------------------- matrices


def matrix_drawing(name: str) -> Drawing:
    """One of the two matrices."""
    title, about = LOSSES[name]
    row = list(LOSSES).index(name)
    return Drawing(
        name, f"{title}: {about}",
        lambda found: multiples(
            found[name], found["no change"].values[row], "predicting no change", names=NAMES,
            columns=NAMES, x_title="tried where … looks",
        ),
        lambda found: matrix_finding(found[name]),
    )  # fmt: skip


def matrix_finding(view: Table) -> str:
    """How many are best at home, and how the matrix is read."""
    best = view.values.argmin(0)
    own = sum(place == row for place, row in enumerate(best.tolist()))
    return (
        f"{own} of {len(best)} are best at home (★: best of its column). A row is an explainer, a "
        f"column the place where it is tried, the number its loss there in {view.units[0]}. Blue "
        "is better than predicting no change, orange worse; colors are by powers of ten."
    )
