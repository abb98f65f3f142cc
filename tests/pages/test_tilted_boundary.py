"""Tilted boundary as a visitor meets it: λ moves, the sentence and the pictures follow."""

import re
import time

import numpy as np
import pytest

from components.tilt import form, more, view
from components.tilt.form import FIRST, KEY, MirroredImage
from components.views import TILTED_BOUNDARY
from engine.attribution.tilt import LocalTilt, TiltedBoundary, TiltedSheets
from engine.attribution.tilt.boundary import STRENGTHS
from engine.attribution.tilt.linear import LEARNERS
from engine.attribution.tilt.mirror import mirror, wall
from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from tests.visits import problems, settled, visit, words

NETWORK = {f"{KEY}.network": "true"}
METHOD = TiltedBoundary(share=20)  # few images, so that it takes seconds
DIGITS = {f"{KEY}.data": "Digits, 8 × 8", "model": "Digits CNN"}
DIGITS |= {f"{KEY}.TiltedBoundary.share": "20"}


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(data_sets.load("digits"))


AT_FIRST = STRENGTHS.index(float(FIRST))


def question(case, place=AT_FIRST, learner=0, row=None):
    row = METHOD.pair(case).typical[0] if row is None else row
    return MirroredImage(METHOD, case, learner=learner, place=place, row=row)


def test_sentence_and_words_are_those_of_the_answer_and_follow_the_slider(case):
    at = settled(visit(DIGITS, TILTED_BOUNDARY))
    query = question(case)
    result = answer(query.method, query.case)
    assert at.header[0].value == view.sentence(query, result)
    text = words(at)
    for drawing in (view.across(query), view.taxonomy(query), view.spectrum(query)):
        assert drawing.finding(result) in text
    assert wall(case.data, query.row, result, 0).finding in text
    at = settled(at.select_slider(key=f"{KEY}.lambda").set_value("1").run())
    later = question(case, STRENGTHS.index(1.0))
    assert at.header[0].value == view.sentence(later, result) != view.sentence(query, result)
    at = settled(at.button_group(key=f"{KEY}.learner").set_value(LEARNERS[2]).run())
    assert at.header[0].value == view.sentence(question(case, STRENGTHS.index(1.0), 2), result)


def test_a_slider_is_answered_within_a_tenth_of_a_second(case):
    result = answer(METHOD, case)
    queries = [question(case, place) for place in range(len(STRENGTHS))]
    times = []
    for query in queries:
        start = time.perf_counter()
        view.sentence(query, result)
        again = answer(query.method, query.case)
        mirror(case.data, query.row, again, query.learner, query.place)
        wall(case.data, query.row, again, query.learner)
        times.append(time.perf_counter() - start)
    assert np.median(times) < 0.1


def test_the_clouds_answer_by_formula_and_count(case):
    at = settled(visit(DIGITS | {f"{more.SHEETS}.tilt": "45"}, TILTED_BOUNDARY))
    method = TiltedSheets(tilt=45.0)
    result = answer(method, case)
    assert method.finding(case, result) in [header.value for header in at.header]
    assert more.error_words(result) in words(at)
    assert more.mirror_words(result) in words(at)


def test_of_a_network_that_learned_elsewhere_it_is_said_what_class_means_are_of():
    link = NETWORK | {f"{KEY}.data": "Digits, 8 × 8", f"{more.LOCAL}.images": "5"}
    at = settled(visit(link, TILTED_BOUNDARY))
    assert "squares of this image and" in words(at)
    assert "“A cup of coffee”; the model's training images are not here." in words(at)
    assert any("“Egyptian cat” and “espresso”" in header.value for header in at.header)


def test_no_image_and_no_model_is_asked_for_until_a_network_is():
    at = settled(visit(DIGITS, TILTED_BOUNDARY))
    assert not {"image", "model"} & {selectbox.key for selectbox in at.sidebar.selectbox}
    assert LocalTilt.title not in words(at)
    at = settled(at.toggle(key=f"{KEY}.network").set_value(True).run())
    assert {"image", "model"} <= {selectbox.key for selectbox in at.sidebar.selectbox}


def test_the_network_of_the_sidebar_is_asked():
    link = NETWORK | DIGITS | {"image": "From a data set", "data": "Digits, 8 × 8"}
    at = settled(visit(link, TILTED_BOUNDARY))
    assert any("network's boundary is tilted by" in header.value for header in at.header)
    assert "In pixels" in words(at)
    assert re.search(r"Class means are of \d\d training images of “\d” and", words(at))


def test_two_classes_that_are_one_are_a_sentence():
    at = settled(visit(DIGITS | {f"{KEY}.second": "2"}, TILTED_BOUNDARY))
    assert "choose two" in " ".join(problems(at))


def table(case, right, times):
    """An answer whose first learner has these figures."""
    results = dict(answer(METHOD, case))
    before = results["classifiers"]
    units = dict(zip(before.order, before.units, strict=True))
    columns = {name: (before[name].copy(), unit) for name, unit in units.items()}
    columns["right, held out"][0][: len(right)] = right
    columns["strength"][0][: len(times)] = times
    return results | {"classifiers": Table.of(columns, before.rows)}


def test_the_sentence_tells_apart_tilted_best_and_upright(case, snapshot):
    count = len(STRENGTHS)
    right, times = np.full(count, 0.9), np.full(count, 1.0)
    right[8], times[:9] = 0.95, 12.0
    result = table(case, right, times)
    assert [view.sentence(question(case, place), result) for place in (0, 8, 18)] == snapshot


def test_the_offered_images_take_turns_between_both_classes(case):
    assert form.PICTURES % 2 == 0
    rows = TiltedBoundary().pair(case).rows
    assert set(case.data.labels[rows]) == {2, 3}
    assert not set(rows) & set(case.data.rows("train"))


def test_the_local_words_say_where_no_boundary_was_met(snapshot):
    numbers = {"along the means": [3.0], "expected": [2.0]}
    far, close = (numbers | {"to the boundary": [value]} for value in (np.nan, 0.0224))
    assert [more.way_words({"numbers": each}) for each in (far, close)] == snapshot
    assert LocalTilt.cost == "live"
