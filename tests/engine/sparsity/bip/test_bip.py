"""BiP alternates as the paper says, keeps an exact count, and reduces to what it should."""

from copy import deepcopy
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import BlindspotError, Cancelled
from engine.core.run import answer
from engine.sparsity import BiP
from engine.sparsity.bip import method as bip
from engine.sparsity.bip.mask_search import MaskSearch, hypergradient, kept_of
from engine.sparsity.tickets.cut import full_masks, prune_smallest
from engine.vision.lab import Train, TrainCase
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recipe, loop, train
from engine.vision.training.batch_loss import BatchLoss
from tests.engine.sparsity.cases import stop_after
from tests.engine.vision.training.test_loop import same, striped

RECIPE = Recipe("mlp", epochs=2, batch=8, rate=0.05, decay=0.01, schedule="constant")
MOVING = BiP(kept=0.2, epochs=3, rate=2.0, implicit=0.1, levels=0)  # the mask moves at each step


@cache
def case_and_dense(architecture="mlp", **given):
    """A small case, and the dense network that every method begins with."""
    recipe = replace(RECIPE, architecture=architecture, **given)
    case = TrainCase(striped(), recipe, seed=2**32 - 5)  # the seed of the second batches wraps
    return case, rebuilt(answer(Train(), case)["model"])


def plainly(case, dense, method):
    """The paper's alternation with explicit z = m⊙θ: the weights and masks by name."""
    network, rows, recipe = dense.network, case.data.rows("train"), case.recipe
    weights = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    scores = {name: weight.clone() for name, weight in weights.items() if weight.dim() > 1}
    memory = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    speed = {name: torch.zeros_like(score) for name, score in scores.items()}
    total = sum(score.numel() for score in scores.values())
    keep, batches = total - int((1 - method.kept) * total), -(-len(rows) // recipe.batch)

    def mask():
        every = torch.cat([score.abs().flatten() for score in scores.values()])
        least = every.topk(keep).values.min()
        return {name: (score.abs() >= least).float() for name, score in scores.items()}

    def slopes(seed, epoch, batch):
        """g = ∂ℓ/∂z of that batch, at z = m⊙θ."""
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        some = np.array_split(order, batches)[batch]
        masked_weights = {n: (w * masks.get(n, 1)).requires_grad_() for n, w in weights.items()}
        pixels = (case.data.pixels(some) - dense.mean) / dense.std
        logits = torch.func.functional_call(network, masked_weights, (pixels,))
        loss = F.cross_entropy(logits, case.data.targets(some))
        grads = torch.autograd.grad(loss, [*masked_weights.values()])
        return dict(zip(masked_weights, grads, strict=True))

    masks, steps = mask(), method.epochs * batches
    for step in range(1, steps + 1):
        epoch, batch = divmod(step - 1, batches)
        for name, g in slopes(case.seed, epoch, batch).items():
            memory[name] = 0.9 * memory[name] + g * masks.get(name, 1) + 0.01 * weights[name]
            weights[name] = weights[name] - 0.05 * memory[name]
        if step % method.lower:
            continue
        rate = method.rate * (0.01 if step > 0.9 * steps else 0.1 if step > 0.75 * steps else 1)
        slope = slopes((case.seed + bip.OTHER_ORDER) % 2**32, epoch, batch)
        for name, score in scores.items():
            g, weight = slope[name], weights[name]
            down = score.sign() * weight * g
            if method.compat:
                down = down - method.implicit * (weight * g) ** 2
            elif method.implicit is not None:
                down = down - score.sign() * method.implicit * g * masks[name] * g
            speed[name] = 0.9 * speed[name] + down
            scores[name] = score - rate * speed[name]
        masks = mask()
    return weights, masks


@pytest.mark.parametrize(
    "given",
    [{}, {"compat": True}, {"implicit": None}, {"lower": 3}],
    ids=["derived", "as released", "accelerated", "three steps on weights"],
)
def test_it_is_the_alternation_of_the_paper_written_out_plainly(given):
    case, dense = case_and_dense()
    method = replace(MOVING, **given)
    model = rebuilt(method(case)["model"])
    weights, masks = plainly(case, dense, method)
    for name, result in model.network.named_parameters():
        mask = masks.get(name, torch.ones_like(result))
        assert torch.equal(result != 0, mask.bool()), name
        torch.testing.assert_close(result.detach(), weights[name] * mask, atol=1e-5, rtol=1e-4)


def test_the_formula_is_the_derivative_through_the_best_weights_to_first_order_in_one_over_gamma():
    """Squared loss of a linear model, where θ*(m) = (γ + M H M)⁻¹ M b; the rest falls as 1/γ²."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(40, 6, generator=rng, dtype=torch.float64)
    targets = torch.randn(40, generator=rng, dtype=torch.float64)
    hessian, right = images.T @ images / 40, images.T @ targets / 40
    mask = torch.tensor([1, 0, 1, 1, 0, 1], dtype=torch.float64)

    def best(m, gamma):
        return torch.linalg.solve(gamma * torch.eye(6) + torch.outer(m, m) * hessian, m * right)

    def loss(m, gamma):
        return ((images @ (m * best(m, gamma)) - targets) ** 2).mean() / 2

    def error(gamma, **given):
        step = 1e-5 * torch.eye(6, dtype=torch.float64)
        slopes = [(loss(mask + d, gamma) - loss(mask - d, gamma)) / 2e-5 for d in step]
        weights = best(mask, gamma)
        g = hessian @ (mask * weights) - right
        result = hypergradient(weights * g, mask * g, torch.ones(6), 1 / gamma, **given)
        is_kept = mask.bool()  # θ* is 0 where the mask is, so that both are 0 there
        return (result - torch.stack(slopes))[is_kept].abs().max()

    gammas = (100.0, 1000.0)
    assert torch.log10(error(gammas[0]) / error(gammas[1])) == pytest.approx(2, abs=0.1)
    released = torch.log10(error(gammas[0], compat=True) / error(gammas[1], compat=True))
    assert released == pytest.approx(1, abs=0.1)  # as released, it misses the first order


def test_an_implicit_term_of_zero_is_the_accelerated_variant_to_the_bit():
    case, dense = case_and_dense()
    zero = replace(MOVING)
    object.__setattr__(zero, "implicit", 0.0)  # below the slider: computed, and adds nothing
    first, model, _ = replace(MOVING, implicit=None).learned(case, dense)
    second, other, _ = zero.learned(case, dense)
    assert torch.equal(first.scores, second.scores)
    assert same(model, other)
    assert not torch.equal(first.scores, MOVING.learned(case, dense)[0].scores)


@pytest.mark.parametrize("architecture", ["mlp", "resnet8"])
def test_with_every_weight_kept_it_is_the_dense_training_gone_on_to_the_bit(architecture):
    case, dense = case_and_dense(architecture, shift=1)
    method = replace(MOVING, kept=1.0)
    model = deepcopy(dense)
    train(model, case.data, replace(case.recipe, epochs=method.epochs), case.seed)
    assert same(rebuilt(method(case)["model"]), model)


def search_of(case, dense, keep):
    data, rows = case.data, case.data.rows("train")
    losses = BatchLoss(dense, data, rows, case.recipe, 9, bip.cross_entropy, data.targets())
    return MaskSearch(losses, full_masks(dense), keep, rate=0.1)


def test_scores_begin_as_a_copy_of_the_weights_and_share_no_memory():
    case, dense = case_and_dense()
    model = deepcopy(dense)
    search = search_of(case, model, 500)
    row = torch.cat([model.network.get_parameter(p.name).flatten() for p in search.every.parts])
    assert torch.equal(search.scores, row)
    with torch.no_grad():
        for weight in model.network.parameters():
            weight.zero_()
    assert torch.equal(search.scores, row)
    masks = prune_smallest(dense, search.every, 1 - 500 / search.every.total)
    assert search.at(0).digest == masks.digest


@pytest.mark.parametrize("kept", [0.07, 0.2, 0.333])
def test_the_count_is_exact_after_every_step(kept, monkeypatch):
    case, dense = case_and_dense()
    counts = []

    def choosing(search):
        choose(search)
        counts.append(int(search.mask.sum()))

    choose = MaskSearch.choose
    monkeypatch.setattr(MaskSearch, "choose", choosing)
    search, model, _ = replace(MOVING, kept=kept).learned(case, dense)
    total = search.every.total
    assert len(counts) == 1 + 3 * search.batches
    assert set(counts) == {total - int((1 - kept) * total)} == {kept_of(total, kept)}
    left = [int((model.network.get_parameter(p.name) != 0).sum()) for p in search.every.parts]
    assert sum(left) == counts[0]
    assert len({snapshot.tobytes() for snapshot in search.history}) > 1


def test_an_interruption_changes_no_bit(tmp_path, monkeypatch):
    case, dense = case_and_dense()
    before, model, _ = MOVING.learned(case, dense)
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)

    with pytest.raises(Cancelled):
        MOVING.learned(case, dense, stop_after(0.6))
    after, again, _ = MOVING.learned(case, dense)
    assert torch.equal(before.scores, after.scores)
    assert np.array_equal(before.history, after.history)
    assert same(model, again)


def test_each_row_is_a_training_by_itself_and_all_keep_as_many():
    case, dense = case_and_dense()
    method = replace(MOVING, levels=3)
    result = method(case)
    figures, data = result["figures"], case.data
    levels = [f"IMP, level {n}" for n in "123"]
    assert figures.rows == ("dense", "BiP", "one-shot magnitude", *levels)
    total = full_masks(dense).total
    keep = kept_of(total, method.kept)
    np.testing.assert_allclose(figures["kept"][[1, 2, 5]], keep / total)
    batches = -(-len(data.rows("train")) // case.recipe.batch)
    np.testing.assert_array_equal(figures["steps"], np.array([0, 6, 6, 3, 6, 9]) * batches)
    np.testing.assert_array_equal(figures["epochs"], [2, 2 + 3, 2 + 6, 3, 3, 3])  # 2 of the dense
    once = deepcopy(dense)
    masks = prune_smallest(dense, full_masks(dense), 1 - keep / total)
    train(once, data, replace(case.recipe, epochs=6), case.seed, masks=masks)
    rows = data.rows("test")
    right = (once(data.pixels(rows)).argmax(1) == data.targets(rows)).float().mean()
    assert figures.cell("one-shot magnitude", "right") == pytest.approx(float(right))
    search = method.learned(case, dense)[0]
    bits = [search.at(epoch).flat for epoch in range(4)]
    table = result["mask"]
    np.testing.assert_allclose(table["flipped"][1:], [(a ^ b).mean() for a, b in pairwise(bits)])
    same = [(a & bits[3]).sum() / (a | bits[3]).sum() for a in bits]
    np.testing.assert_allclose(table["IoU with the final mask"], same)
    np.testing.assert_allclose(result["overlap"].cell("one-shot magnitude", "IoU"), same[0])
    assert result["overlap"].rows == ("one-shot magnitude", "IMP")
    stored_model = rebuilt(result["model"])
    weights = [stored_model.network.get_parameter(p.name) for p in masks.parts]
    assert sum(int((weight != 0).sum()) for weight in weights) == keep
    assert stored_model.masks.keys() == {part.name for part in masks.parts}
    assert stored_model.lineage.parent == dense.fingerprint
    finding = method.finding(case, result)
    assert f"{100 * figures.cell('BiP', 'right'):.1f} % right" in finding
    assert "in 1.5 times the steps, but with 3 epochs behind its last weights and not 5." in finding


def fading(model, name="head.weight"):
    """The model with a layer whose weights are smaller than all others."""
    with torch.no_grad():
        model.network.get_parameter(name).mul_(1e-6)
    return model


def test_a_layer_that_would_be_left_empty_keeps_its_largest_weight():
    case, dense = case_and_dense()
    model = fading(deepcopy(dense))
    masks, head = search_of(case, model, 500).masks, model.head.weight.detach().abs()
    assert sum(int(mask.sum()) for mask in masks.values()) == 500
    assert masks["head.weight"].sum() == 1
    assert masks["head.weight"].flatten()[head.argmax()] == 1
    others = [name for name in masks if name != "head.weight"]
    sizes = torch.cat([model.network.get_parameter(n).detach().abs().flatten() for n in others])
    is_kept = torch.cat([masks[name].flatten() for name in others]).bool()
    assert sizes[is_kept].min() >= sizes[~is_kept].max()  # the largest of the rest
    with pytest.raises(BlindspotError, match="1 weights are too few for"):
        search_of(case, model, 1)


def test_imp_ends_where_a_layer_would_be_empty_and_what_is_done_stays(monkeypatch):
    case, _ = case_and_dense()
    method = replace(MOVING, levels=3)
    cut_as_ever = bip.cut_to_level

    def cutting(model, masks, density, progress):
        return cut_as_ever(fading(model) if progress > 0.5 else model, masks, density, progress)

    monkeypatch.setattr(bip, "cut_to_level", cutting)
    result = method(case)
    figures = result["figures"]
    assert figures.rows[-1] == "IMP, level 1"
    assert np.isfinite(figures.cell("BiP", "right"))
    assert result["overlap"].rows == ("one-shot magnitude",)
    assert figures.notes[-1].startswith("IMP ends before level 2, with ")
    assert method.finding(case, result).endswith(figures.notes[-1])
    assert rebuilt(result["model"]).masks
