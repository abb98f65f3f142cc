"""Shapes of a layer's output: what is a map, what is a row of tokens, where its channels stand."""

from __future__ import annotations

import pytest

from engine.models.layers import Layer


@pytest.mark.parametrize(
    ("shape", "last", "cells"),
    [
        ((8, 4, 4), False, (4, 4)),
        ((4, 4, 8), True, (4, 4)),
        ((8, 4, 5), False, (4, 5)),
        ((4, 4, 4), False, (4, 4)),
        ((8, 1, 1), False, (1, 1)),
        ((10,), False, (0, 0)),
        ((17, 32), False, (0, 0)),
    ],
)
def test_channels_stand_last_where_two_equal_sides_come_first(shape, last, cells):
    layer = Layer("", shape)
    assert (layer.channels_last, layer.cells) == (last, cells)
    assert layer.is_map == (min(cells) > 1)


@pytest.mark.parametrize(
    ("shape", "tokens"), [((17, 1), True), ((1, 17), False), ((17,), False), ((2, 2, 2), False)]
)
def test_a_row_of_more_than_one_place_is_of_tokens(shape, tokens):
    assert Layer("", shape).is_tokens == tokens


def test_tokens_with_a_grid_are_a_map():
    layer = Layer("", (17, 32), (4, 4))
    assert (layer.cells, layer.is_map) == ((4, 4), True)
