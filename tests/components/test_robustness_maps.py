"""What is counted below the heat maps of Robustness."""

from __future__ import annotations

import numpy as np

from components.robustness import maps
from engine.attribution.robustness.followed import NEW, SAME, TIMES
from engine.result import Table


def test_no_map_moved_with_an_answer_that_did_not_change(monkeypatch):
    monkeypatch.setattr(maps.verdict, "verdict_value", {"a": maps.GOOD, "b": "no"}.get)
    names = ("one", "two")
    views = dict(zip(names, "ab", strict=True))

    def found(same, new, after=1):
        values = np.array([same, new], np.float32).T
        predictions = np.array([[0], [after]], np.float32)
        return {
            "followed": Table.grid(values, names, (SAME, NEW), ("Spearman",) * 2),
            "said": Table.grid(predictions, TIMES, ("class",), ("number",)),
        }

    still = maps.pass_counts(found((0.2, np.nan), (0.2, np.nan), after=0), views)
    assert still == "The answer did not change: of 2 maps 1 carry the score."
    moved = maps.pass_counts(found((0.9, 0.9), (0.2, 0.8)), views)
    assert moved.startswith("Moved with the answer: 1 ")
    any_class = maps.pass_counts(found((0.2, 0.9), (0.2, 0.9)), views)  # maps that no class changes
    assert any_class.startswith("Moved with the answer: 1 ")


def test_a_model_with_fewer_maps_leaves_what_a_person_chose_and_the_usual_ones_otherwise():
    many, few = ["a", "b", "c", "d"], ["a", "b"]
    usual, less = ["a", "b", "c"], ["a", "b"]
    assert maps.chosen_of(usual, few, less, usual) == less
    assert maps.chosen_of(less, many, usual, less) == usual  # nobody chose: all three again
    assert maps.chosen_of(["a", "d"], few, less, usual) == ["a"]
    assert maps.chosen_of(["d"], few, less, usual) == less  # none of these is left
    assert maps.chosen_of([], few, less, usual) == []  # a person took all away
    assert maps.chosen_of(["a"], few, less, None) == ["a"]  # a link's
