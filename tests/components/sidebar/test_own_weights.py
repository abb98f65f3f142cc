"""What a visitor called their weights and classes is for that visitor's eyes."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests import tiny
from tests.visits import visit

SECRET = tuple(f"Secretum {index}" for index in range(4))


@pytest.fixture
def own():
    """Weights of one's own with class names of one's own."""
    model = tiny.cnn()
    model.name, model.title, model.labels = "file:123456", "Own weights 123456 (cnn)", SECRET
    return model


def test_a_link_has_neither_the_name_of_a_file_nor_its_class_names(own):
    at = visit()
    at.session_state["models.own"] = {own.name: own}
    at.session_state["models.files"] = {own.name: "Patient Smith.pt"}
    at.session_state["model"] = own.name
    at.run()
    assert any("Patient Smith.pt" in each.value.replace("\\", "") for each in at.sidebar.caption)
    at.selectbox(key="target").set_value(SECRET[2]).run()
    at.selectbox(key="versus").set_value(SECRET[1]).run()
    assert at.selectbox(key="target").value == SECRET[2]
    assert not at.exception
    link = str(dict(at.query_params))
    assert "Own weights" in link
    assert "Smith" not in link
    assert "Secretum" not in link


def listed() -> None:
    """The jobs of two visitors, one running and one over for each."""
    from datetime import UTC, datetime
    from types import SimpleNamespace

    from components import jobs, runs
    from engine.lane import Job, Past

    me = runs.visit().visitor
    for visitor in (me, "ann"):
        title = f"Grad-CAM · Secretum of {visitor}"
        job = Job(visitor, lambda _: None, "wait", {visitor}, 0, title, "Grad-CAM")
        job.words = f"step 3: Secretum of {visitor}"
        lane = SimpleNamespace(place=lambda _: 0, device="cpu")
        jobs.running(lane, job)
        why = f"Secretum of {visitor} is the same everywhere."
        over = Past("x", title, "Grad-CAM", frozenset({visitor}), "failed", why, 2.0,
                    datetime.now(UTC))  # fmt: skip
        jobs.over([over])


def test_the_list_of_jobs_shows_another_visitor_s_with_the_method_alone():
    at = AppTest.from_function(listed).run()
    assert not at.exception
    drawn = [*at.caption, *at.markdown, *at.get("progress")]
    text = "\n".join(str(getattr(each, "value", "")) + str(each.proto) for each in drawn)
    assert "Secretum of ann" not in text
    assert "another visitor" in text
    assert text.count("Secretum of") >= 3
