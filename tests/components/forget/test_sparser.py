"""Sparser originals and the closed form: charts and sentences are the engine's numbers."""

import numpy as np
import pytest

from components.forget import closed_form, sparser
from components.forget.words import TITLES
from engine.core.result import Table
from engine.core.run import answer
from engine.unlearning import BoardCase, ClosedForm, GradientAscent, NoOp, SparseOriginals
from engine.unlearning.dmm.closed_claims import ALONE, ASCENT, ORACLE, TOGETHER, TUNING, percent
from engine.unlearning.dmm.closed_form import AWAY, PIXELS, remains
from engine.unlearning.dmm.heads import HEADS, RIDGE
from engine.unlearning.sparse_mu.sparser import FIGURES, RATIOS, means
from tests.components.forget.test_klom import captions
from tests.components.pages import page_of
from tests.visits import problems, settled

GA = GradientAscent(epochs=1)
FT = np.array([[0.4, 0.3], [0.3, 0.2], [0.2, 0.1], [0.1, 0.1]])  # (ratios, seeds)


def table(seeds=2, attack=0.9):
    """Retrained, untouched, GA and FT; only the gap of FT falls, and its UA follows it."""

    def row(name, fall):
        return [0.0, 0.5, 0.3, fall] if name.startswith("gap") else [0.9, 0.1, 0.2, 1 - fall]

    names = ("Retrain", "NoOp", "GA", "FT")
    accuracy = {"attack accuracy": ([attack] * 4, "share"), "attack images": ([400] * 4, "")}

    def of_seed(fall):
        shares = {name: (row(name, fall), "share") for name in FIGURES}
        return Table.of(shares | accuracy, names)

    runs = zip(RATIOS, FT, strict=True)
    return means({ratio: [of_seed(fall) for fall in falls] for ratio, falls in runs}, seeds)


def test_ways_stand_by_their_gap_and_another_figure_has_the_retrained_model_first():
    squares = sparser.squares_of(table(), "gap")
    assert squares.rows == tuple(TITLES[way] for way in ("NoOp", "FT", "GA"))
    assert squares.order == ("all weights", "50 % cut", "80 % cut", "95 % cut")
    np.testing.assert_allclose(squares.values[1], FT.mean(1))
    chart = sparser.chart(table(), "gap")
    assert chart.texts[1][0] == "35 ± 7"
    assert sparser.chart(table(seeds=1), "gap").texts[1] == ["40", "30", "20", "10"]
    words = sparser.finding(table(), "gap")
    assert f"{TITLES['FT']} changes most: 35 with all weights, 10 with most cut." in words
    squares = sparser.squares_of(table(), "UA")
    assert squares.rows[:2] == (TITLES["Retrain"], TITLES["NoOp"])
    chart = sparser.chart(table(), "UA")
    assert chart.texts[0][0] == "90 ± 0"
    np.testing.assert_allclose(np.array(chart.colors)[:, 0], [0, 80, 25, 70])
    assert "near the first row" in sparser.finding(table(), "UA")
    assert sparser.value_with_spread(float("nan"), float("nan")) == "failed"


def test_the_first_figure_is_the_gap_that_ranks():
    assert next(iter(sparser.MEASURES)) == sparser.RANKED
    for attack, column in ((0.9, "gap"), (0.52, "gap without MIA")):
        result = table(attack=attack)
        assert sparser.figure(result, sparser.RANKED) == column
        assert sparser.figure(result, "gap") == "gap"
        words = sparser.finding(result, sparser.RANKED)
        assert ("so MIA does not count" in words) is (column != "gap")


def draw(parts, detail):
    for row in parts(detail):
        row[0].show()


def test_the_part_asks_when_told_and_says_what_the_answer_says(detail, monkeypatch):
    monkeypatch.setattr(sparser, "every_way", lambda case: BoardCase(case, (NoOp(), GA)))
    method, case = SparseOriginals(by="SynFlow", seeds=1), sparser.every_way(detail.case.case)
    link = {f"{sparser.SLOT}.seeds": "1", f"{sparser.SLOT}.by": "SynFlow"}
    at = page_of(draw, sparser.sparser, detail, link=link)
    assert "every way forgets with each" in captions(at)
    settled(at.button(key=f"{sparser.KEY}.SparseOriginals.go").click().run())
    assert not problems(at)
    result = answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    assert sparser.finding(result["table"], sparser.RANKED) in captions(at)
    at.selectbox(key=f"{sparser.SLOT}.figure").set_value("test right").run()
    assert "near the first row" in captions(at)


METHOD = ClosedForm(features=PIXELS, steps=50)


@pytest.fixture(scope="module")
def result(detail):
    return answer(METHOD, detail.case.case)


@pytest.mark.parametrize("kind", HEADS)
def test_each_forgotten_image_has_a_point_for_each_formula(kind, detail, result):
    table, images = closed_form.formula_pairs(kind, result), result["images"]
    in_group = images["group"] == 0
    for number, formula in enumerate(("together", "alone")):
        part = table["formula"] == number
        assert set(table["id"][part]) == set(detail.case.case.request.ids)
        for name, column in (("predicted", formula), ("true", "true")):
            expected = images[f"{kind} {column}"][in_group]
            np.testing.assert_array_equal(table[name][part], expected)
    figure = closed_form.scatter(kind, result).figure(table)
    named = [trace.name for trace in figure.data]
    assert named == [closed_form.FORMULAS[kind], closed_form.SUMMED, "as predicted"]
    summed = percent(remains(result["left"], kind, ALONE))
    words = closed_form.changes_finding(kind, result)
    assert words.endswith(f"summing single images {summed}.")
    left = "nothing" if kind == RIDGE else percent(remains(result["left"], kind, TOGETHER))
    assert f"leaves {left} of the change" in words


@pytest.mark.parametrize("kind", HEADS)
def test_curves_are_the_engine_s_and_end_where_their_scale_does(kind, result):
    table, steps = closed_form.by_step(kind, result), result["steps"]
    for way in closed_form.SERIES:
        step = steps[f"{kind}, {way}"]
        indices = np.flatnonzero(step < AWAY)
        expected = np.maximum(step[indices], closed_form.LOWEST)
        np.testing.assert_array_equal(table[way][indices], expected)
        assert (table[way] == AWAY).sum() == (len(indices) < len(step))
        assert np.isfinite(table[way]).sum() == min(len(indices) + 1, len(step))
    assert len(np.flatnonzero(steps[f"ridge, {ASCENT}"] == AWAY)) > 1
    figure = closed_form.curves(kind, result).figure(table)
    assert [trace.name for trace in figure.data] == list(closed_form.SERIES.values())
    words = closed_form.steps_finding(kind, result)
    assert words.startswith("Left after 50 steps: ")
    for way in (ORACLE, TUNING):
        assert percent(float(steps[f"{kind}, {way}"][-1])) in words


def test_the_part_begins_by_itself_and_says_what_layers_cannot_forget(detail, result):
    link = {"forget.ClosedForm.steps": "50", "forget.ClosedForm.features": PIXELS}
    at = settled(page_of(draw, closed_form.closed_form, detail, link=link))
    assert not problems(at)
    assert at.header[0].value.replace("\\", "") == METHOD.finding(detail.case.case, result)
    text = " ".join(block.value for block in at.markdown).replace("\\", "")
    for row, note in zip(result["claims"].rows, result["claims"].notes, strict=True):
        assert f"**{row}**: {note}." in text
    holds = int(result["claims"]["holds"].sum())
    assert text.count("- ✓") == holds
    assert text.count("- ✗") == len(result["claims"]) - holds
    assert "Only this layer forgets" not in captions(at)
    at.selectbox(key="forget.ClosedForm.features").select("last layer").run()
    settled(at)
    assert "Only this layer forgets" in captions(at)
