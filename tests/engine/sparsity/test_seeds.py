"""What pruning changes, beside another seed's change, and what it does before training."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import DoesNotFit
from engine.core.method import quiet
from engine.core.run import answer
from engine.sparsity import PruneCase, RetrainPruned, Seeds, Untrained, prune_case
from engine.sparsity.effects.seeds import UNDECIDED, exemplars, modal, others
from engine.sparsity.prune import share_correct
from engine.vision.models import embedded
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recipe, fresh, outputs
from tests import tiny

ALL = ("nothing cut", "SNIP", "GraSP", "SynFlow", "Random")


def test_only_modal_answers_without_a_tie_that_differ_make_an_exemplar():
    result, share = modal(np.array([[1, 0, 2, 3], [1, 2, 2, 0], [0, 2, 2, 1], [1, 0, 2, 1]]))
    assert result.tolist() == [1, UNDECIDED, 2, 1]
    assert share.tolist() == [0.75, 0.5, 1.0, 0.5]
    first, second = np.array([1, 2, UNDECIDED, 3]), np.array([1, 0, 1, UNDECIDED])
    assert exemplars(first, second).tolist() == [False, True, False, False]


def test_changes_pairs_and_modal_answers_are_counted_by_hand():
    case = tiny.prune_case()
    method = Seeds(ratio=0.9, networks=2, images=10)
    result = method(case)
    rows = case.data.rows("test")[:10]
    models = [case.model, *others(case, 2, quiet)]
    assert len({model.fingerprint for model in models}) == 3
    dense = [outputs(model, case.data, rows).argmax(1).numpy() for model in models]
    cut = []
    for model in models:
        model_case = replace(case, model=model, learned=None)
        pruned = method.made(model_case, method.masks(model_case))
        cut.append(outputs(pruned, case.data, rows).argmax(1).numpy())
    labels = case.data.labels[rows]
    for line, before, after in zip(result["networks"].values, dense, cut, strict=True):
        expected = [(before == labels).mean(), (after == labels).mean(), (before != after).mean()]
        assert line == pytest.approx(expected)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = [(dense[first_model] != dense[other]).mean() for first_model, other in pairs]
    assert result["pairs"].values[:, 0] == pytest.approx(expected)
    first, second = modal(np.stack(dense))[0], modal(np.stack(cut))[0]
    is_exemplar = exemplars(*result["images"].values[:, 2:4].T.astype(int))
    count = int(exemplars(first, second).sum())
    assert is_exemplar[:count].all()
    assert not is_exemplar[count:].any()


def test_where_nothing_is_cut_no_answer_changes_but_other_seeds_still_differ():
    case = prune_case(embedded.load("digits-mlp"))
    assert case.recipe == embedded.plan("digits-mlp").recipe
    result = Seeds(ratio=0.0, networks=2)(replace(case, recipe=replace(case.recipe, epochs=2)))
    assert not result["networks"].values[:, 2].any()
    assert (result["pairs"].values > 0).all()


def test_an_unknown_training_and_learned_scores_are_refused():
    for method in (Seeds(), Untrained()):
        with pytest.raises(DoesNotFit, match="needs to know how the model was trained"):
            answer(method, replace(tiny.prune_case(), recipe=None))
    with pytest.raises(DoesNotFit, match="belong to one network"):
        Seeds(criterion="Learned")(tiny.prune_case())


def test_each_row_is_the_untrained_network_cut_and_trained_by_itself():
    case = replace(prune_case(embedded.load("digits-mlp")), recipe=Recipe("mlp"))
    lengths = []
    result = Untrained(ratio=0.95, epochs=1)(
        case,
        lambda *given: lengths.extend(len(part["networks"].rows) for part in given[2:] if part),
    )["networks"]
    assert lengths == [1, 2, 3, 4, 5, 6]
    first = PruneCase(fresh(case.data, case.recipe, case.seed), case.data, case.seed)
    assert result.rows == (*ALL, "Magnitude")
    for name in result.rows:
        rule = {"ratio": 0.0} if name == ALL[0] else {"ratio": 0.95, "criterion": name}
        method = RetrainPruned(**rule, epochs=1, rate=Recipe().rate)
        model_record = method(first)["model"]
        rows = case.data.rows("test")
        hits = outputs(rebuilt(model_record), case.data, rows).argmax(1) == case.data.targets(rows)
        assert result.cell(name, "trained") == pytest.approx(hits.float().mean().item())
        masks = method.masks(first)
        before = share_correct(method.made(first, masks), first)
        assert result.cell(name, "right after pruning") == pytest.approx(before)
        density = masks.counts / [part.size for part in masks.parts]
        assert result.cell(name, "stays in the sparsest layer") == pytest.approx(density.min())
    assert len(set(result["trained"].tolist())) > 3


def test_the_chosen_criterion_is_among_them_once_and_learned_scores_are_not():
    assert tuple(Untrained(criterion="GraSP").networks()) == ALL
    assert tuple(Untrained(criterion="Learned").networks()) == ALL
    assert tuple(Untrained(criterion="Taylor").networks()) == (*ALL, "Taylor")
    assert {network.ratio for network in Untrained(ratio=0.7).networks().values()} == {0.0, 0.7}


@pytest.mark.slow
def test_how_many_answers_pruning_changes_and_how_many_another_seed(measure):
    case = prune_case(embedded.load("digits-mlp"))
    for ratio in (0.8, 0.9):
        result = Seeds(ratio=ratio)(case)
        changed, pairs = result["networks"].values[:, 2], result["pairs"].values[:, 0]
        table = result["images"].values
        count = exemplars(*table[:, 2:4].T.astype(int)).sum()
        measure(
            f"Pruned digits MLP, magnitude {ratio:.0%}, five networks: answers changed by pruning; "
            "between dense networks; pruning-identified exemplars",
            f"{changed.mean():.3f} ({changed.min():.3f}–{changed.max():.3f}); {pairs.mean():.3f} "
            f"({pairs.min():.3f}–{pairs.max():.3f}); {count} of {len(table)}",
        )
        assert (pairs > 0).all()
