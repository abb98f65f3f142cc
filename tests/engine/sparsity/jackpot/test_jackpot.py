"""The search: its exchanges one by one, what it may not touch, and where it must do nothing."""

from math import ceil

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import Cancelled, DoesNotFit
from engine.sparsity import MaskRules, Prune, PruneCase, Pruner, Tradeoff, masks_in, pruned
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.effects.tradeoff import RATIOS
from engine.sparsity.jackpot import criterion as jackpot
from engine.sparsity.jackpot.criterion import ADAPTED, AFTER_SEARCH, DENSE, START, Jackpot, Swapping
from engine.sparsity.jackpot.search import ChosenWeight, searchable, sha_of, swap
from engine.sparsity.prune import share_correct
from engine.vision.training import Recipe, fresh, loop, train, unfinished
from engine.vision.training.masks import owner
from tests import tiny
from tests.engine.sparsity.cases import calls_of, stop_after

pytestmark = pytest.mark.usefixtures("empty_home")


def start_of(case, ratio, **rules):
    return Pruner(case.model, Magnitude()(case)["scores"], MaskRules(**rules)).at(ratio)


def released(on, m, share):
    """The released code's exchanges of one layer, written again from its description."""
    on, count = list(on), on.count(0)
    if not count or count == len(on):
        return on, 0
    edge = sorted(m)[count - 1]
    coming = [i for i in range(len(m)) if not on[i] and m[i] > edge]
    going = [i for i in range(len(m)) if on[i] and m[i] <= edge]
    assert len(coming) == len(going)
    flips = ceil(share * len(coming))
    for i in sorted(coming, key=lambda i: -m[i])[:flips]:
        on[i] = 1
    for i in sorted(going, key=lambda i: m[i])[:flips]:
        on[i] = 0
    return on, flips


@pytest.mark.parametrize("share", [1.0, 0.5, 0.01, 0.0])
def test_six_weights_are_exchanged_as_in_the_released_code_one_by_one(share):
    rng = np.random.default_rng(0)
    flipped = 0
    for count in range(7):
        on = np.array([False] * count + [True] * (6 - count))
        chosen = ChosenWeight(torch.randn(2, 3), on.reshape(2, 3), np.ones((2, 3), np.bool_))
        plain = on.astype(int).tolist()
        for _ in range(20):
            m = rng.normal(1, 0.01, 6).astype(np.float32)
            plain, expected = released(plain, m.tolist(), share)
            assert swap(chosen, torch.from_numpy(m).view(2, 3), share) == expected
            assert chosen.on.flatten().tolist() == plain
            flipped += expected
    assert (flipped > 0) == (share > 0)


def test_a_weight_that_is_on_stays_where_numbers_are_equal_and_one_that_was_cut_never_comes_in():
    on, free = np.array([True, False, False]), np.array([True, True, False])
    chosen = ChosenWeight(torch.ones(3), on, free)
    assert swap(chosen, torch.tensor([1.0, 1.0, 1.0])) == 0
    assert swap(chosen, torch.tensor([1.0, 0.9, 5.0])) == 0
    assert swap(chosen, torch.tensor([1.0, 1.1, 5.0])) == 1
    assert chosen.on.tolist() == [0, 1, 0]


def test_the_numbers_get_the_gradient_of_the_binaries_also_of_weights_that_are_off():
    case = tiny.prune_case()
    start = start_of(case, 0.6)
    pixels, targets = case.batch(4)
    model = case.model.twin(paced=False)
    free = {part.name: np.ones(part.shape, np.bool_) for part in start.parts}
    chosen = searchable(model, start, free, 0.99, 0)
    model.requires_grad_(requires_grad=True)
    F.cross_entropy(model(pixels), targets).backward()
    plain = case.model.twin(paced=False)
    weights = dict(plain.network.named_parameters())
    masked_weights = {
        p.name: (weights[p.name] * start[p.name]).detach().requires_grad_() for p in start.parts
    }
    normalized = (pixels - plain.mean) / plain.std
    logits = torch.func.functional_call(plain.network, masked_weights, (normalized,))
    slopes = torch.autograd.grad(F.cross_entropy(logits, targets), list(masked_weights.values()))
    assert len(list(model.network.parameters())) == len(chosen)  # nothing else can be learned
    for part, slope in zip(start.parts, slopes, strict=True):
        module, leaf = owner(model.network, part.name)
        numbers = module.parametrizations[leaf].original
        torch.testing.assert_close(numbers.grad, slope * weights[part.name], rtol=1e-4, atol=1e-7)
        assert numbers.grad[~start[part.name]].abs().max() > 0


def test_the_cut_at_the_searched_ratio_is_the_found_mask_and_no_weight_has_moved(
    digits, monkeypatch
):
    caught = {}
    searched = Jackpot.searched

    def watched(self, case, model, start, progress):
        result = searched(self, case, model, start, progress)
        caught.update(start=start, found=result[0], model=model)
        return result

    monkeypatch.setattr(Jackpot, "searched", watched)
    method = Jackpot(ratio=0.95, epochs=2)
    answer = method(digits)
    start, result, model = (caught[name] for name in ("start", "found", "model"))
    cut = Pruner(digits.model, answer["scores"], MaskRules()).at(0.95)
    assert np.array_equal(cut.flat, result.flat)
    assert not np.array_equal(result.flat, start.flat)
    assert list(result.counts) == list(start.counts)
    for name, weight in digits.model.network.named_parameters():
        module, leaf = owner(model.network, name)
        chosen = name in result.starts
        stored = module.parametrizations[leaf][0].weight if chosen else getattr(module, leaf)
        assert torch.equal(stored, weight)
    sha = sha_of(digits.model.network, dict(digits.model.network.named_parameters()))
    assert answer["weights"].notes == (sha, sha)
    for name, network in (
        (AFTER_SEARCH, pruned(digits.model, cut)),
        (AFTER_SEARCH, model),
        (START, pruned(digits.model, start)),
        (DENSE, digits.model),
    ):
        assert answer["figures"][name] == pytest.approx(share_correct(network, digits), abs=1e-4)
    assert f"SHA-256 {sha[:8]}… before and after" in method.finding(digits, answer)


def test_every_layer_keeps_its_number_of_weights_in_each_step(digits, monkeypatch):
    counts = {}

    def counted(chosen, numbers, share):
        moved = swap(chosen, numbers, share)
        counts.setdefault(id(chosen), []).append(int(chosen.on.sum()))
        return moved

    monkeypatch.setattr(jackpot, "swap", counted)
    answer = Jackpot(ratio=0.95, epochs=2)(digits)
    start = start_of(digits, 0.95)
    assert sorted({n for row in counts.values() for n in row}) == sorted(set(start.counts.tolist()))
    assert all(len(set(row)) == 1 for row in counts.values())
    steps = 2 * -(-len(digits.data.rows("train")) // jackpot.BATCH)
    assert {len(row) for row in counts.values()} == {steps}
    assert answer["swaps"]["swapped"].sum() > 0
    assert answer["search"]["swapped"].sum() == answer["swaps"]["swapped"].sum()


def test_at_a_rate_of_0_the_mask_of_magnitude_stays(digits, monkeypatch):
    monkeypatch.setattr(Recipe, "rate_at", lambda *_: 0.0)
    answer = Jackpot(ratio=0.95, epochs=1)(digits)
    cut = Pruner(digits.model, answer["scores"], MaskRules()).at(0.95)
    assert np.array_equal(cut.flat, start_of(digits, 0.95).flat)
    assert answer["swaps"]["swapped"].sum() == 0
    assert answer["overlap"].cell("all", "IoU") == 1


def test_the_search_finds_more_right_than_magnitude_where_magnitude_fails(digits):
    answer = Jackpot(ratio=0.98)(digits)
    figures = answer["figures"]
    assert figures[AFTER_SEARCH] > figures[START] + 0.05
    table = answer["overlap"]
    assert table.cell("all", "IoU") > 5 * table.cell("all", "chance")
    validation = answer["search"]["validation accuracy"]
    assert validation[-1] > validation[0]


@pytest.mark.parametrize("allocation", ["per layer", "ERK", "SNIP ratio"])
def test_other_rules_for_layers_are_searched_under(digits, allocation):
    rules = {"allocation": allocation, "head": allocation == "ERK"}
    cut = Prune(criterion=Jackpot.title, ratio=0.9, **rules).masks(digits)
    pruned_masks = Prune(criterion=Magnitude.title, ratio=0.9, **rules).masks(digits)
    assert list(cut.counts) == list(pruned_masks.counts)
    assert not np.array_equal(cut.flat, pruned_masks.flat)


def test_what_an_earlier_round_cut_stays_cut(digits):
    first = Prune(ratio=0.9)
    case = PruneCase(first.made(digits, first.masks(digits)), digits.data)
    cut = Prune(criterion=Jackpot.title, ratio=0.97).masks(case)
    assert cut.inside(masks_in(case.model))
    assert cut.kept == cut.total - round(0.97 * cut.total)


def test_batchnorm_stands_still_unless_it_is_asked_to_adapt():
    data = tiny.columns(10, ("a", "b", "c"))
    recipe = Recipe("resnet8", epochs=2, batch=8)
    model = fresh(data, recipe)
    train(model, data, recipe)
    case = PruneCase(model, data)
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    still = model.twin(paced=False)
    plain, adapted = Jackpot(epochs=1, ratio=0.8), Jackpot(epochs=1, ratio=0.8, statistics=True)
    start = start_of(case, 0.8)
    plain.searched(case, still, start, lambda *_, **__: None)
    moved = model.twin(paced=False)
    adapted.searched(case, moved, start, lambda *_, **__: None)
    name = next(name for name in before if name.endswith("running_mean"))
    assert torch.equal(still.network.state_dict()[name], before[name])
    assert not torch.equal(moved.network.state_dict()[name], before[name])
    answer = adapted(case)
    assert answer["weights"].notes[0] == answer["weights"].notes[1]
    assert answer["figures"].labels == (DENSE, START, AFTER_SEARCH, ADAPTED)


def test_a_search_that_was_stopped_goes_on_where_it_was_and_finds_the_same(digits, monkeypatch):
    whole = Jackpot(ratio=0.95, epochs=2)
    expected = whole(digits)
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)  # it may stop at any step
    taken = calls_of(monkeypatch, Swapping, "__call__")

    with pytest.raises(Cancelled):
        whole(digits, stop_after(0.6))
    assert [job.note["kind"] for job in unfinished()] == ["search"]
    first, steps = len(taken), len(expected["swaps"])
    assert steps / 2 < first < steps
    result = whole(digits)
    assert len(taken) == steps
    assert np.array_equal(result["swaps"]["swapped"], expected["swaps"]["swapped"])
    for name, values in expected["scores"].values.items():
        assert np.array_equal(result["scores"].values[name], values)


def test_each_level_of_the_curve_is_a_search_of_its_own(monkeypatch):
    calls = calls_of(monkeypatch, Jackpot, "__call__")
    Tradeoff(epochs=0, criterion=Jackpot.title)(tiny.prune_case(seed=9))  # nothing is kept of it
    assert RATIOS[0] == 0
    # where nothing is cut there is nothing to search for
    assert [method.ratio for method, *_ in calls] == list(RATIOS[1:])


@pytest.mark.parametrize("pieces", ["weight", "filter", "channel", "group"])
def test_pieces_that_were_not_searched_say_so_and_single_weights_do_not(digits, pieces):
    masks = Prune(criterion=Jackpot.title, ratio=0.6, structure=pieces).masks(digits)
    noted = any("not the mask that was found" in note for note in masks.notes)
    assert noted == (pieces != "weight")


def test_n_of_every_m_is_refused_before_any_search(digits, monkeypatch):
    monkeypatch.delattr(Jackpot, "__call__")
    for method in (Prune, Tradeoff):
        with pytest.raises(DoesNotFit, match="knows no pattern of N in every M"):
            method(criterion=Jackpot.title, structure="N:M")(digits)
