"""What is counted below the heat maps of Robustness."""

from __future__ import annotations

import numpy as np

from components.robustness import maps
from engine.attribution.robustness.followed import NEW, SAME
from engine.result import Table


def test_no_map_moved_with_an_answer_that_did_not_change(monkeypatch):
    monkeypatch.setattr(maps.verdict, "verdict", {"a": maps.GOOD, "b": "no"}.get)
    names = ("one", "two")
    views = dict(zip(names, "ab", strict=True))

    def table(same, new):
        return Table.grid(
            np.array([same, new], np.float32).T, names, (SAME, NEW), ("Spearman",) * 2
        )

    still = maps.both(table((0.2, np.nan), (0.2, np.nan)), views)
    assert still == "The answer did not change: of 2 maps 1 carry its score."
    assert maps.both(table((0.9, 0.9), (0.2, 0.8)), views).startswith("Moved with the answer: 1 ")
