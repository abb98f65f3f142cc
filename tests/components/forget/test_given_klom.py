"""KLoM of opened models on the page: it waits for its button, and curves are the engine's."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from components.forget import klom
from components.forget.asked import ForgetQuestion, MethodDetail
from engine.result import Table
from engine.run import answer
from engine.unlearning import KLoM, NoOp, Scoreboard
from tests.engine.unlearning.test_given_groups import case_and_groups, of
from tests.visits import problems, settled


def page() -> None:
    """What AppTest runs."""
    import streamlit as st

    from components.forget import given_klom

    closer = st.session_state["closer"]
    given_klom.show(closer, closer.given)


def test_curves_wait_for_the_button_and_a_form_that_needs_more_is_told():
    groups = of(*case_and_groups())
    question = ForgetQuestion(groups.case, (), Scoreboard())
    at = AppTest.from_function(page, default_timeout=120)
    at.session_state["closer"] = MethodDetail(
        question, NoOp(), Table.of({}), key="judge", given=groups
    )
    at.query_params["judge.KLoM.images"] = "10"
    at.run()
    captions = " ".join(caption.value for caption in at.caption)
    assert "20 original, 20 unlearned and 40 retrained models are asked" in captions
    at = settled(at.button(key="judge.KLoM.go").click().run())
    assert not at.exception
    assert not problems(at)
    method = KLoM(models=100, images=10)
    result = answer(method, groups)
    assert result.kept
    assert at.header[0].value.replace("\\", "") == method.finding(groups, result)
    captions = " ".join(caption.value for caption in at.caption).replace("\\", "")
    for group in klom.TITLES:
        assert klom.curve_finding(group, "Unlearned", result) in captions
    forgotten = klom.of_group(result["points"], "forget")
    farthest = int(forgotten["id"][forgotten["unlearned"].argmax()])
    assert at.selectbox(key=klom.CHOSEN).value == farthest
    at.selectbox(key="judge.KLoM.form").set_value("20 bins").run()
    (few,) = problems(at)
    assert "at least 100 original, 100 unlearned and 200 retrained models" in few
