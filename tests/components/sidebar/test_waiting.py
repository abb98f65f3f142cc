"""Small pictures to choose from, and why a page has no subject yet."""

from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from components import runs
from components.runs import Pending, Problem
from components.sidebar import examples, subject
from components.sidebar.pictures import FROM_DATA, YOURS
from components.sidebar.thumbnails import SHIPPED, answer_by, of_picture, shipped_now, take_example
from engine.core.device import best_device
from engine.core.lane import lane
from engine.vision.data.example import example
from engine.vision.models.catalog import DEFAULT
from tests.components.pages import page_of
from tests.components.sidebar.test_subject import upload
from tests.pages.test_start import new_picture
from tests.visits import problems, settled, visit

STATES = {
    "pending": Pending("s", "Prediction", None, None, "cpu"),
    "problem": Problem("s", "Prediction", "It failed."),
    "none": None,
}


@pytest.mark.parametrize(
    ("state", "own", "before", "says"),
    [
        ("pending", True, 1, "Your image is being read: 1 question goes first."),
        ("pending", True, 3, "Your image is being read: 3 questions go first."),
        ("pending", True, 0, "Your image is being read."),
        ("pending", False, 2, "The image is being read: 2 questions go first."),
        ("problem", True, 0, "The model gave no answer about this image; the sidebar says why."),
        ("none", True, 0, "Choose an image and a model in the sidebar; this page then shows its"),
    ],
)
def test_a_page_without_a_subject_says_why(state, own, before, says, monkeypatch):
    monkeypatch.setattr(runs, "lane", lambda _: SimpleNamespace(place=lambda _: before))
    at = page_of(subject.why_none, STATES[state], image=YOURS if own else "A cat (Chelsea)")
    (info,) = at.info
    assert info.value.startswith(says)


def test_an_upload_behind_another_question_says_so_instead_of_asking_for_an_image(monkeypatch):
    monkeypatch.setattr(runs, "LIVE_SECONDS", 0.0)
    monkeypatch.setattr(runs.ask, "__defaults__", (0.0,))
    queue, go, begun = lane(str(best_device())), Event(), Event()

    def busy(progress):
        begun.set()
        while not go.wait(0.01):
            progress(0.5)

    at = visit()
    job = queue.submit("busy", busy, "live", "another")
    try:
        assert begun.wait(20)
        upload(at, "new.png", new_picture())
        assert "Your image is being read: 1 question goes first." in problems(at)
        assert not any("Choose an image" in words for words in problems(at))
    finally:
        go.set()
        job.wait(20)
    assert not any("being read" in words for words in problems(settled(at)))


SCENE = SHIPPED[1]


@pytest.fixture
def session_state(monkeypatch):
    state: dict[str, object] = {}
    monkeypatch.setattr("streamlit.session_state", state)
    monkeypatch.setattr("streamlit.query_params", {})
    return state


@pytest.mark.parametrize("one", SHIPPED, ids=lambda shipped_example: shipped_example.title)
def test_the_small_picture_that_comes_along_is_the_image_s(one):
    """Where it is not: `Image.fromarray(of_picture(one.picture())).save(one.path)`."""
    drawn, thumbnail = Image.open(one.path), of_picture(one.picture())
    assert np.abs(np.asarray(drawn, int) - np.asarray(thumbnail, int)).max() <= 1


def test_it_is_found_by_the_number_that_the_list_of_its_data_set_gives_it(session_state):
    take_example(SCENE)
    assert (session_state["image"], session_state["data"]) == (FROM_DATA, "scenes:count=100")
    data = example("scenes:count=100/18").data
    rows = examples.with_finding_first(data, data.rows("test"))
    assert data.ids[rows[session_state["item"] - 1]] == SCENE.id
    assert shipped_now() == SCENE
    session_state["item"] += 1  # by hand
    assert shipped_now() is None


def test_a_model_that_a_person_chose_stays(session_state):
    answer_by("phantom-cnn")
    assert session_state["model"] == "phantom-cnn"
    answer_by(DEFAULT)
    assert session_state["model"] == DEFAULT
    session_state["model"] = "digits-mlp"
    answer_by("phantom-cnn")
    assert session_state["model"] == "digits-mlp"
