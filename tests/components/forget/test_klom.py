"""KLoM on the page, of trained and of opened models: the engine's numbers."""

from dataclasses import replace

import numpy as np
import pytest
import streamlit as st

from components.forget import given_klom, klom, own_models, own_request
from components.forget.asked import ForgetQuestion, MethodDetail
from components.forget.words import row_label
from engine import unlearning
from engine.core.errors import BlindspotError
from engine.core.result import Table
from engine.core.run import answer
from engine.unlearning.dmm.direct import GROUPS
from engine.vision import data as data_sets
from tests.components.pages import page_of
from tests.engine.unlearning.test_given_groups import case_and_groups, fingerprints, of
from tests.pages.test_judge import in_zip
from tests.refusals import assert_refused
from tests.visits import problems, settled

METHOD = unlearning.KLoM(images=10)


@pytest.fixture(scope="module")
def result(detail):
    return answer(METHOD, detail.case)


@pytest.mark.parametrize("group", GROUPS)
def test_a_curve_has_each_sample_in_its_own_order(group, result):
    table, points = klom.quantiles(group, result), result["points"]
    in_group = points["group"] == GROUPS.index(group)
    for name in klom.SERIES:
        expected = np.quantile(points[name][in_group], (0, 1))
        np.testing.assert_allclose(table[name][[0, -1]], np.maximum(expected, klom.LOWEST))
        assert (np.diff(table[name]) >= 0).all()
    assert result["summary"].cell(group, "unlearned, median") > 0


def test_a_mark_that_is_clicked_is_its_image(detail, result, monkeypatch):
    points, state = result["points"], {}
    retained, drawn = klom.of_group(points, "retain"), klom.quantiles("retain", result)
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
    places = {"point_indices": [at] * len(points), "box": [], "lasso": []}
    return {"selection": {"points": points, **places}}


def test_the_histograms_count_every_model_of_the_image_once(result):
    for at in (0, 7):
        table = klom.margin_histogram(result["margins"], at)
        samples = klom.samples(result["margins"], at)
        for name, values in samples.items():
            assert table[name].sum() == pytest.approx(1)
            inside = (values >= table["from"][3]) & (values < table["to"][3])
            assert table[name][3] == pytest.approx(inside.mean())
        words = klom.image_finding(at, result)
        assert f"{samples['oracle'].mean():.1f} in models".replace("-", "−") in words


def test_ways_whose_klom_is_known_stand_beside_retraining_and_nothing_done(detail, result):
    table = klom.priced(detail, METHOD, result)
    assert table.rows == ("Nothing done", "Retrained (noise)", "Fine-tune (epochs 1)")
    row = table.rows[2]
    run = answer(detail.method, detail.case.case)["run"]
    share = pytest.approx(float(run["share of retraining"][0]))
    assert table.cell(row, "share of retraining") == share
    assert table.cell(row, "KLoM") == result["summary"].cell("forget", "unlearned, median")
    assert len(klom.priced(detail, unlearning.KLoM(images=20), result)) == 2
    assert unlearning.Retrain.short not in table.rows


def test_distances_are_drawn_over_decades_with_the_names_beside_their_points(detail, result):
    figure = klom.curve("forget", result).figure(klom.quantiles("forget", result))
    assert figure.layout.yaxis.type == "log"
    drawing = klom.prices(detail, METHOD)
    table = drawing.made(result)
    figure = drawing.chart.figure(table)
    low, high = figure.layout.yaxis.range
    assert len(figure.layout.annotations) == len(table)
    for note in figure.layout.annotations:
        at = table.rows.index(note.text)
        assert low <= note.y <= high
        assert note.y == pytest.approx(np.log10(table["KLoM"][at]), abs=high - low)


def draw_part(detail, part):
    for row in (klom.klom if part == "KLoM" else klom.datamodel)(detail):
        row[0].show()


def pressed(at, slot):
    at = settled(at.button(key=f"{slot}.go").click().run())
    assert not at.exception
    return at


def captions(at):
    return " ".join(caption.value for caption in at.caption).replace("\\", "")


def kept_result(at, method, case):
    """The answer, which the page has computed and whose sentence it says."""
    result = answer(method, case)
    assert result.kept
    assert at.header[0].value.replace("\\", "") == method.finding(case, result)
    return result


def assert_farthest_is_chosen(at, result):
    forgotten = klom.of_group(result["points"], "forget")
    farthest = int(forgotten["id"][forgotten["unlearned"].argmax()])
    assert at.selectbox(key=klom.CHOSEN).value == farthest


@pytest.mark.parametrize("part", ["KLoM", "Datamodel"])
def test_a_part_waits_for_its_button_and_then_says_what_the_engine_says(part, detail):
    slot = {"KLoM": klom.SLOT, "Datamodel": klom.DIRECT}[part]
    more = {} if part == "KLoM" else {f"{slot}.networks": "20"}
    at = page_of(draw_part, detail, part, link={f"{slot}.images": "20", **more})
    assert "are trained" in captions(at)
    at = pressed(at, slot)
    assert not problems(at)
    if part == "Datamodel":
        method = unlearning.DMDirect(networks=20, images=20)
        result = kept_result(at, method, detail.case.case)
        assert klom.changes_finding(result) in captions(at)
        return
    result = kept_result(at, unlearning.KLoM(images=20), detail.case)
    assert klom.curve_finding("forget", row_label(detail.method.label), result) in captions(at)
    ids = result["points"]["id"].astype(int).tolist()
    assert_farthest_is_chosen(at, result)
    at.selectbox(key=klom.CHOSEN).set_value(ids[-1]).run()
    assert klom.image_finding(len(ids) - 1, result) in captions(at)


def test_too_few_models_for_histograms_are_refused_with_how_many_it_takes(detail):
    at = page_of(draw_part, detail, "KLoM", link={f"{klom.SLOT}.form": "20 bins"})
    at = pressed(at, klom.SLOT)
    assert "needs at least 100 models of each kind, and there are 20" in " ".join(problems(at))


def test_curves_wait_for_the_button_and_a_form_that_needs_more_is_told():
    groups = of(*case_and_groups())
    board = unlearning.BoardCase(groups.case, (groups.method,))
    question = ForgetQuestion(unlearning.Scoreboard(), board)
    detail = MethodDetail(question, groups, Table.of({}), key="judge")
    at = page_of(given_klom.show, detail, groups, link={"judge.KLoM.images": "10"})
    assert "20 original, 20 unlearned and 40 retrained models are asked" in captions(at)
    at = pressed(at, "judge.KLoM")
    assert not problems(at)
    method = unlearning.KLoM(models=100, images=10)
    result = kept_result(at, method, groups)
    for group in klom.TITLES:
        assert klom.curve_finding(group, "Unlearned", result) in captions(at)
    assert_farthest_is_chosen(at, result)
    at.selectbox(key="judge.KLoM.form").set_value("20 bins").run()
    (few,) = problems(at)
    assert "at least 100 original, 100 unlearned and 200 retrained models" in few


def test_a_zip_that_fails_is_looked_through_once(monkeypatch):
    data, read = data_sets.load("digits"), []

    def of_zip(_, content):
        read.append(content)
        raise BlindspotError("It does not fit.")

    monkeypatch.setattr(unlearning.brought, "of_zip", of_zip)
    for _ in range(2):
        assert_refused("It does not fit", own_request.found_in, data, b"a zip that fails")
    assert len(read) == 1


class Upload:
    """A file as Streamlit hands it over."""

    def __init__(self, name, content):
        self.name, self.getvalue = name, lambda: content


def test_zips_give_many_of_each_and_files_one():
    groups = {kind: models[:2] for kind, models in case_and_groups()[1].items()}
    files = {kind: Upload("many.ZIP", in_zip(models)) for kind, models in groups.items()}
    opened = own_models.read(files, "")
    for kind, models in groups.items():
        assert fingerprints(opened.groups[kind]) == fingerprints(models)
    case = opened.case(replace(case_and_groups()[0], model=opened.original))
    assert isinstance(case, unlearning.GivenGroups)
    assert case.counts == {"original": 2, "unlearned": 2, "retrained": 2}
    assert own_models.judged_note(case).endswith(", the first of each")
    note = own_models.opened_models_note(opened)
    assert note.startswith("Open: 2 original, 2 unlearned, 2 retrained; the fi")
    alone = {kind: Upload("many.zip", in_zip(models[:1])) for kind, models in groups.items()}
    own_groups = own_models.read(alone | {"retrained": None}, "")
    case = own_groups.case(replace(case_and_groups()[0], model=own_groups.original))
    assert type(case) is unlearning.GivenCase
    assert case.retrained is None
    assert own_models.MOST == {"original": 100, "unlearned": 100, "retrained": 200}
