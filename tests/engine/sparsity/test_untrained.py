"""Networks that are pruned before they are trained: every figure is that of its own training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.models import embedded
from engine.models.rebuild import rebuilt
from engine.sparsity import PruneCase, RetrainPruned, Untrained, prune_case
from engine.sparsity.prune import share_correct
from engine.training import Recipe, fresh, outputs
from tests import tiny

ALL = ("nothing cut", "SNIP", "GraSP", "SynFlow", "Random")


@pytest.fixture(scope="module")
def case():
    return tiny.prune_case()


def test_each_row_is_the_untrained_network_cut_and_trained_by_itself():
    case = replace(prune_case(embedded.load("digits-mlp")), recipe=Recipe("mlp"))
    result = Untrained(ratio=0.95, epochs=1)(case)["networks"]
    first = PruneCase(fresh(case.data, case.recipe, case.seed), case.data, case.seed)
    assert result.rows == (*ALL, "Magnitude")
    for name in result.rows:
        rule = {"ratio": 0.0} if name == ALL[0] else {"ratio": 0.95, "criterion": name}
        method = RetrainPruned(**rule, epochs=1, rate=Recipe().rate)
        model_record = method(first)["model"]
        rows = case.data.rows("test")
        hits = outputs(rebuilt(model_record), case.data, rows).argmax(1) == case.data.targets(rows)
        assert result.cell(name, "trained") == pytest.approx(hits.float().mean().item())
        before = share_correct(method.made(first, method.masks(first)), first)
        assert result.cell(name, "right after pruning") == pytest.approx(before)
        density = method.masks(first).counts / [part.size for part in method.masks(first).parts]
        assert result.cell(name, "stays in the sparsest layer") == pytest.approx(density.min())
    assert len(set(result["trained"].tolist())) > 3


def test_the_chosen_criterion_is_among_them_once_and_learned_scores_are_not():
    assert tuple(Untrained(criterion="GraSP").networks()) == ALL
    assert tuple(Untrained(criterion="Learned").networks()) == ALL
    assert tuple(Untrained(criterion="Taylor").networks()) == (*ALL, "Taylor")
    assert {network.ratio for network in Untrained(ratio=0.7).networks().values()} == {0.0, 0.7}


def test_networks_that_are_trained_are_handed_over_while_others_wait(case):
    partials = []
    Untrained(epochs=1)(case, lambda _done, _words="", partial=None: partials.append(partial))
    assert [len(partial["networks"].rows) for partial in partials if partial] == [1, 2, 3, 4, 5, 6]
