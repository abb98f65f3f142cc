"""Charts of the Familiar? view: bars that add up, points that lie on their curves, true words."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.familiar import charts, judged
from components.familiar.evidence import parts_of, stacked
from engine.anomaly import KNN, QUICK, Corrupt
from engine.result import Scores
from engine.run import Answer
from tests import tiny

CASE = tiny.familiar_case(tiny.cnn())


@pytest.fixture(scope="module")
def answers():
    return {kind.name: kind()(CASE) for kind in QUICK}


@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.name)
def test_the_parts_of_the_image_make_its_score(answers, kind):
    found = answers[kind.name]
    own = parts_of(found)["this image"]
    score = float(found["subject"].values[0])
    made = {"sum": sum(own.values()), "product": -np.prod(list(own.values())), "alone": None}
    wanted = made[found["subject"].joined]
    assert score == pytest.approx(next(iter(own.values())) if wanted is None else wanted, rel=1e-4)


def test_bars_that_add_up_carry_their_sum(answers):
    found = answers["ViM"]
    rows = parts_of(found)
    figure = stacked(rows, found["subject"])
    *bars, mark = figure.data
    for at, title in enumerate(mark.y):
        total = sum(bar.x[list(bar.y).index(title)] for bar in bars)
        assert mark.x[at] == pytest.approx(total)
    assert {bar.marker.pattern.shape for bar in bars} == {"", "/"}  # not by color alone


@pytest.mark.parametrize("view", ["normal", "unknown"])
@pytest.mark.parametrize("kind", QUICK, ids=lambda kind: kind.name)
def test_the_middle_row_is_an_image_whose_parts_make_its_own_median_score(answers, kind, view):
    found = answers[kind.name]
    one = found[view]
    middle = np.sort(one.values)[(len(one.values) - 1) // 2]
    parts = parts_of(found)[f"middle {view}"]
    made = {"sum": sum(parts.values()), "product": -np.prod(list(parts.values()))}
    assert made.get(one.joined, next(iter(parts.values()))) == pytest.approx(middle, rel=1e-4)


def test_a_part_has_its_color_in_whatever_order_a_file_gave_the_parts(answers):
    found = answers["ViM"]
    subject = found["subject"]
    turned = replace(subject, parts=dict(reversed(list(subject.parts.items()))))
    rows = parts_of(found)
    names = [[bar.name for bar in stacked(rows, one).data] for one in (subject, turned)]
    assert list(subject.parts) != list(turned.parts)
    assert names[0] == names[1]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_the_operating_point_lies_on_its_curve(answers, share):
    found = answers["KNN"]
    scores = np.sort(np.concatenate([found["held"].values, found["unknown"].values]))
    line = float(scores[int(share * (len(scores) - 1))])
    points = charts.operating(found, line)
    for name, (x, y) in points.items():
        curve = found[name]
        there = np.isclose(curve.x, x, atol=1e-6) & np.isclose(curve.y, y, atol=1e-6)
        assert there.any(), name


def test_a_line_above_everything_flags_nothing_and_makes_no_false_alarm(answers):
    points = charts.operating(answers["KNN"], 1e9)
    assert points["roc"] == (0.0, 0.0)
    assert points["pr"] == (0.0, 1.0)


def test_what_is_not_known_is_left_out_of_the_measures(answers):
    table = charts.turned(answers["KNN"]["measures"])
    assert np.isfinite(table.values).all()
    assert "AUROC" in table.rows


def test_the_step_is_told_in_words():
    found = Corrupt(images=8)(CASE)
    columns = dict(zip(found["steps"].columns, found["steps"].values.T, strict=True))
    flagged = 100 * (found["flags"].values <= 0.2).mean(1)
    words = charts.step_words(columns, flagged, 4)
    assert f"{columns['score of the image'][4]:.3g}" in words
    assert f"{flagged[4]:.0f} % of normal images" in words
    assert f"tells {100 * columns['accuracy'][4]:.0f} % of them right" in words


def verdict_of(least, p, by_group=np.nan, groups=0, alpha=0.05, unlike=False):
    """The sentence about an image, by its p-values."""
    floor = 1 / (groups + 1) if groups else np.nan
    labels = ("", "", "")
    found = {
        "counts": Scores(np.array([200, 0, least], np.float32), labels, "images"),
        "p": Scores(np.array([p, np.nan, by_group], np.float32), labels, "p-value"),
        "smallest": Scores(np.array([1 / 201, np.nan, floor], np.float32), labels, "p-value"),
    }
    case = SimpleNamespace(normal=SimpleNamespace(name="phantoms"))
    asked = SimpleNamespace(method=KNN(), case=case, alpha=alpha, unlike=unlike)
    return judged.sentence(asked, Answer(found, {}, kept=True))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((0, 1 / 201), "More unusual than every one of 200 normal images by KNN (p = 0.005)."),
        ((1, 2 / 201), "More unusual than 199 of 200 normal images by KNN (p = 0.01)."),
        ((150, 151 / 201), "Nothing unusual by KNN: 150 of 200 normal images"),
        ((15, 16 / 201), "Nothing unusual by KNN: 15 of 200 normal images"),
        ((2, 3 / 201, 0.3, 60), "Nothing unusual by KNN: 2 of 200"),
        ((0, 1 / 201, 1 / 31, 30, 0.02), "No verdict at 2 % false alarms: 30 independent"),
        ((150, 151 / 201, np.nan, 0, 0.05, True), "KNN misses it: 150 of 200 normal images"),
        ((0, 1 / 201, 0.2, 4), "No verdict: 4 independent normal patients, and 20 are needed."),
    ],
)
def test_the_sentence_says_unusual_only_where_the_p_value_it_names_is_below_the_line(given, words):
    assert verdict_of(*given).startswith(words)


def page() -> None:
    from components.familiar import charts
    from components.familiar.evidence import dimensions, evidence, factors
    from engine.anomaly import COSTARR, Compare, Corrupt
    from tests import tiny

    case = tiny.familiar_case(tiny.cnn())
    found = COSTARR()(case)
    evidence(found, "a")
    factors(found, "a")
    dimensions(found, "a")
    charts.curves(found, float(found["subject"].values[0]), "a")
    charts.ranking(Compare()(case), {}, "a")
    charts.steps(Corrupt(images=8)(case), 3, 0.1, "a")
    charts.drift([("one", found), ("other", found)], "a.drift")


def test_every_chart_is_drawn_with_its_words_and_its_numbers():
    at = AppTest.from_function(page, default_timeout=60).run()
    assert not at.exception
    assert len(at.get("plotly_chart")) == 8
    assert len(at.dataframe) == 5
    assert len(at.table) == 1
