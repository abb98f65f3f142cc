"""The closed form on the page: its charts and sentences are the engine's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.forget import closed_form
from components.forget.asked import ForgetQuestion, MethodDetail
from engine.result import Table
from engine.run import answer
from engine.unlearning import ClosedForm, FineTune, NoOp, Scoreboard
from engine.unlearning.oracles.closed_claims import ALONE, ASCENT, ORACLE, TOGETHER, TUNING, percent
from engine.unlearning.oracles.closed_form import AWAY, PIXELS, remains
from engine.unlearning.oracles.heads import HEADS, RIDGE
from tests import tiny
from tests.visits import problems, settled

METHOD = ClosedForm(features=PIXELS, steps=50)


@pytest.fixture(scope="module")
def closer():
    case, ways = tiny.forget_case(), (NoOp(), FineTune(epochs=1))
    question = ForgetQuestion(case, ways, Scoreboard())
    return MethodDetail(question, ways[1], Table.of({"seconds": ([1.0], "s")}, ("FT",)))


@pytest.fixture(scope="module")
def found(closer):
    return answer(METHOD, closer.asked.case)


@pytest.mark.parametrize("kind", HEADS)
def test_each_forgotten_image_has_a_point_for_each_formula(kind, closer, found):
    table, images = closed_form.formula_pairs(kind, found), found["images"]
    in_group = images["group"] == 0
    for number, formula in enumerate(("together", "alone")):
        part = table["formula"] == number
        assert set(table["id"][part]) == set(closer.asked.case.request.ids)
        np.testing.assert_array_equal(
            table["predicted"][part], images[f"{kind} {formula}"][in_group]
        )
        np.testing.assert_array_equal(table["true"][part], images[f"{kind} true"][in_group])
    figure = closed_form.scatter(kind, found).figure(table)
    named = [trace.name for trace in figure.data]
    assert named == [closed_form.FORMULAS[kind], closed_form.SUMMED, "as predicted"]
    summed = percent(remains(found["left"], kind, ALONE))
    words = closed_form.changes_finding(kind, found)
    assert words.endswith(f"summing single images {summed}.")
    left = "nothing" if kind == RIDGE else percent(remains(found["left"], kind, TOGETHER))
    assert f"leaves {left} of the change" in words


@pytest.mark.parametrize("kind", HEADS)
def test_curves_are_the_engine_s_and_end_where_their_scale_does(kind, found):
    table, steps = closed_form.by_step(kind, found), found["steps"]
    for way in closed_form.SERIES:
        step = steps[f"{kind}, {way}"]
        indices = np.flatnonzero(step < AWAY)
        expected = np.maximum(step[indices], closed_form.LOWEST)
        np.testing.assert_array_equal(table[way][indices], expected)
        assert (table[way] == AWAY).sum() == (len(indices) < len(step))
        assert np.isfinite(table[way]).sum() == min(len(indices) + 1, len(step))
    assert len(np.flatnonzero(steps[f"ridge, {ASCENT}"] == AWAY)) > 1
    figure = closed_form.curves(kind, found).figure(table)
    assert [trace.name for trace in figure.data] == list(closed_form.SERIES.values())
    words = closed_form.steps_finding(kind, found)
    assert words.startswith("Left after 50 steps: ")
    for way in (ORACLE, TUNING):
        assert percent(float(steps[f"{kind}, {way}"][-1])) in words


def page() -> None:
    """What AppTest runs."""
    import streamlit as st

    from components import section
    from components.forget.closed_form import closed_form

    for row in closed_form(st.session_state["closer"]):
        section.show(row[0])


def test_the_part_begins_by_itself_and_says_what_layers_cannot_forget(closer, found):
    at = AppTest.from_function(page, default_timeout=120)
    at.session_state["closer"] = closer
    at.query_params.update({"forget.ClosedForm.steps": "50", "forget.ClosedForm.features": PIXELS})
    settled(at.run())
    assert not problems(at)
    assert at.header[0].value.replace("\\", "") == METHOD.finding(closer.asked.case, found)
    text = " ".join(block.value for block in at.markdown).replace("\\", "")
    for row, note in zip(found["claims"].rows, found["claims"].notes, strict=True):
        assert f"**{row}**: {note}." in text
    holds = int(found["claims"]["holds"].sum())
    assert text.count("- ✓") == holds
    assert text.count("- ✗") == len(found["claims"]) - holds
    captions = " ".join(caption.value for caption in at.caption)
    assert "Only this layer forgets" not in captions
    at.selectbox(key="forget.ClosedForm.features").select("last layer").run()
    settled(at)
    assert "Only this layer forgets" in " ".join(caption.value for caption in at.caption)
