"""Every recipe draws what it drew when the networks that ship were trained."""

from __future__ import annotations

import json

import pytest

from tests.engine.data.drawn import FILE, drawn


def test_every_recipe_draws_what_it_always_drew():
    stored, now = json.loads(FILE.read_text(encoding="utf-8")), drawn()
    assert stored.keys() == now.keys()
    for name, arrays in stored.items():
        assert arrays.keys() == now[name].keys(), name
        for array, values in arrays.items():
            tolerance = 1e-3 * (1 + values[1])
            assert now[name][array] == pytest.approx(values, rel=1e-4, abs=tolerance), (name, array)
