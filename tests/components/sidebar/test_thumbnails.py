"""A phantom and a scene stand beside the photographs, and are chosen like them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from components.sidebar import examples
from components.sidebar.pictures import FROM_DATA
from components.sidebar.thumbnails import SHIPPED, answer_by, of_picture, shipped_now, take_example
from engine.data.example import example
from engine.models.catalog import DEFAULT

SCENE = SHIPPED[1]


@pytest.fixture
def held(monkeypatch):
    """The session's state."""
    state: dict[str, object] = {}
    monkeypatch.setattr("streamlit.session_state", state)
    monkeypatch.setattr("streamlit.query_params", {})
    return state


@pytest.mark.parametrize("one", SHIPPED, ids=lambda shipped_example: shipped_example.title)
def test_the_small_picture_that_comes_along_is_the_image_s(one):
    """Where it is not: `Image.fromarray(of_picture(one.picture())).save(one.path)`."""
    drawn, thumbnail = (
        np.asarray(picture, int) for picture in (Image.open(one.path), of_picture(one.picture()))
    )
    assert np.abs(drawn - thumbnail).max() <= 1


def test_it_is_found_by_the_number_that_the_list_of_its_data_set_gives_it(held):
    take_example(SCENE)
    assert (held["image"], held["data"]) == (FROM_DATA, "scenes:count=100")
    rows = examples.with_finding_first(
        data := example("scenes:count=100/18").data, data.rows("test")
    )
    assert data.ids[rows[held["item"] - 1]] == SCENE.id
    assert shipped_now() == SCENE
    held["item"] += 1  # by hand
    assert shipped_now() is None


def test_a_model_that_a_person_chose_stays(held):
    answer_by("phantom-cnn")
    assert held["model"] == "phantom-cnn"
    answer_by(DEFAULT)
    assert held["model"] == DEFAULT
    held["model"] = "digits-mlp"
    answer_by("phantom-cnn")
    assert held["model"] == "digits-mlp"
