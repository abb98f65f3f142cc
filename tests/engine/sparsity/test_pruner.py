"""Selection is exact: torch's own pruning, counts, nesting, ties, the guard, every ratio."""

import tracemalloc
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from engine.core.errors import BadSetting, BlindspotError
from engine.core.result import WeightScores
from engine.sparsity import CRITERIA, MaskRules, Masks, Pruner, prunable_parts, pruner_of
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.masks.pruner import guarded
from tests import tiny
from tests.engine.sparsity.cases import magnitudes


def pruner(model, **rules):
    return Pruner(model, magnitudes(model), MaskRules(**rules))


def modules(network):
    return [(network.get_submodule(n), n) for n in ("conv1", "conv2", "fc")]


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.8, 0.95])
def test_masks_are_those_of_torch_pruning_over_all_layers(amount):
    model = tiny.cnn()
    masks = pruner(model, head=True).at(amount)
    theirs = deepcopy(model.network)
    chosen = [(module, "weight") for module, _ in modules(theirs)]
    prune.global_unstructured(chosen, prune.L1Unstructured, amount=amount)
    scores = Magnitude()(tiny.prune_case(model))["scores"]
    by_method = Pruner(model, scores, MaskRules(head=True)).at(amount)
    for module, name in modules(theirs):
        expected = module.weight_mask.bool().numpy()
        assert np.array_equal(masks.array(f"{name}.weight"), expected)
        assert np.array_equal(by_method.array(f"{name}.weight"), expected)


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.8])
def test_masks_are_those_of_torch_pruning_layer_by_layer(amount):
    model = tiny.cnn()
    masks = pruner(model, head=True, allocation="per layer").at(amount)
    for module, name in modules(deepcopy(model.network)):
        prune.l1_unstructured(module, "weight", amount=amount)
        assert np.array_equal(masks.array(f"{name}.weight"), module.weight_mask.bool().numpy())


@pytest.mark.parametrize(("structure", "dim"), [("filter", 0), ("channel", 1)])
def test_masks_are_those_of_torch_pruning_by_rows_and_columns(structure, dim):
    model = tiny.cnn()
    masks = pruner(model, head=True, allocation="per layer", structure=structure).at(0.5)
    theirs = deepcopy(model.network)
    whole = {"filter": "fc", "channel": "conv1"}[structure]
    for module, name in modules(theirs):
        mask = masks.array(f"{name}.weight")
        if name == whole:  # the classes' rows, or the image's own channels
            assert mask.all()
            continue
        prune.ln_structured(module, "weight", amount=0.5, n=2, dim=dim)
        assert np.array_equal(mask, module.weight_mask.bool().numpy())


@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4), (1, 2), (4, 8)])
def test_every_group_along_the_inputs_keeps_exactly_n_of_m(n, m):
    model = tiny.cnn()
    masks = pruner(model, head=True, structure="N:M", n=n, m=m).at(0.3)
    groups = masks.array("conv2.weight").transpose(0, 2, 3, 1).reshape(-1, m)
    assert (groups.sum(1) == n).all()
    assert masks.array("conv1.weight").all()  # three input channels
    assert "conv1" in masks.notes[0]
    assert (masks.array("fc.weight").reshape(-1, m).sum(1) == n).all()
    sizes = np.abs(model.network.conv2.weight.numpy()).transpose(0, 2, 3, 1).reshape(-1, m)
    for group, size in zip(groups[:50], sizes[:50], strict=True):
        assert size[group].min() > size[~group].max()


@given(ratio=st.floats(0, 0.999), seed=st.integers(0, 20))
def test_counts_are_exact_and_the_same_ratio_gives_the_same_masks(ratio, seed):
    model = tiny.cnn(seed=seed)
    cutter = pruner(model, head=True, least=0)
    masks = cutter.at(ratio)
    total = sum(part.size for part in prunable_parts(model))
    assert masks.kept == total - round(ratio * total)
    assert np.array_equal(masks.flat, cutter.at(ratio).flat)
    assert masks.digest == cutter.at(ratio).digest


@pytest.mark.parametrize("title", [kind.title for kind in CRITERIA])
@pytest.mark.parametrize(
    "rules",
    [
        MaskRules(),
        MaskRules("per layer"),
        MaskRules("uniform"),
        MaskRules("uniform+", head=True),
        MaskRules("ER"),
        MaskRules("ERK", head=True),
        MaskRules(structure="filter"),
        MaskRules(structure="channel"),
        MaskRules(structure="group"),
    ],
    ids=str,
)
def test_a_higher_ratio_only_ever_cuts_more(title, rules):
    cutter = pruner_of(tiny.prune_case(), title, rules, ratio=0.8)
    last: Masks | None = None
    for ratio in np.linspace(0, 0.8, 17):
        masks = cutter.at(float(ratio))
        assert last is None or masks.inside(last)
        last = masks


def test_of_equal_scores_those_that_come_first_stay():
    model = tiny.cnn()
    flat = {p.name: np.ones(p.shape, np.float32) for p in prunable_parts(model)}
    masks = Pruner(model, WeightScores(flat, "", "l2"), MaskRules(least=0)).at(0.5)
    assert masks.flat[: masks.kept].all()
    assert not masks.flat[masks.kept :].any()


def test_the_guard_keeps_the_best_weight_of_a_layer_and_says_so():
    model = tiny.cnn()
    scores = dict(magnitudes(model).values)
    scores["conv1.weight"] = scores["conv1.weight"] * 1e-6
    low = WeightScores(scores, "", "l2")
    masks = Pruner(model, low).at(0.9)
    bare = Pruner(model, low, MaskRules(least=0)).at(0.9)
    assert bare.counts[0] == 0
    assert masks.counts[0] == 1
    assert masks.array("conv1.weight").ravel()[scores["conv1.weight"].argmax()]
    assert masks.kept == bare.kept
    expected = ("The guard against collapse keeps the best of conv1: nothing would be left there.",)
    assert masks.notes == expected
    assert Pruner(model, low).at(0.1).notes == ()
    alone = Pruner(model, low, MaskRules("per layer")).at(1 - 0.4 / 216)  # 0.4 and 2.1 weights
    assert alone.counts.tolist() == [1, 2]
    assert alone.notes == expected
    (four,), (six,) = (guarded("abcdef"[:count]) for count in (4, 6))
    assert "best of a, b, c, d: nothing" in four
    assert "best of a, b, c, d and 2 more: nothing" in six


@pytest.mark.parametrize("least", [1, 2])
def test_the_guard_names_exactly_the_layers_that_would_be_empty_without_it(least):
    model = tiny.cnn()
    careful, bare = pruner(model, least=least), pruner(model, least=0)
    named = []
    for count in range(20):  # also fewer than the guard keeps, and just as many
        ratio = 1 - (count or 0.4) / bare.units
        counts = zip(bare.parts, bare.at(ratio).counts, strict=True)
        emptied = [part.layer for part, left in counts if not left]
        named.append(len(emptied))
        words = ", ".join(emptied)
        note = f"The guard against collapse keeps the best of {words}: nothing would be left there."
        assert careful.at(ratio).notes == ((note,) if emptied else ())
    assert set(named) == {0, 1, 2}


def test_the_ends_of_the_slider():
    model = tiny.cnn()
    cutter, bare = pruner(model), pruner(model, least=0)
    size = cutter.units
    assert cutter.at(0.0).flat.all()
    assert bare.at(1 - 1 / size).kept == 1
    assert list(cutter.at(1 - 1 / size).counts) == [1, 1]
    assert cutter.at(1 - 0.4 / size).notes == (
        "The guard against collapse keeps the best of conv1, conv2: nothing would be left there.",
    )
    for wrong in (1.0, 1.2, -0.1, float("nan")):
        with pytest.raises(BadSetting, match="so that something is left"):
            cutter.at(wrong)


def test_the_ratios_of_other_scores_are_kept_and_nothing_else_of_them():
    model = tiny.cnn()
    case = tiny.prune_case(model)
    ours = pruner_of(case, "Random", MaskRules("SNIP ratio", head=True)).at(0.8)
    theirs = pruner_of(case, "SNIP", MaskRules(head=True)).at(0.8)
    assert list(ours.counts) == list(theirs.counts)
    assert not np.array_equal(ours.flat, theirs.flat)
    with pytest.raises(BadSetting, match="scores of their own"):
        Pruner(model, magnitudes(model), MaskRules("SNIP ratio"))


def test_scores_that_do_not_fit_are_refused_in_words():
    model = tiny.cnn()
    good = dict(magnitudes(model).values)
    with pytest.raises(BlindspotError, match=r"no scores of conv2\.weight"):
        Pruner(model, WeightScores({"conv1.weight": good["conv1.weight"]}, "", "l2"))
    with pytest.raises(BlindspotError, match=r"not \(8, 3, 3, 3\)"):
        Pruner(model, WeightScores(good | {"conv1.weight": np.ones((2, 2), np.float32)}, "", "l2"))
    broken = good | {"conv1.weight": np.full((8, 3, 3, 3), np.nan, np.float32)}
    with pytest.raises(BlindspotError, match="no numbers"):
        Pruner(model, WeightScores(broken, "", "l2")).at(0.5)
    for wrong in ({"allocation": "by luck"}, {"structure": "atom"}, {"least": -1}):
        with pytest.raises(BadSetting):
            MaskRules(**wrong)
    with pytest.raises(BadSetting, match="4:4 is no pattern"):
        pruner(model, structure="N:M", n=4).at(0)


def test_only_the_layers_that_were_ticked_are_pruned():
    model = tiny.cnn()
    assert [part.name for part in pruner(model, only=("conv2",)).at(0.5).parts] == ["conv2.weight"]
    with pytest.raises(BadSetting, match="no prunable layer 'conv9'"):
        pruner(model, only=("conv9",))


def test_selection_makes_no_copy_of_the_weights_for_a_ratio():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2000), nn.ReLU(), nn.Linear(2000, 4))
    cutter = pruner(tiny.classifier(tiny.random_weights(network), side=8))
    cutter.at(0.5)
    size = cutter.units
    tracemalloc.start()
    cutter.at(0.7)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * size  # one float32 copy of the weights would be 4 bytes each
