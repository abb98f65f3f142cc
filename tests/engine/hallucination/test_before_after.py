"""BEAF's figures equal a plain re-derivation of the released script, and its quirks are named."""

import tracemalloc
from itertools import product

import numpy as np
import pytest

from engine.core.result import Table
from engine.evaluation.language import resampling
from engine.evaluation.language.beaf import figures as before_after
from engine.evaluation.language.resampling import middle_interval, resampled_sums
from engine.vision.data.sprites import CATEGORIES

NAMES = ("scene", "removed", "asked", "there", "says before", "says after")
BOAT, FISH, CAR, LAMP = (CATEGORIES.index(name) for name in ("boat", "fish", "car", "lamp"))


def records(lines):
    """Lines of (scene, removed, asked, there, says before, says after), p(yes) as it is said."""
    columns = np.array(lines, np.float64).T
    named_columns = {
        name: (columns[at].astype(int if at < 4 else float), "") for at, name in enumerate(NAMES)
    }
    named_columns |= {"p before": (columns[4], "share"), "p after": (columns[5], "share")}
    more = {"company": (np.zeros(len(lines)), ""), "opacity": (np.ones(len(lines)), "share")}
    return Table.of(named_columns | more)


def all_pairs(answer, scenes=6, seed=0):
    """Scenes of three things, each taken out once, and two absent ones.

    Args:
        answer: what is said where a thing is there, or is not.
    """
    rng = np.random.default_rng(seed)
    lines = []
    for scene in range(scenes):
        categories = rng.permutation(16)[:5].tolist()
        present = set(categories[:3])
        original = {category: answer(category in present) for category in categories}
        for out, category in product(categories[:3], categories):
            says = original[category], answer(category in present - {out})
            lines.append((scene, out, category, category in present, *says))
    return records(lines)


def slowly(table):
    """The released script again, record by record: TP … of all answers, then the pairs."""
    truth, yes = ("FN", "TP"), ("TN", "FP")
    name = {"TPTN": "TU", "FNFP": "IG", "TPFP": "SB+", "FNTN": "SB−"}
    count = dict.fromkeys(("TP", "FP", "TN", "FN", *before_after.OUTCOMES, "ID"), 0)
    originals, removed, stayed = {}, 0, 0
    rows = zip(*(table[column].tolist() for column in table.order[:6]), strict=True)
    for scene, out, category, is_present, before, after in rows:
        was = (truth if is_present else yes)[int(before)]
        now = (truth if is_present and category != out else yes)[int(after)]
        if (scene, category) not in originals:
            originals[scene, category] = was
            count[was] += 1
        count[now] += 1
        if category == out:
            removed += 1
            count[name[originals[scene, category] + now]] += 1
        else:
            stayed += 1
            count["ID"] += originals[scene, category][0] != now[0]
    result = {outcome: count[outcome] / removed for outcome in before_after.OUTCOMES}
    result["ID"] = count["ID"] / stayed
    tu, steady = result["TU"], 1 - result["ID"]
    result["F1(TU, ID)"] = 2 * tu * steady / (tu + steady) if tu + steady else 0
    right, total = count["TP"] + count["TN"], sum(map(count.get, ("TP", "FP", "TN", "FN")))
    result["accuracy"] = right / total
    precision, recall = (count["TP"] / (count["TP"] + count[outcome]) for outcome in ("FP", "FN"))
    f1 = 2 * precision * recall / (precision + recall)
    return result | {"precision": precision, "recall": recall, "F1": f1}


@pytest.mark.parametrize("seed", range(5))
def test_the_ten_figures_are_those_of_the_released_script(seed):
    rng = np.random.default_rng(seed)
    table = all_pairs(lambda is_in: float(rng.random() < (0.8 if is_in else 0.3)), seed=seed)
    result, again = before_after.beaf_figures(table), slowly(table)
    for name in before_after.FIGURES:
        assert result[name][0] == pytest.approx(again[name], abs=1e-9), name
    assert sum(result[name][0] for name in before_after.OUTCOMES) == pytest.approx(1)


@pytest.mark.parametrize(
    ("answer", "whole", "flipped"),
    [
        (float, "TU", 0),
        (lambda _: 1.0, "SB+", 0),
        (lambda _: 0.0, "SB−", 0),
        (lambda is_present: float(not is_present), "IG", 0),
    ],
    ids=["oracle", "always yes", "always no", "inverted"],
)
def test_four_stubs_have_one_outcome_each(answer, whole, flipped):
    result = before_after.beaf_figures(all_pairs(answer))
    expected = [float(name == whole) for name in before_after.OUTCOMES]
    assert [result[name][0] for name in before_after.OUTCOMES] == expected
    assert result["ID"][0] == flipped
    assert result["F1(TU, ID)"][0] == float(whole == "TU")
    assert result[f"{whole}, low"][0] == result[f"{whole}, high"][0] == 1


def test_a_coin_has_a_quarter_of_each_and_intervals_are_those_of_scenes():
    rng = np.random.default_rng(3)
    result = before_after.beaf_figures(all_pairs(lambda _: float(rng.random() < 0.5), scenes=600))
    for name in before_after.OUTCOMES:
        assert result[name][0] == pytest.approx(0.25, abs=0.03)
        assert result[f"{name}, low"][0] < result[name][0] < result[f"{name}, high"][0]
    assert result["ID"][0] == pytest.approx(0.5, abs=0.03)
    rng = np.random.default_rng(1)
    lines = []
    for scene in range(200):
        stays = float(rng.random() < 0.5)
        lines += [(scene, out, out, 1, 1.0, stays) for out in range(4)]
    result = before_after.beaf_figures(records(lines))
    half = 1.645 * np.sqrt(0.25 / 200)
    assert result["SB+, high"][0] - result["SB+, low"][0] == pytest.approx(2 * half, rel=0.15)
    about = [(0, 1, 1, 1, 0.9, 0.2), (1, 1, 1, 1, 0.5, np.nan), (2, 1, 2, 1, 0.5, 0.1)]
    assert before_after.fall(records(about)) == pytest.approx(0.7)
    assert np.isnan(before_after.fall(records(about[1:])))
    values = np.array([*range(101), np.nan, np.inf])
    assert middle_interval(values, 90) == (5, 95)
    assert middle_interval(values, 95) == (2.5, 97.5)
    assert np.isnan(middle_interval(np.full(3, np.nan), 90)).all()


def test_a_threshold_decides_and_an_answer_that_is_neither_is_left_out():
    clear = [(0, BOAT, BOAT, 1, 1.0, 0.0), (1, BOAT, BOAT, 1, 1.0, 1.0)]
    result = before_after.beaf_figures(records([*clear, (2, BOAT, BOAT, 1, np.nan, 1.0)]))
    assert result["unclear"][0] == 1
    assert result["pairs"][0] == 2
    assert result["TU"][0] == result["SB+"][0] == 0.5
    others = [(scene, BOAT, CAR, 1, 1.0, after) for scene, after in enumerate((0.0, 1.0, np.nan))]
    assert before_after.beaf_figures(records([*clear, *others]))["ID"][0] == 0.5
    nothing = before_after.beaf_figures(records([(2, BOAT, BOAT, 1, np.nan, np.nan)]))
    assert nothing["pairs"][0] == 0
    assert np.isnan(nothing["TU"][0])
    table = records([(0, BOAT, BOAT, 1, 0.9, 0.4), (1, BOAT, BOAT, 1, 0.9, 0.2)])
    assert before_after.beaf_figures(table, 0.3)["SB+"][0] == 0.5
    assert before_after.beaf_figures(table, 0.5)["TU"][0] == 1
    assert before_after.beaf_figures(table, 0.95)["SB−"][0] == 1
    assert before_after.beaf_figures(table, 0.9)["TU"][0] == 1  # from the threshold on


def test_the_quirks_of_the_released_reader_are_named():
    texts = ["Yes.", "I do not know", "There is another one", "Maybe", "No, but yes to others", "a"]
    read, taken = before_after.official_reading(texts)
    assert read.tolist() == [1, 0, 0, 0, 1, 1]  # by "no" in "not" and "another"; then taken over
    assert taken.tolist() == [False, False, False, True, False, True]
    readings = [before_after.yes_value(text) for text in texts]
    assert readings[0] == 1
    assert readings[4] == 0
    assert np.isnan([readings[at] for at in (1, 2, 3, 5)]).all()
    (single,) = before_after.official_reading(["Maybe"])[0]
    assert np.isnan(single)  # there the script breaks off
    assert before_after.yes_value("the image shows a boat so yes") == 1
    assert before_after.yes_value("there is no fish so no") == 0


def test_outcomes_and_relations_are_told_by_what_was_taken_out():
    table = records(
        [(0, FISH, FISH, 1, 1.0, 1.0), (1, BOAT, BOAT, 1, 1.0, 0.0), (2, FISH, FISH, 1, 1.0, 0.0)]
    )
    table = Table.of({key: (table[key], "") for key in table.order} | {"company": ([1, 1, 0], "")})
    result = before_after.by_kind(table)
    assert result.rows == before_after.KINDS
    assert result["SB+"].tolist() == [1, 0, 0]
    rates = before_after.thing_outcomes(table)
    assert rates.rows == ("fish", "boat")
    assert rates.cell("fish", "SB+") == 0.5
    assert rates.cell("fish", "p(yes) falls by") == 0.5
    assert rates["pairs"].tolist() == [2, 1]
    lines = [(scene, CAR, LAMP, 0, 0.9, 0.9 - 0.1 * scene) for scene in range(5)]
    result = before_after.relation(records([*lines, (0, CAR, BOAT, 0, 0.5, 0.0)]))
    assert result["lamp"][CAR] == pytest.approx(0.2)
    assert np.isnan(result["boat"][CAR])
    assert np.isnan(result["car"][LAMP])


def test_what_moved_against_the_truth_comes_first():
    table = records(
        [
            (0, CAR, CAR, 1, 1.0, 0.0),  # true understanding
            (1, CAR, CAR, 1, 1.0, 1.0),  # yes although it is gone
            (2, CAR, LAMP, 0, 1.0, 0.0),  # a false yes goes
            (3, CAR, LAMP, 0, 0.0, 1.0),  # a false yes comes
            (4, CAR, BOAT, 1, 1.0, 0.0),  # denied once another thing is gone
        ]
    )
    assert before_after.moved_against(table).tolist() == [0, 1, -1, 1, 1]
    assert before_after.worst(table)[:3] == [1, 3, 4]
    assert before_after.worst(table)[-1] == 2
    assert before_after.as_numbers(table["p before"]).dtype == np.float64
    table = records([(0, CAR, CAR, 1, 1.0, 0.9), (1, LAMP, LAMP, 1, 1.0, 0.8)])
    assert before_after.worst(table, 0.5) == [0, 1]
    led = Table.of({name: (table[name], "") for name in table.order} | {"company": ([0, 1], "")})
    assert before_after.worst(led, 0.5) == [1, 0]
    assert before_after.worst(led, 0.85) == [0, 1]  # the lamp's yes is gone then
    faint = {key: (table[key], "") for key in table.order} | {"opacity": ([0.09, 1.0], "")}
    assert before_after.worst(Table.of(faint), 0.5) == [1, 0]  # the faint one comes later


MEGABYTES = 64  # for the figures of two thousand scenes, the most that can be asked about


@pytest.mark.parametrize("at_once", [1, 30, 10_000])
def test_sums_are_those_of_scenes_drawn_one_by_one(at_once, monkeypatch):
    monkeypatch.setattr(resampling, "BOUND", at_once)
    counts = np.random.default_rng(3).integers(0, 9, (7, 4))
    rows = np.random.default_rng(5).integers(0, 7, (50, 7))
    slowly = [[sum(counts[row, column] for row in draw) for column in range(4)] for draw in rows]
    assert resampled_sums(counts, seed=5, draws=50).tolist() == slowly
    assert resampled_sums(counts[:0], draws=3).tolist() == [[0] * 4] * 3


def test_the_figures_of_many_scenes_need_little_memory():
    scenes = np.repeat(np.arange(2000), 4)
    says = np.random.default_rng(0).integers(0, 2, (2, len(scenes))).astype(np.float32)
    removed, asked = np.zeros(len(scenes), int), np.tile(np.arange(4), 2000)
    columns = scenes, removed, asked, np.ones(len(scenes), int), *says
    records = Table.of({name: (each, "") for name, each in zip(NAMES, columns, strict=True)})
    tracemalloc.start()
    try:
        result = before_after.beaf_figures(records)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result["pairs"][0] == 2000
    assert peak < MEGABYTES * 2**20
