"""The curve: its ends, its levels, what is handed over on the way, and a stop in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import Cancelled, DoesNotFit
from engine.sparsity import Level, PruneCase, Tradeoff, pruned, sparsest
from engine.sparsity.effects.tradeoff import RATIOS
from engine.sparsity.prune import share_correct
from tests import tiny

pytestmark = pytest.mark.usefixtures("empty_home")


def test_the_curve_starts_at_the_dense_accuracy_and_retraining_lifts_it(digits):
    method = Tradeoff(epochs=2)
    table = method(digits)["levels"]
    assert list(table["ratio"]) == pytest.approx(RATIOS)
    assert table["after pruning"][0] == pytest.approx(share_correct(digits.model, digits))
    assert table["retrained"][0] == table["after pruning"][0]
    masks = method.pruner(digits).at(0.98)
    place = RATIOS.index(0.98)
    plain = table["after pruning"][place]
    assert plain == pytest.approx(share_correct(pruned(digits.model, masks), digits))
    assert table["retrained"][place] > plain + 0.05
    best = sparsest(table)
    reached = table["retrained"][RATIOS.index(best)]
    assert reached >= table["after pruning"][0] - 0.0101
    assert best >= sparsest(table, "after pruning")


def test_levels_are_handed_over_while_others_wait(digits):
    reports = []

    def listen(done, words="", partial=None):
        reports.append((done, partial))

    Tradeoff(epochs=0)(digits, listen)
    parts = [partial["levels"] for _, partial in reports if partial]
    assert [len(part.rows) for part in parts] == list(range(1, len(RATIOS) + 1))
    assert np.isnan(parts[-1]["retrained"]).all()
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)


def test_a_stop_in_the_middle_of_a_level_leaves_the_levels_before_it(digits):
    partials = []

    def stop(done, words="", partial=None):
        if partial:
            partials.append(partial["levels"])
        if words.startswith("epoch") and len(partials) >= 3:
            raise Cancelled("enough")

    before = digits.model.fingerprint
    with pytest.raises(Cancelled):
        Tradeoff(epochs=1)(digits, stop)
    assert len(partials[-1].rows) == 3
    del digits.model.__dict__["fingerprint"]
    assert digits.model.fingerprint == before


def test_several_seeds_give_a_spread(digits):
    table = Tradeoff(epochs=1, seeds=2, structure="N:M", pattern="1:16")(digits)["levels"]
    assert table["seeds"].tolist() == [1, 2]
    assert table["spread"][1] >= 0


def test_the_curve_of_a_pattern_is_the_dense_model_and_the_pattern(digits):
    method = Tradeoff(epochs=0, structure="N:M", pattern="1:16")
    table = method(digits)["levels"]
    assert table["ratio"] == pytest.approx([0, 15 / 16])
    assert table["sparsity"] == pytest.approx([0, 15 / 16])
    made = pruned(digits.model, method.pruner(digits).at(0))
    shares = [share_correct(model, digits) for model in (digits.model, made)]
    assert table["after pruning"] == pytest.approx(shares)
    assert shares[0] > shares[1] + 0.01


def test_without_train_images_only_the_first_curve_can_be_had():
    model = tiny.cnn()
    data = tiny.data_for(model)
    case = PruneCase(model, data.take(data.rows("test")))
    with pytest.raises(DoesNotFit, match="Choose 0 epochs"):
        Tradeoff(epochs=1)(case)
    assert len(Tradeoff(epochs=0)(case)["levels"].rows) == len(RATIOS)


def test_a_level_asked_alone_is_the_curve_s_point_at_that_ratio(digits):
    table = Tradeoff(epochs=0)(digits)["levels"]
    for ratio in (0.0, 0.9, 0.98):
        accuracy, sparsity = Level(ratio=ratio)(digits)["figures"].values
        place = RATIOS.index(ratio)
        assert accuracy == pytest.approx(table["after pruning"][place])
        assert sparsity == pytest.approx(table["sparsity"][place])
