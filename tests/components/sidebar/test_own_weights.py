"""What a visitor called their weights and classes is for that visitor's eyes."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def choosing() -> None:
    """The sidebar of a visitor whose model and class names are files of their own."""
    import numpy as np
    import streamlit as st

    from components.sidebar import models, targets
    from engine.result import Scores
    from tests import tiny

    own = tiny.cnn()
    own.name, own.title = "file:123456", "Own weights 123456 (cnn)"
    own.labels = tuple(f"Secretum {index}" for index in range(4))
    st.session_state.setdefault("models.own", {own.name: own})
    st.session_state.setdefault("models.files", {own.name: "Patient Smith.pt"})
    if "model" not in st.session_state:
        st.session_state["model"] = own.name
    model = models.choose()
    assert model is not None
    values = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    target = targets.choose_target(Scores(values, model.labels, "probability"), model)
    st.text(f"{target.index} rather than {target.versus}")


def test_a_link_has_neither_the_name_of_a_file_nor_its_class_names():
    at = AppTest.from_function(choosing, default_timeout=300).run()
    assert not at.exception
    assert any("Patient Smith.pt" in each.value.replace("\\", "") for each in at.caption)
    at.selectbox(key="target").set_value("Secretum 2").run()
    at.selectbox(key="versus").set_value("Secretum 1").run()
    assert not at.exception
    assert at.text[0].value == "2 rather than 1"
    linked = {one.proto.query_param_key: one.proto.options for one in at.selectbox}
    assert any("Own weights 123456" in option for option in linked["model"])  # the browser's words
    assert "Smith" not in str(linked.pop("model"))
    assert not {"target", "versus"} & linked.keys()


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
