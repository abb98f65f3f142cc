"""Fakes keep the form of an answer and nothing of what it says."""

import numpy as np
import pytest

from engine.attribution import Gradient
from engine.core.result import HeatMap, Table
from engine.unlearning import SAUCE
from tests import tiny
from tests.fake_gate.__main__ import keep
from tests.fake_gate.fakes import FAKES, faked, put_in

VIEWS = {
    "map": HeatMap(np.linspace(-1, 3, 64, dtype=np.float32).reshape(8, 8), "logit", signed=True),
    "rows": Table.of({"id": (np.arange(9), ""), "right": (np.arange(9) > 3, "")}, rows="abcdefghi"),
}


@pytest.mark.parametrize("name", FAKES)
def test_shapes_kinds_and_facts_stay_and_numbers_go(name):
    result = faked(VIEWS, FAKES[name])
    for view, fake_view in result.items():
        assert type(fake_view) is type(VIEWS[view])
        assert fake_view.facts() == VIEWS[view].facts()
        for field, array in VIEWS[view].arrays().items():
            assert fake_view.arrays()[field].shape == array.shape
            assert fake_view.arrays()[field].dtype == array.dtype
    assert not np.array_equal(result["map"].values, VIEWS["map"].values)


def test_random_numbers_lie_between_the_ends_and_are_the_same_in_every_process():
    first, second = (faked(VIEWS, FAKES["random"])["map"].values for _ in range(2))
    assert np.array_equal(first, second)
    assert -1 <= first.min() < first.max() <= 3
    assert abs(np.corrcoef(first.ravel(), VIEWS["map"].values.ravel())[0, 1]) < 0.5


def test_a_method_answers_fakes_until_they_are_taken_out():
    case = tiny.linear_case()
    plain = Gradient()(case)["map"].values
    with pytest.MonkeyPatch.context() as patch:
        uses = put_in(patch, Gradient, FAKES["random"])
        assert not np.allclose(Gradient()(case)["map"].values, plain)
        assert len(uses) == 1
    assert np.array_equal(Gradient()(case)["map"].values, plain)


def test_what_another_method_has_a_part_in_is_not_kept_for_all_forks(tmp_path):
    with pytest.raises(RuntimeError, match=r"Dictionary has a part in what is kept"):
        keep(SAUCE(steps=100), tiny.case_for(SAUCE), tmp_path)  # whose dictionary does not ship
    assert not list((tmp_path / "answers").glob("*.json"))
