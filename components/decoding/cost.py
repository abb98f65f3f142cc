"""What each strategy costs, beside greedy decoding."""

import numpy as np
import streamlit as st

from components.decoding.form import KEY, Compared
from components.draw import tables
from engine.core.charts.panels import Panels
from engine.core.result import Floats, Table
from engine.core.run import Answer
from engine.evaluation.language.strategy import COSTS

FINDING = (
    "Dashed: greedy decoding of the same question. A forward pass may read several tokens at "
    "once; a token looks at every place of the memory that each layer holds: thinning it out "
    "saves places, not passes. A longer answer costs more by itself."
)


def show(comparison: Compared) -> None:
    table = costs(comparison)
    shape = Panels(
        panels={f"{name}, × greedy": name.capitalize() for name in COSTS},
        title="× greedy",
        lines={f"{name}, × greedy": 1 for name in COSTS},
        texts={
            f"{name}, × greedy": [f"{times:.3g} ×" for times in table[f"{name}, × greedy"]]
            for name in COSTS
        },
    )
    tables.draw_chart(shape, table, FINDING, f"{KEY}.cost")
    st.caption("Seconds are those of this computer when the answer was made.")


def costs(comparison: Compared) -> Table:
    spent = np.stack([cost_of(decoded.answer) for decoded in comparison.spoken]).T
    times = spent / cost_of(comparison.greedy)[:, None]
    seconds = [decoded.answer.record["seconds"] for decoded in comparison.spoken]
    return Table.of(
        {name: (amounts, "") for name, amounts in zip(COSTS, spent, strict=True)}
        | {f"{name}, × greedy": (time, "×") for name, time in zip(COSTS, times, strict=True)}
        | {"seconds": (seconds, "s")},
        comparison.titles,
    )


def cost_of(answer: Answer) -> Floats:
    """Forward passes, tokens read, places looked at, (3,)."""
    amounts = dict(zip(answer["cost"].labels, answer["cost"].values.tolist(), strict=True))
    return np.array([amounts[name] for name in COSTS], np.float32)
