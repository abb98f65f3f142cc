"""Forgetting a range of a number as a visitor meets it: before a run, and what it ends in."""

from dataclasses import replace

import numpy as np
import pytest

from components.views import UNLEARNING_EXPERIMENTS
from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import RangeForgetting
from engine.unlearning.deep_regression import drawings
from engine.unlearning.deep_regression import experiment as forget_range
from engine.unlearning.deep_regression.claims import (
    AIN,
    ATTACK,
    BLINDSPOT,
    DISTANCE,
    GAUSSIAN,
    MEMBERS,
    ORIGINAL,
    PROXY,
    RETRAINED,
    SECOND,
    TUNED,
)
from engine.vision import data as data_sets
from tests import tiny
from tests.visits import problems, settled, visit, words

KEY = "experiments.ForgetRange"


@pytest.fixture
def result(monkeypatch):
    """The answer with small networks, where the page finds it."""
    monkeypatch.setattr(RangeForgetting, "data", ("squares", "digits"))
    recipe = replace(forget_range.RECIPE, epochs=2, shift=0, mirror=False)
    monkeypatch.setattr(forget_range, "RECIPE", recipe)
    monkeypatch.setattr(forget_range, "AGAIN", 1)
    data_sets.add(tiny.squares())
    method = RangeForgetting(seeds=2, proxy=1)
    return answer(method, ExperimentCase(data_sets.load("squares")))


def opened():
    link = {"experiments.chosen": RangeForgetting.title, f"{KEY}.seeds": "2", f"{KEY}.proxy": "1"}
    return settled(visit(link, UNLEARNING_EXPERIMENTS))


def test_the_page_shows_points_densities_and_the_table(result):
    at = opened()
    assert not problems(at)
    text, table = words(at), result["table"]
    after, before = (table.cell(row, DISTANCE) for row in (BLINDSPOT, ORIGINAL))
    headline = at.main.header[0].value
    assert f"Blindspot's predictions are {after:.1f} cm² from those of a retrained" in headline
    assert f"they were {before:.1f} cm² away" in headline
    assert drawings.mean_predictions(result) in text
    assert "W: 1-Wasserstein distance" in text
    assert len(at.main.get("plotly_chart")) == 3
    for claim in result["claims"].rows:
        assert claim in text


def test_the_retrained_network_stands_on_top_and_the_others_by_distance(result):
    rows = drawings.standing(result).rows
    assert (rows[0].name, rows[0].edge) == (RETRAINED, "bottom")
    near = [result["table"].cell(row.name, DISTANCE) for row in rows[1:]]
    assert near == sorted(near)
    assert [row.cells[0].text for row in rows[1:]] == [f"{value:.2f}" for value in near]


def with_column(views, name, value):
    """The views, with the same value in each row of a column of the table."""
    table = views["table"]
    units = zip(table.order, table.units, strict=True)
    columns = {column: (table[column], unit) for column, unit in units}
    columns[name] = [value] * len(table), "share"
    return {**views, "table": Table.of(columns, table.rows)}


def test_an_attack_near_chance_is_gray_and_said_to_say_nothing(result):
    place = list(result["table"].order[::2]).index(MEMBERS)
    for accuracy, gray in ((0.52, True), (0.95, False)):
        changed = with_column(result, ATTACK, accuracy)
        assert {row.cells[place].ignored for row in drawings.standing(changed).rows} == {gray}
        assert ("says nothing" in drawings.reading_hint(changed)) == gray


def test_ain_that_is_missing_is_told_and_the_attack_is_judged_by_its_images(result):
    table = result["table"]
    assert ("AIN is missing" in drawings.reading_hint(result)) == bool(np.isnan(table[AIN]).any())
    without = with_column(result, AIN, np.nan)
    assert "AIN is missing: with one seed or more" in drawings.reading_hint(without)
    low, high = result["band"].values
    areas = result["predictions"]["area"]
    outside = 2 * int(((areas < low) | (areas > high)).sum())
    assert 0 < outside < 2 * len(areas)
    edge = 0.5 + outside**-0.5
    place = table.rows.index(BLINDSPOT)
    for accuracy, known in ((edge - 0.01, False), (edge + 0.01, True)):
        changed = with_column(without, ATTACK, accuracy)
        assert drawings.says_something(changed, table.rows[place]) is known


def test_the_nearest_way_stands_beside_its_proxy_and_a_second_retraining(result):
    table = result["table"]
    value = {name: f"{table.cell(name, DISTANCE):.1f}" for name in (PROXY, SECOND)}
    beside = f"Beside that: {PROXY} {value[PROXY]}, {SECOND} {value[SECOND]}."
    assert beside in drawings.smallest_width(result)
    ways = (TUNED, GAUSSIAN, BLINDSPOT)
    best = min(ways, key=lambda name: table.cell(name, DISTANCE))
    assert f"Nearest: {best}, " in drawings.smallest_width(result)
    assert not {PROXY, SECOND} & {
        name.partition(",")[0] for name in drawings.smoothed(result).order
    }


def test_points_and_densities_are_those_of_the_answer(result):
    groups, table = drawings.in_groups(result["predictions"]), result["predictions"]
    is_ours = [row == BLINDSPOT for row in groups.rows]
    assert (groups["prediction"][is_ours] == table[BLINDSPOT]).all()
    assert (groups["area"][is_ours] == table["area"]).all()
    names = drawings.smoothed(result).order
    assert names[:2] == ("prediction", RETRAINED)
    value = result["table"].cell(BLINDSPOT, DISTANCE)
    assert f"{BLINDSPOT}, W = {value:.1f}" in names
