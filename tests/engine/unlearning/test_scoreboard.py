"""The scoreboard: honest gaps, partial rows, failures that stay in their row."""

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.core import run as engine_run
from engine.core.errors import BlindspotError, Cancelled
from engine.core.keeping.store import Store
from engine.core.run import answer, ask, kept_answer
from engine.evaluation.forgetting.attack import informative
from engine.unlearning import (
    IU,
    SSD,
    BoardCase,
    FineTune,
    GradientAscent,
    NoOp,
    PruneFirst,
    RandomLabels,
    Retrain,
    SalUn,
    Scoreboard,
    Timing,
)
from engine.unlearning.protocol import scoreboard
from engine.unlearning.protocol.metrics import GAP
from tests.engine.unlearning.trained import BRIEF, class_case, scores, steepened
from tests.refusals import assert_refused

METHODS = (NoOp(), FineTune(epochs=2), SSD())


@pytest.fixture(scope="module")
def brief():
    return class_case(recipe=BRIEF)


def test_the_gap_is_that_of_a_plain_count_over_paired_seeds(brief):
    board = answer(Scoreboard(seeds=2), BoardCase(brief, (FineTune(epochs=2),)))
    differences = []
    for seed in (0, 1):
        seed_case = replace(brief, seed=seed)
        tuned, retrained = (scores(answer(m, seed_case)) for m in (FineTune(epochs=2), Retrain()))
        differences.append([tuned[name] - retrained[name] for name in GAP])
    gaps, (table, runs) = np.abs(differences).mean(1), (board["table"], board["runs"])
    row = next(name for name in table.rows if name.startswith("FT"))
    for name, value in (
        ("gap", np.mean(gaps)),
        ("gap sd", np.std(gaps, ddof=1)),
        ("gap of means", np.abs(np.mean(differences, 0)).mean()),
        ("seeds", 2),
    ):
        assert table.cell(row, name) == pytest.approx(value)
    assert runs.rows.count(row) == 2
    np.testing.assert_allclose(runs["gap"][np.array(runs.rows) == row], gaps)


def test_the_retrained_model_stands_first_and_the_attack_on_it_says_which_gap_ranks(case):
    table = answer(Scoreboard(), BoardCase(case, METHODS))["table"]
    assert table.rows[0] == "Retrain"
    assert table.rows[1:] == tuple(method.label for method in METHODS)
    assert table.cell("Retrain", "gap") == 0
    for name in ("KL forget", "TV test"):
        assert table.cell("Retrain", name) == pytest.approx(0, abs=1e-9)
    for name in ("share of retraining", "forgetting", "keeping"):
        assert table.cell("Retrain", name) == 1
    assert table.cell("NoOp", "gap") > 0.25
    assert table.cell("NoOp", "keeping") > 0.9 > table.cell("NoOp", "forgetting")
    assert table.cell("SSD", "share of retraining") < 0.5  # the search takes most of it
    again = answer(Scoreboard(), BoardCase(case, (*METHODS, Retrain())))["table"]
    assert again.rows == table.rows
    untouched, other_untouched = scores(answer(NoOp(), case)), scores(answer(Retrain(), case))
    without = np.mean([abs(untouched[name] - other_untouched[name]) for name in ("UA", "RA", "TA")])
    assert table.cell("NoOp", "gap without MIA") == pytest.approx(without)
    assert table.cell("NoOp", "gap") != pytest.approx(without)
    labels = [case.data.labels[rows] for rows in (case.splits.retain, case.splits.test)]
    images = 2 * np.minimum(*(np.bincount(some, minlength=10) for some in labels)).sum()
    assert table.cell("Retrain", "attack images") == images
    is_informative = informative(other_untouched["attack accuracy"], images)
    assert table.cell("Retrain", "informative") == is_informative
    assert scoreboard.ranking(table) == ("gap" if is_informative else "gap without MIA")


def test_rows_appear_as_they_end_and_stay_after_a_cancel(brief, tmp_path, monkeypatch):
    store = Store(tmp_path)
    monkeypatch.setattr(engine_run, "store", lambda: store)
    board, snapshots = BoardCase(brief, METHODS), []

    def stop(done, words="", partial=None):
        if partial:
            snapshots.append(partial["table"].rows)
        if len(snapshots) == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Scoreboard()(board, stop)
    assert snapshots == [("Retrain",), ("Retrain", "NoOp")]
    assert kept_answer(Scoreboard(), board) is None
    assert None not in (kept_answer(Retrain(), brief), kept_answer(NoOp(), brief))
    job = ask(Scoreboard(), board, "ann")
    assert job.value()["table"].rows[0] == "Retrain"
    assert job.partial["table"].rows == ("Retrain", *(method.label for method in METHODS))


@pytest.mark.parametrize(
    ("method", "steepness", "figure", "words"),
    [
        (Scoreboard(), 30, "gap", "last good weights"),
        (Timing(), 300, "seconds", "no numbers at step"),
    ],
    ids=["scoreboard", "timing"],
)
def test_one_that_fails_or_cannot_be_asked_is_marked_and_the_others_stand(
    method, steepness, figure, words, case, monkeypatch
):
    def refuse(self, work):
        raise BlindspotError("No such step can be taken: choose another.")

    monkeypatch.setattr(IU, "change", refuse)
    steep = replace(case, model=steepened(case.model, steepness))
    bad, refused = RandomLabels(rate=0.5), IU(step=3.0)
    table = next(iter(method(BoardCase(steep, (bad, refused, NoOp()))).values()))
    assert table.cell(bad.label, "failed_at") >= 0
    assert words in table.notes[1]
    assert table.notes[2] == "No such step can be taken: choose another."
    assert math.isnan(table.cell(refused.label, figure))
    assert table.cell("NoOp", "failed_at") == -1
    assert math.isfinite(table.cell("NoOp", figure))
    if isinstance(method, Scoreboard):
        assert math.isnan(table.cell(bad.label, "gap"))
        assert math.isfinite(table.cell(bad.label, "UA"))


def test_pruned_first_is_compared_with_the_retrained_of_the_same_zeros(brief):
    method = PruneFirst(ratio=0.9, epochs=2)
    board = answer(Scoreboard(), BoardCase(brief, (method,)))
    retrained = scores(answer(Retrain(), method.reference(brief)))
    assert board["runs"]["RA retrained"][1] == pytest.approx(retrained["RA"])
    assert "same zeros" in board["table"].notes[1]


def test_a_board_is_named_by_its_methods_and_settings_and_nobody_and_one_twice_are_refused(case):
    boards = [BoardCase(case, (way,)) for way in (SalUn(), SalUn(share=0.1), GradientAscent())]
    boards.append(BoardCase(class_case(4), (SalUn(),)))
    assert len({board.fingerprint for board in boards}) == 4
    facts = [board.facts() for board in boards]
    assert [fact["unlearners"] for fact in facts] == [[b.methods[0].label] for b in boards]
    # seeds of one board are alike; another way or request is not
    assert len({fact["alike"] for fact in facts}) == 4
    assert_refused("at least one way", BoardCase, case, ())
    assert_refused("SalUn is chosen twice", BoardCase, case, (SalUn(), SalUn()))


def runs_of(*pairs):
    """Runs whose figures and retrained figures are these, all four alike."""
    return [
        scoreboard.MethodRun(
            "x", seed, dict.fromkeys(GAP, figure) | {"failed_at": failed}, dict.fromkeys(GAP, goal)
        )
        for seed, (figure, goal, failed) in enumerate(pairs)
    ]


def test_means_over_seeds_cancel_what_is_off_both_ways_and_their_spread_is_that_of_a_sample():
    runs = runs_of((0.9, 0.7, -1), (0.5, 0.6, -1), (0.4, 0.7, 12))
    assert [run.gap() for run in runs[:2]] == pytest.approx([0.2, 0.1])
    assert math.isnan(runs[2].gap())
    assert scoreboard.mean_difference(runs, "UA") == pytest.approx((0.2 - 0.1 - 0.3) / 3)
    assert scoreboard.of_means(runs) == pytest.approx(0.2 / 3)
    assert scoreboard.worst(runs) == 12
    assert scoreboard.worst(runs[:2]) == -1
    never = scoreboard.MethodRun("x", 3, {}, {}, "refused")
    assert math.isnan(scoreboard.worst([never]))
    assert math.isnan(scoreboard.mean_difference([never], "UA"))
    mean = scoreboard.mean_difference(runs, "UA")
    assert scoreboard.mean_difference([*runs, never], "UA") == mean
    gaps = {(0.1, 0.3): 0.2 / 2**0.5, (0.1, 0.3, 0.2): 0.1, (0.1,): math.nan, (): math.nan}
    deviations = [scoreboard.seed_deviation(gap) for gap in gaps]
    assert deviations == pytest.approx(list(gaps.values()), nan_ok=True)
