"""KLoM on the page: curves, one image's models and prices are the engine's numbers."""

from __future__ import annotations

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from components.forget import klom
from components.forget.asked import ForgetQuestion, MethodDetail
from components.forget.words import row_label
from engine.result import Table
from engine.run import answer
from engine.unlearning import AfterCase, DMDirect, FineTune, KLoM, NoOp, Retrain, Scoreboard
from engine.unlearning.oracles.direct import GROUPS
from tests import tiny
from tests.visits import problems, settled

METHOD = KLoM(images=10)


@pytest.fixture(scope="module")
def closer():
    case, ways = tiny.forget_case(), (NoOp(), FineTune(epochs=1))
    question = ForgetQuestion(case, ways, Scoreboard())
    return MethodDetail(question, ways[1], Table.of({"seconds": ([1.0], "s")}, ("FT",)))


@pytest.fixture(scope="module")
def found(closer):
    return answer(METHOD, closer.case)


@pytest.mark.parametrize("group", GROUPS)
def test_a_curve_has_each_sample_in_its_own_order(group, found):
    table, points = klom.quantiles(group, found), found["points"]
    in_group = points["group"] == GROUPS.index(group)
    for name in klom.SERIES:
        expected = np.quantile(points[name][in_group], (0, 1))
        np.testing.assert_allclose(table[name][[0, -1]], np.maximum(expected, klom.LOWEST))
        assert (np.diff(table[name]) >= 0).all()
    assert found["summary"].cell(group, "unlearned, median") > 0


def test_a_mark_that_is_clicked_is_its_image(closer, found, monkeypatch):
    points, state = found["points"], {}
    retained, drawn = klom.of_group(points, "retain"), klom.quantiles("retain", found)
    monkeypatch.setattr(st, "session_state", state)
    for curve, name in enumerate(klom.SERIES):
        for at, x in enumerate(klom.QUANTILES.tolist()):
            mark = {"x": x, "y": float(drawn[name][at])}
            klom.press("retain", points, picked(mark | {"curve_number": curve}, at))
            opened = retained[name][retained["id"] == state[klom.CHOSEN]]
            assert np.maximum(opened, klom.LOWEST) == pytest.approx(mark["y"])
    was = dict(state)
    klom.press("retain", points, picked({}, -1))
    assert state == was


def picked(mark, at):
    """What Streamlit makes of a click in a browser; of one on the chosen mark, nothing is left."""
    points = [mark | {"point_number": at, "point_index": at}] if mark else []
    indices = [at] if mark else []
    return {"selection": {"points": points, "point_indices": indices, "box": [], "lasso": []}}


def test_the_histograms_count_every_model_of_the_image_once(found):
    for at in (0, 7):
        table = klom.margin_histogram(found["margins"], at)
        samples = klom.samples(found["margins"], at)
        for name, values in samples.items():
            assert table[name].sum() == pytest.approx(1)
            inside = (values >= table["from"][3]) & (values < table["to"][3])
            assert table[name][3] == pytest.approx(inside.mean())
        words = klom.image_finding(at, found)
        assert f"{samples['oracle'].mean():.1f} in models".replace("-", "−") in words


def test_ways_whose_klom_is_known_stand_beside_retraining_and_nothing_done(closer, found):
    table = klom.priced(closer, METHOD, found)
    assert table.rows == ("Nothing done", "Retrained (noise)", "Fine-tune (epochs 1)")
    row = table.rows[2]
    run = answer(closer.method, closer.asked.case)["run"]
    assert table.cell(row, "share of retraining") == pytest.approx(
        float(run["share of retraining"][0])
    )
    assert table.cell(row, "KLoM") == found["summary"].cell("forget", "unlearned, median")
    other = klom.priced(closer, KLoM(images=20), found)
    assert len(other) == 2
    assert Retrain.short not in table.rows


def test_distances_are_drawn_over_decades_with_the_names_beside_their_points(closer, found):
    figure = klom.curve("forget", found).figure(klom.quantiles("forget", found))
    assert figure.layout.yaxis.type == "log"
    drawing = klom.prices(closer, METHOD)
    table = drawing.made(found)
    figure = drawing.chart.figure(table)
    low, high = figure.layout.yaxis.range
    assert len(figure.layout.annotations) == len(table)
    for note in figure.layout.annotations:
        at = table.rows.index(note.text)
        assert low <= note.y <= high
        assert note.y == pytest.approx(np.log10(table["KLoM"][at]), abs=high - low)


def page() -> None:
    """What AppTest runs."""
    import streamlit as st

    from components import section
    from components.forget import klom

    part = klom.klom if st.session_state["part"] == "KLoM" else klom.datamodel
    for row in part(st.session_state["closer"]):
        section.show(row[0])


@pytest.mark.parametrize("part", ["KLoM", "Datamodel"])
def test_a_part_waits_for_its_button_and_then_says_what_the_engine_says(part, closer):
    at = AppTest.from_function(page, default_timeout=120)
    at.session_state["closer"], at.session_state["part"] = closer, part
    slot = {"KLoM": klom.SLOT, "Datamodel": klom.DIRECT}[part]
    more = {} if part == "KLoM" else {f"{slot}.networks": "20"}
    at.query_params.update({f"{slot}.images": "20", **more})
    at.run()
    assert not at.exception
    assert "are trained" in " ".join(caption.value for caption in at.caption)
    at.button(key=f"{slot}.go").click().run()
    settled(at)
    assert not problems(at)
    assert not at.exception
    if part == "KLoM":
        method, case = KLoM(images=20), closer.case
    else:
        method, case = DMDirect(networks=20, images=20), closer.asked.case
    result = answer(method, case)
    assert result.kept
    assert at.header[0].value.replace("\\", "") == method.finding(case, result)
    words = " ".join(caption.value for caption in at.caption).replace("\\", "")
    if part == "Datamodel":
        assert klom.changes_finding(result) in words
        return
    assert klom.curve_finding("forget", row_label(closer.method.label), result) in words
    ids = result["points"]["id"].astype(int).tolist()
    forgotten = klom.of_group(result["points"], "forget")
    farthest = int(forgotten["id"][forgotten["unlearned"].argmax()])
    assert at.selectbox(key=klom.CHOSEN).value == farthest
    at.selectbox(key=klom.CHOSEN).set_value(ids[-1]).run()
    words = " ".join(caption.value for caption in at.caption).replace("\\", "")
    assert klom.image_finding(len(ids) - 1, result) in words
    assert AfterCase(closer.asked.case, closer.method).fingerprint == closer.case.fingerprint


def test_too_few_models_for_histograms_are_refused_with_how_many_it_takes(closer):
    at = AppTest.from_function(page, default_timeout=120)
    at.session_state["closer"], at.session_state["part"] = closer, "KLoM"
    at.query_params[f"{klom.SLOT}.form"] = "20 bins"
    at.run()
    at.button(key=f"{klom.SLOT}.go").click().run()
    settled(at)
    assert not at.exception
    assert "needs at least 100 models of each kind, and there are 20" in " ".join(problems(at))
