"""Experiments that keep their conditions one by one: stopped, gone on, with more seeds, shared."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from multiprocessing import get_context

import numpy as np
import pytest

from engine.core import run
from engine.core.errors import BlindspotError, Cancelled
from engine.core.keeping.store import Store
from engine.core.lane import lane
from engine.core.method import Slider, setting
from engine.core.result import Pictures, Table
from engine.core.run import answer, kept_answer
from engine.evaluation.experiment import Claim, ExperimentCase
from engine.evaluation.kept_experiment import Condition, ConditionCase, KeptExperiment, joined
from tests import tiny
from tests.answers import differing

PLAIN, TWICE = "plain", "twice"
COMPUTED = []  # (condition, seed) of each that was computed
FAULTS = {}  # by condition: what it raises


@dataclass(frozen=True)
class Numbers(KeptExperiment):
    """A number drawn by the seed, plain and doubled."""

    name, family, title, question = "Numbers", "test", "Numbers", "Is twice as much more?"
    data = ("columns",)
    measures = ("drawn", "absent")
    claims = (Claim("More", "more", lambda of: of(TWICE, "drawn") - of(PLAIN, "drawn")),)
    free = ("seeds", "shown")

    factor: int = setting(2, Slider(1, 9, 1), "Factor", "How much more.")
    shown: int = setting(3, Slider(1, 9, 1), "Shown", "Nothing that is drawn depends on it.")

    def conditions(self, case):
        return {PLAIN: 1, TWICE: self.factor}

    def condition(self, name, case, progress):
        progress(0.5, "drawing")
        if name in FAULTS:
            raise FAULTS[name]
        COMPUTED.append((name, case.seed))
        value = np.random.default_rng(case.seed).random() / 3 * self.conditions(case)[name]
        columns = {"step": ([1, 2], ""), name: ([value, case.seed], "share")}
        return {"drawn": value, "absent": float("nan")}, {"curve": Table.of(columns)}

    def picture(self, case):
        return Pictures(case.data.images[:1].transpose(0, 2, 3, 1)[None], ("",), ("",), "One.")


@pytest.fixture(autouse=True)
def own_store(monkeypatch, tmp_path):
    """A store of its own, and nothing computed yet."""
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    answers = Store(tmp_path / "answers")
    monkeypatch.setattr(run, "store", lambda: answers)
    COMPUTED.clear()
    FAULTS.clear()


def case(seed=0):
    return ExperimentCase(tiny.columns(8, ("a", "b", "c")), seed)


def drawn(result):
    runs = result["runs"]
    return [*zip(runs.rows, runs["seed"].tolist(), runs["drawn"].tolist(), strict=True)]


def test_figures_are_those_of_each_condition_and_snapshots_of_the_first_seed_join():
    result = Numbers(seeds=2)(case(4))
    values = {seed: np.random.default_rng(seed).random() / 3 for seed in (4, 5)}
    expected = [((PLAIN, seed, value), (TWICE, seed, 2 * value)) for seed, value in values.items()]
    assert drawn(result) == [*chain(*expected)]
    assert np.isnan(result["table"]["absent"]).all()
    assert result["curve"].order == ("step", PLAIN, TWICE)
    assert result["curve"].units == ("", "share", "share")
    assert result["curve"][TWICE].tolist() == [2 * values[4], 4]
    assert "stopped and resumed: each that is done is kept" in Numbers().before(case())


@pytest.mark.parametrize("ask", [answer, Numbers.__call__], ids=["in its lane", "called"])
def test_a_stopped_run_goes_on_at_the_first_missing(ask, monkeypatch, tmp_path):
    def stop(done, words="", partial=None):
        if partial and len(partial.get("table", ())) == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Numbers(seeds=3)(case(7), stop)
    assert COMPUTED == [(PLAIN, 7), (TWICE, 7)]
    gone_on = ask(Numbers(seeds=3), case(7))
    wanted = [(name, seed) for seed in (7, 8, 9) for name in (PLAIN, TWICE)]
    assert wanted == COMPUTED
    elsewhere = Store(tmp_path / "others")
    monkeypatch.setattr(run, "store", lambda: elsewhere)
    at_once = ask(Numbers(seeds=3), case(7))
    assert wanted * 2 == COMPUTED
    assert not differing(gone_on, at_once)


def test_a_stop_within_a_condition_keeps_those_before_it():
    def stop(done, words="", partial=None):
        if words == "plain, seed 1: drawing":
            raise Cancelled("enough")

    question = case()
    in_lane = lane(question.lane)  # where each report is heard
    job = in_lane.submit("stopped", lambda _progress: Numbers(seeds=2)(question, stop), "job")
    with pytest.raises(Cancelled, match=r"^enough$"):
        job.value()
    assert COMPUTED == [(PLAIN, 0), (TWICE, 0)]


def test_more_seeds_use_those_that_are_kept_and_other_settings_do_not():
    few, more = Numbers(seeds=1)(case()), Numbers(seeds=3, shown=5)(case())
    assert len(COMPUTED) == len(set(COMPUTED)) == 6
    assert drawn(more)[:2] == drawn(few)
    Numbers(seeds=1)(case(2))  # the third seed of the run before
    assert len(COMPUTED) == 6
    Numbers(seeds=1, factor=3)(case())
    assert len(COMPUTED) == 8
    Numbers(seeds=1)(ExperimentCase(tiny.columns(8, ("a", "b"))))
    assert len(COMPUTED) == 10


def test_another_revision_is_computed_again(monkeypatch):
    Numbers(seeds=1)(case())
    monkeypatch.setattr(Numbers, "revision", 2)
    Numbers(seeds=1)(case())
    assert len(COMPUTED) == 4


def one_seed(seed):
    """What a process of a sweep does with its question."""
    Numbers(seeds=1)(case(seed))
    return COMPUTED


@pytest.mark.slow
def test_processes_that_ask_for_one_seed_each_leave_nothing_to_compute_for_more():
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        computed = [*processes.map(one_seed, (0, 1))]
    assert computed == [[(PLAIN, seed), (TWICE, seed)] for seed in (0, 1)]
    result = Numbers(seeds=2)(case())
    assert not COMPUTED
    assert result["table"].rows == (PLAIN, TWICE)


def test_a_condition_that_raises_says_which_one():
    FAULTS[TWICE] = BlindspotError("No more numbers.")
    with pytest.raises(BlindspotError, match=r"^Numbers, twice, seed 3: No more numbers"):
        Numbers()(case(3))
    assert COMPUTED == [(PLAIN, 3)]
    FAULTS[TWICE] = ZeroDivisionError("half-way")
    with pytest.raises(ZeroDivisionError, match="half-way") as raised:
        Numbers()(case(3))
    assert "Numbers, twice, seed 3" in raised.value.__notes__


def test_a_record_says_which_condition_it_was():
    Numbers(seeds=1)(case(6))
    record = kept_answer(Condition(), ConditionCase(Numbers(), TWICE, case(6))).record
    facts = {"experiment": "test.Numbers", "condition": TWICE, "data": "columns", "seed": 6}
    assert record["case"].items() >= facts.items()


def test_pictures_grow_by_rows_and_another_kind_takes_the_place_of_what_was_there():
    def row(shade, name):
        return Pictures(np.full((1, 2, 3, 3, 3), shade, np.uint8), (name,), ("x", "y"), name)

    both = joined(row(1, "a"), row(2, "b"))
    assert both.rows == ("a", "b")
    assert both.images[:, 0, 0, 0, 0].tolist() == [1, 2]
    assert both.finding == "b"
    short, long = (Table.of({name: (np.arange(size), "")}) for name, size in (("s", 2), ("l", 3)))
    assert joined(short, long) is long
    assert joined(both, long) is long
    side = joined(row(1, "a"), replace(row(2, "a"), columns=("z", "w")))
    assert side.columns == ("x", "y", "z", "w")
    assert side.images[0, :, 0, 0, 0].tolist() == [1, 1, 2, 2]
    points = [Table.of({"x": ([place], "cm")}, [name]) for place, name in ((1.0, "a"), (2.0, "b"))]
    assert joined(*points).cell("b", "x") == 2
    assert joined(*points).units == ("cm",)


def test_a_measure_left_out_is_nan_and_a_figure_of_none_is_refused(monkeypatch):
    monkeypatch.setattr(Numbers, "condition", lambda *_: ({"drawn": 1.0}, {}))
    assert np.isnan(Numbers(seeds=1)(case())["table"]["absent"]).all()
    monkeypatch.setattr(Numbers, "condition", lambda *_: ({"drwan": 1.0}, {}))
    with pytest.raises(ValueError, match="no measure is called"):
        Numbers(seeds=1)(case(1))
