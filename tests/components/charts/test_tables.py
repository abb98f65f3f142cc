"""Tables beside the charts: nothing unknown made up."""

import numpy as np

from components.charts import tables
from engine.result import Table


def test_a_table_has_units_and_dashes_and_no_name_twice():
    view = Table.grid(
        np.array([[0.5, 1, 0.25, -0.125], [np.nan] * 4], np.float32),
        ("same", "same"),
        ("p", "holds", "share", "difference"),
        ("probability", "yes or no", "share", "probability"),
    )
    frame = tables.framed(view)
    assert list(frame.columns) == ["p (probability)", "holds", "share", "difference (probability)"]
    assert list(frame.index) == ["same", "same (2)"]
    first, second = (
        [form(value) for form, value in zip(tables.formats(view), row, strict=True)]
        for row in view.values
    )
    assert first == ["0.500", "yes", "25 %", "−0.125"]
    assert second == ["–"] * 4


def test_a_unit_that_is_many_is_said_so():
    view = Table.grid(np.ones((1, 1), np.float32), ("it",), ("loss",), ("nat",))
    assert list(tables.framed(view).columns) == ["loss (nats)"]
