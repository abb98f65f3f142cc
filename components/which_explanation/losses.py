"""Drawings of which explainer predicts a change, and of the two matrices of losses behind it."""

from components.draw.multiples import multiples
from engine.attribution.lfa import ROWS, findings
from engine.attribution.lfa.shares import ranked
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Table

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
EDGE = f"What lies at the left edge is {WORST:.0f} % or less.".replace("-", "−")


def shares_drawing(change: str, *, withheld: bool) -> Drawing:
    def finding(result: Views) -> str:
        advised = [] if withheld else [findings.free_lunch(result), findings.best_measured(change)]
        reading = f"Fresh samples are those to which no map was fitted. {EDGE}"
        return " ".join([*filter(None, advised), reading])

    chart = Dots(
        series={"predicted": "at fresh samples", "at its own samples": "at its own samples"},
        title="of the change in score, predicted (%)",
        span=(WORST, 105),
        line=0.0,
        line_name="no change predicted",
    )
    return Drawing(
        "fresh squared loss",
        f"Who predicts {findings.in_sentence(change)}",
        chart,
        finding,
        made=lambda result: ranked(result, change),
    )


def matrix_drawing(name: str) -> Drawing:
    title, about = LOSSES[name]
    row = list(LOSSES).index(name)
    return Drawing(
        name,
        f"{title}: {about}",
        lambda result: multiples(
            result[name],
            result["no change"].values[row],
            "predicting no change",
            names=NAMES,
            columns=NAMES,
            x_title="tried where … looks",
        ),
        lambda result: matrix_finding(result[name]),
    )


def matrix_finding(view: Table) -> str:
    return (
        f"{findings.best_at_home(view)} ★ is the best of its column. A row is an explainer, a "
        f"column the place where it is tried, the number its loss there in {view.units[0]}. Blue "
        "is better than predicting no change, orange worse; colors are by powers of ten."
    )
