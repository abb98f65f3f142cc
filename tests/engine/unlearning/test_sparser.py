"""Ways against sparsity: each row is the way on an original that was trained sparse, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import BlindspotError
from engine.run import answer
from engine.unlearning import (
    BoardCase,
    GradientAscent,
    NoOp,
    PruneFirst,
    Retrain,
    SparseOriginals,
)
from engine.unlearning.protocol import sparser
from engine.unlearning.protocol.metrics import GAP
from engine.unlearning.protocol.scoreboard import scores
from tests import tiny

WAYS = (NoOp(), GradientAscent(epochs=1, rate=0.01))
GA = WAYS[1].label


@pytest.fixture(scope="module")
def case():
    return BoardCase(tiny.forget_case(), WAYS)


@pytest.mark.parametrize("by", ["OMP", "IMP", "SynFlow"])
def test_each_figure_is_that_of_the_way_on_the_sparse_original_by_hand(case, by):
    found = answer(SparseOriginals(by=by, seeds=2), case)
    table, runs = found["table"], found["runs"]
    assert table.rows == ("Retrain", "NoOp", GA) * len(sparser.RATIOS)
    for ratio in (0.5, 0.95):
        each = []
        for seed in (0, 1):
            own = PruneFirst(by=by, ratio=ratio).reference(case.case.seeded(seed))
            one, right = (scores(answer(way, own)) for way in (WAYS[1], Retrain()))
            gap = np.mean([abs(one[name] - right[name]) for name in GAP])
            each.append([*(one[name] for name in GAP), gap])
        at = [(n, r) for n, r in zip(table.rows, table["ratio"], strict=True)].index((GA, ratio))
        for place, name in enumerate((*GAP, "gap")):
            values = [row[place] for row in each]
            assert table[name][at] == pytest.approx(np.mean(values), abs=1e-6)
            assert table[f"{name} sd"][at] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
            taken = (np.array(runs.rows) == GA) & (runs["ratio"] == ratio)
            assert runs[name][taken] == pytest.approx(values, abs=1e-6)
    assert (table["gap"][np.array(table.rows) == "Retrain"] == 0).all()


def runs_of(first, last):
    """Two ways and the retrained model, two seeds, at the ends of the ratios."""
    names = ("Retrain", "NoOp", "FT", "GA") * 4
    ratio = np.repeat([0.0, 0.0, sparser.RATIOS[-1], sparser.RATIOS[-1]], 4)
    gaps = [[0, 0.9, *pair] for pair in (*first, *last)]
    return sparser.Table.of({"ratio": (ratio, "share"), "gap": (np.ravel(gaps), "share")}, names)


def test_nearer_and_farther_are_counted_over_every_seed(case):
    runs = runs_of(first=((0.4, 0.3), (0.4, 0.3)), last=((0.2, 0.5), (0.3, 0.4)))
    said = SparseOriginals(seeds=2).finding(case, {"runs": runs})
    assert "1 of 2 ways come nearer to retraining and 1 end farther from it, in each of 2" in said
    mixed = runs_of(first=((0.4, 0.3), (0.4, 0.3)), last=((0.2, 0.2), (0.5, 0.4)))
    assert "0 of 2 ways come nearer to retraining and 0 end" in SparseOriginals(seeds=2).finding(
        case, {"runs": mixed}
    )


def test_originals_are_not_pruned_twice(case):
    twice = BoardCase(case.case, (PruneFirst(),))
    with pytest.raises(BlindspotError, match="are pruned already: leave out “Prune first”"):
        SparseOriginals(seeds=1)(twice)


def test_a_seed_is_shown_as_soon_as_it_is_whole(case):
    seen = []

    def listen(done, words="", partial=None):
        if partial:
            seen.append((words, partial["table"]))

    found = SparseOriginals(seeds=2)(case, listen)
    words, first = seen[0]
    assert "95% cut, seed 1: measured" in words
    alone = answer(SparseOriginals(seeds=1), case)["table"]
    assert np.array_equal(first["gap"], alone["gap"])
    assert np.isnan(first["gap sd"]).all()
    assert np.array_equal(seen[-1][1]["gap"], found["table"]["gap"])
