"""Agreement of maps by hand-made pairs."""

import numpy as np
import pytest

from engine.core.errors import BlindspotError
from engine.evaluation.measures.agreement import AGREEMENTS, cosine, matrix, sign_agreement
from engine.evaluation.measures.drift import TOP


def drawn(seed=0, side=30):
    return np.random.default_rng(seed).normal(size=(side, side)).astype(np.float32)


def test_a_map_agrees_fully_with_itself_at_any_scale_and_in_sizes_with_its_opposite():
    heat_map = drawn()
    for measure in AGREEMENTS.values():
        for scale in (3, 1e-4):
            assert measure(heat_map, scale * heat_map) == pytest.approx(1)
    assert cosine(heat_map, -heat_map) == pytest.approx(-1)
    assert sign_agreement(heat_map, -heat_map) == 0
    assert AGREEMENTS["order"](heat_map, -heat_map) == pytest.approx(1)
    assert AGREEMENTS["strongest"](heat_map, -heat_map) == 1


def test_unrelated_maps_agree_as_often_as_chance_has_it():
    pairs = [(drawn(seed), drawn(1000 + seed)) for seed in range(40)]
    assert np.mean([cosine(*pair) for pair in pairs]) == pytest.approx(0, abs=0.02)
    assert np.mean([sign_agreement(*pair) for pair in pairs]) == pytest.approx(0.5, abs=0.03)


def test_the_cosine_is_the_angle_between_two_maps():
    heat_map, other = np.array([[3.0, 0.0]], np.float32), np.array([[1.0, 1.0]], np.float32)
    assert cosine(heat_map, other) == pytest.approx(np.cos(np.pi / 4))


def test_signs_are_counted_where_the_first_map_is_strongest():
    heat_map, other = np.zeros((2, 10)), np.arange(1.0, 21).reshape(2, 10)
    heat_map[0, :2] = 5, -4  # a tenth of twenty
    assert TOP * heat_map.size == 2
    assert sign_agreement(heat_map, other) == 0.5
    assert sign_agreement(heat_map, other * -1) == 0.5


def test_maps_of_zeros_or_of_one_size_agree_with_nothing():
    zeros, flat = np.zeros((4, 4), np.float32), np.full((4, 4), -2.0, np.float32)
    other = drawn(side=4)
    assert np.isnan(cosine(zeros, other))
    assert np.isnan(sign_agreement(flat, other))
    assert np.isnan(sign_agreement(other, flat))
    assert np.isnan(AGREEMENTS["order"](flat, other))
    with pytest.raises(BlindspotError, match="cannot be compared"):
        cosine(other, drawn())


def test_maps_of_two_shapes_make_no_matrix_however_many_pixels_they_have():
    maps = [("wide", drawn(side=4).reshape(2, 8)), ("square", drawn(side=4))]
    for by in AGREEMENTS:
        with pytest.raises(BlindspotError, match="cannot be compared"):
            matrix(maps, by)


def test_the_matrix_holds_every_pair_in_the_order_given():
    maps = [(name, drawn(seed)) for seed, name in enumerate("abc")]
    result = matrix(maps, "cosine")
    assert result.rows == result.order == ("a", "b", "c")
    assert result.values == pytest.approx(result.values.T)
    assert result.values[0, 2] == pytest.approx(cosine(maps[0][1], maps[2][1]))
    assert np.diag(result.values) == pytest.approx(np.ones(3))
    assert result.units == ("cosine",) * 3
    assert matrix(maps[:1]).values == pytest.approx(np.ones((1, 1)))
