"""Ways against sparsity: each row is the way on an original that was trained sparse, by hand."""

import numpy as np
import pytest

from engine.core.run import answer
from engine.evaluation.forgetting.attack import informative
from engine.unlearning import BoardCase, GradientAscent, NoOp, PruneFirst, Retrain, SparseOriginals
from engine.unlearning.protocol.metrics import GAP
from engine.unlearning.protocol.scoreboard import scores
from engine.unlearning.sparse_mu import sparser
from tests import tiny
from tests.engine.unlearning.trained import figures_by_way
from tests.refusals import assert_refused

WAYS = (NoOp(), GradientAscent(epochs=1, rate=0.01))
GA = WAYS[1].label


@pytest.fixture(autouse=True)
def few_ratios(monkeypatch):
    monkeypatch.setattr(sparser, "RATIOS", (0.0, 0.5, 0.95))


@pytest.fixture(scope="module")
def case():
    return BoardCase(tiny.forget_case(), WAYS)


@pytest.mark.parametrize("by", ["OMP", "IMP", "SynFlow"])
def test_each_figure_is_that_of_the_way_on_the_sparse_original_by_hand(case, by):
    result = SparseOriginals(by=by, seeds=2)(case)
    table, runs = result["table"], result["runs"]
    assert table.rows == ("Retrain", "NoOp", GA) * len(sparser.RATIOS)
    for ratio in (0.5, 0.95):
        seed_rows = []
        for seed in (0, 1):
            sparse_case = PruneFirst(by=by, ratio=ratio).reference(case.case.seeded(seed))
            unlearned, right = (scores(answer(way, sparse_case)) for way in (WAYS[1], Retrain()))
            gap = np.mean([abs(unlearned[name] - right[name]) for name in GAP])
            seed_rows.append([*(unlearned[name] for name in GAP), gap])
        at = [(n, r) for n, r in zip(table.rows, table["ratio"], strict=True)].index((GA, ratio))
        for place, name in enumerate((*GAP, "gap")):
            values = [row[place] for row in seed_rows]
            assert table[name][at] == pytest.approx(np.mean(values), abs=1e-6)
            assert table[f"{name} sd"][at] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
            taken = (np.array(runs.rows) == GA) & (runs["ratio"] == ratio)
            assert runs[name][taken] == pytest.approx(values, abs=1e-6)
    assert (table["gap"][np.array(table.rows) == "Retrain"] == 0).all()


def found_of(first, last, says=1.0, column="gap"):
    """Two ways and the retrained model, their seeds, at the ends of the ratios."""
    names, ends = ("Retrain", "NoOp", "FT", "GA"), (0.0, sparser.RATIOS[-1])
    ratio = np.repeat(ends, 4 * len(first))
    gaps = {"gap": np.zeros(len(ratio)), "gap without MIA": np.zeros(len(ratio))}
    gaps[column] = np.ravel([[0, 0.9, *pair] for pair in (*first, *last)])
    runs = {name: (gap, "share") for name, gap in gaps.items()}
    table = sparser.Table.of({"informative": ([1.0] * 4 + [says] * 4, "")}, names * 2)
    return {
        "runs": sparser.Table.of({"ratio": (ratio, "share"), **runs}, names * 2 * len(first)),
        "table": table,
    }


SAME = (0.4, 0.3)


def test_nearer_and_farther_are_counted_by_the_spread_over_paired_seeds(case, snapshot):
    apart, same = ((0.1, 0.6), (0.12, 0.62), (0.08, 0.58)), [SAME] * 3
    trifle = 0.5 / len(case.case.splits.forget)
    views = {
        "beyond the spread": found_of(same, apart),
        "within the spread": found_of(same, ((0.39, 0.31), (0.1, 0.6), (0.398, 0.302))),
        "less than an image": found_of(same, [(0.4 - trifle, 0.3 + trifle)] * 3),
        "one way failed": found_of(same, [(0.1, np.nan)] * 3),
        "the attack says nothing": found_of(same, apart, says=0.0),
        "without the attack": found_of(same, apart, says=0.0, column="gap without MIA"),
    }
    sentences = {name: SparseOriginals(seeds=3).finding(case, of) for name, of in views.items()}
    alone = SparseOriginals(seeds=1).finding(case, found_of([SAME], [(0.1, 0.6)]))
    assert sentences | {"one seed": alone} == snapshot


def test_the_attack_of_each_ratio_is_that_on_the_retrained_model_with_its_zeros(case):
    result = SparseOriginals(by="OMP", seeds=2)(case)
    table, runs = result["table"], result["runs"]
    for ratio in (0.5, 0.95):
        reference = PruneFirst(by="OMP", ratio=ratio).reference
        cases = (reference(case.case.seeded(seed)) for seed in (0, 1))
        retrained = figures_by_way(cases, WAYS)["Retrain"]
        for name in sparser.ATTACK:
            expected = np.repeat(retrained[name], 3)
            assert runs[name][runs["ratio"] == ratio] == pytest.approx(expected)
        says = informative(*(retrained[name].mean() for name in sparser.ATTACK))
        assert (table["informative"][table["ratio"] == ratio] == says).all()


def test_a_seed_is_shown_as_soon_as_it_is_whole_and_originals_are_not_pruned_twice(case):
    updates = []

    def listen(done, words="", partial=None):
        if partial:
            updates.append((words, partial["table"]))

    result = SparseOriginals(seeds=2)(case, listen)
    words, first = updates[0]
    assert "95% cut, seed 1: measured" in words
    alone = SparseOriginals(seeds=1)(case)["table"]
    assert np.array_equal(first["gap"], alone["gap"])
    assert np.isnan(first["gap sd"]).all()
    assert np.array_equal(updates[-1][1]["gap"], result["table"]["gap"])
    twice = BoardCase(case.case, (PruneFirst(),))
    words = "are pruned already: leave out “Prune first”"
    assert_refused(words, SparseOriginals(seeds=1), twice)
