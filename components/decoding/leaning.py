"""Yes, no or another word: how each strategy shares out probability where its answer is decided."""

import numpy as np

from components.decoding.form import KEY, Compared
from components.draw import tables
from engine.core.charts.stacked import Stacked
from engine.core.result import Floats, Table
from engine.evaluation.language.beaf.differences import yes_and_no

CLOSE = 0.02  # yes and no so near each other are told with one digit more
REST = "another word"
CHART = Stacked(
    parts={"yes": "yes", "no": "no", REST: REST},
    rest=REST,
    written=True,
    span=(0, 100),
    title="% of all words",
)


def shares(comparison: Compared) -> Floats:
    """Of yes and of no, where each answer is decided, (answers, 2); NaN where it is not so."""
    pairs = [yes_and_no(decoded.answer) for decoded in comparison.spoken if comparison.case.decides]
    return np.array(pairs, np.float32).reshape(-1, 2)


def show(comparison: Compared) -> None:
    yes, no = shares(comparison).T
    columns = {
        "yes": (yes, "share"),
        "no": (no, "share"),
        REST: (np.maximum(1 - yes - no, 0), "share"),
    }
    leanings = "; ".join(
        f"{decoded.title}: {leaning_words(*pair)}"
        for decoded, pair in zip(comparison.spoken, shares(comparison).tolist(), strict=True)
    )
    finding = (
        f"{leanings}. The larger of the two decides. “{REST.capitalize()}” begins a longer answer."
    )
    tables.draw_chart(CHART, Table.of(columns, comparison.titles), finding, f"{KEY}.leaning")


def leaning_words(yes: float, no: float) -> str:
    if not np.isfinite(yes + no):
        return "neither yes nor no"
    digits = int(abs(yes - no) < CLOSE)
    return f"yes {100 * yes:.{digits}f} %, no {100 * no:.{digits}f} %"
