"""Models, scores of weights and small maps are drawn by kind, with their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.colors import DIVERGING_LIGHT, SEQUENTIAL
from components.draw import grids
from components.draw.weight_scores import highest, spread_of
from engine.result import Grids, WeightScores

SCORES = WeightScores(
    {"stem": np.linspace(-1, 1, 101, dtype=np.float32), "head": np.full((2, 5), 3, np.float32)},
    "",
    "none",
)


def test_the_spread_of_scores_is_that_of_their_sizes_layer_by_layer():
    table = spread_of(SCORES)
    assert table.rows == ("stem", "head")
    assert table["median"] == pytest.approx([0.5, 3], abs=0.01)
    assert table["lowest tenth"] == pytest.approx([0.1, 3], abs=0.02)
    assert table["weights"].tolist() == [101, 10]
    assert highest(table).startswith("The weights of head have the largest scores (median 3)")


@pytest.mark.parametrize(("low", "ramp"), [(0.0, SEQUENTIAL), (-4.0, DIVERGING_LIGHT)])
def test_small_maps_share_one_scale(low, ramp):
    values = np.array([[[[low, 0], [2, 4]]], [[[0, 0], [0, 4]]]], np.float32)
    drawn = grids.as_pictures(Grids(values, "%"))
    assert drawn.images.shape[:2] == (2, 1)
    assert (
        tuple(drawn.images[0, 0, -1, -1]) == tuple(drawn.images[1, 0, -1, -1]) == tuple(ramp[255])
    )
    assert tuple(drawn.images[0, 0, 0, 0]) == tuple(ramp[0])
    assert "to 4 %" in drawn.finding


def page() -> None:
    """A page with a model that was made and one that is as it was."""
    import streamlit as st

    from components.draw.drawing import Drawing, draw
    from engine.data import load
    from engine.models import catalog
    from engine.sparsity import Prune, PruneCase

    case = PruneCase(catalog.load("digits-cnn"), load("digits"))
    draw(Drawing("model"), Prune(ratio=st.session_state.get("ratio", 0.5))(case), "here")


def test_a_model_is_kept_by_a_button_then_taken_along(monkeypatch, tmp_path):
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    at = AppTest.from_function(page, default_timeout=60).run()
    assert not at.exception
    at.button(key="here.keep").click().run()
    assert not at.exception
    assert "Kept as a model" in at.success[0].value
    assert at.button[0].label == "Take it to Heatmaps"
    at.session_state["ratio"] = 0.0
    at.run()
    assert at.info[0].value.startswith("Nothing was changed")
    assert not at.button
