"""N:M flow: every recipe trained by hand, what the picture shows, and what is found with it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn import functional as F

from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.sparsity import NMFlowExperiment
from engine.sparsity.nm_flow import experiment as nm
from engine.vision import data as data_sets
from engine.vision.training import Recipe, fresh
from tests.engine.anomaly import outcomes
from tests.engine.sparsity.cases import small_case

STEPS = 4  # an epoch of the tiny data is one step
FRAMES = {nm.SD_STEP: (15, 8, 4, 2, 1), nm.SD_GEO: ((8, 128), (4, 64), (2, 32), (1, 16))}


def pattern_of(name, step, inputs):
    """N and M of one step, from the sheet: frames of equal length."""
    if name.endswith("2:4"):
        return 2, 4
    if name == nm.SD_STEP:
        return FRAMES[nm.SD_STEP][min(5 * step // STEPS, 4)], 16
    if name == nm.SD_GEO:
        frames = FRAMES[nm.SD_GEO][min(4 * step // STEPS, 3) :]
        return next(frame for frame in frames if frame[1] <= inputs)
    return 1, 16


def kept_by_hand(weight, pattern):
    """1 where fewer than N of the group are larger."""
    n, m = pattern
    groups = weight.abs().reshape(-1, m)
    return ((groups[:, None, :] > groups[:, :, None]).sum(-1) < n).float().reshape(weight.shape)


def beta_of(name, step):
    """How much of what is cut counts: one half after 0.06 of the training; STE has none."""
    time = step / STEPS
    if step == STEPS:
        return 0.0
    if name == nm.MD_LINEAR:
        return max(0.0, 1 - time / 0.12)
    return 0.5 ** (time / 0.06) if name in (nm.MD_EXP, nm.MILD_MD) else 0.0


def by_hand(name, case, pull):
    """The figures of one condition, by a loop of its own around torch's AdamW."""
    data, recipe = case.data, Recipe("vit", schedule="one cycle", epochs=STEPS, rate=0.003)
    model = fresh(data, recipe, case.seed)
    weights = {k: p.detach().clone() for k, p in model.network.named_parameters()}
    thin = [] if name == nm.DENSE else [k for k in weights if ".mlp." in k and k.endswith("weight")]
    adamw = torch.optim.AdamW(weights.values(), 0.003, weight_decay=0.01)

    def used(step):
        masks = {
            k: kept_by_hand(weights[k], pattern_of(name, step, weights[k].shape[1])) for k in thin
        }
        gates = {k: m + (1 - m) * beta_of(name, step) for k, m in masks.items()}
        return {k: w * gates.get(k, 1) for k, w in weights.items()}, masks, gates

    def logits(seen, rows):
        return functional_call(model.network, seen, (data.pixels(rows) - model.mean) / model.std)

    for step in range(STEPS):
        rows = np.random.default_rng([case.seed, step]).permutation(data.rows("train"))
        masked_weights, masks, gates = used(step)
        masked_weights = {k: w.clone().requires_grad_() for k, w in masked_weights.items()}
        loss = F.cross_entropy(logits(masked_weights, rows), data.targets(rows))
        grads = torch.autograd.grad(loss, list(masked_weights.values()))
        slopes = dict(zip(masked_weights, grads, strict=True))
        for key, weight in weights.items():
            weight.grad = slopes[key]
            if key in thin and name in (nm.MD_LINEAR, nm.MD_EXP, nm.MILD_MD):
                weight.grad = slopes[key] * gates[key]
            if key in thin and name in (nm.SR_STE, nm.MILD_SR):
                weight.grad = slopes[key] + pull * (1 - masks[key]) * weight
        adamw.param_groups[0]["lr"] = recipe.rate_at(step / STEPS)
        adamw.step()
    masked_weights, masks, _ = used(STEPS)
    rows = data.rows("test")
    result, labels = logits(masked_weights, rows), data.targets(rows)
    shares = [mask.mean().item() for mask in masks.values()]
    return {
        nm.RIGHT: (result.argmax(1) == labels).float().mean().item(),
        nm.SURE: result.softmax(1)[torch.arange(len(rows)), labels].mean().item(),
        nm.PATTERN_KEPT: np.mean(shares) if shares else 1.0,
    }


def test_every_figure_is_that_of_networks_trained_by_hand():
    case, pull = small_case(), 0.001
    method = NMFlowExperiment(seeds=1, epochs=STEPS, pull=pull)
    result = method(case)["runs"]
    assert result.rows == tuple(method.conditions(case))
    sure = {}
    with torch.no_grad():
        for name in result.rows:
            with torch.enable_grad():
                expected = by_hand(name, case, pull)
            figures = {column: result.cell(name, column) for column in expected}
            assert figures == pytest.approx(expected, abs=2e-4), name
            sure[name] = figures[nm.SURE]
    assert len(set(sure.values())) == len(sure)
    assert {result.cell(name, nm.PATTERN_KEPT) for name in (nm.MILD_SR, nm.MILD_MD)} == {0.5}
    assert {result.cell(name, nm.PATTERN_KEPT) for name in (nm.STE, nm.MD_EXP, nm.SD_GEO)} == {
        1 / 16
    }


def test_what_two_conditions_share_is_trained_once():
    """At 2:4 the two controls are conditions that are there already."""
    conditions = NMFlowExperiment(pattern="2:4").conditions(small_case())
    assert conditions[nm.MILD_SR].fingerprint == conditions[nm.SR_STE].fingerprint
    assert conditions[nm.MILD_MD].fingerprint == conditions[nm.MD_EXP].fingerprint
    others = NMFlowExperiment(pull=0.001).conditions(small_case())
    changed = {
        name
        for name, condition in NMFlowExperiment().conditions(small_case()).items()
        if others[name].fingerprint != condition.fingerprint
    }
    assert changed == {nm.SR_STE, nm.MILD_SR}


def cells(picture, row, column, times=6):
    """One color for each weight of the block, (16, 32, 3)."""
    return picture.images[row, column, 2::times, 2::times].astype(int)


def test_the_picture_is_the_block_that_the_forward_pass_sees():
    case = ExperimentCase(data_sets.load("digits"))
    picture = NMFlowExperiment().picture(case)
    weight = fresh(case.data, Recipe("vit"), 0).network.blocks[0].mlp.fc1.weight.detach()
    is_kept = kept_by_hand(weight, (1, 16))[:16, :32].bool().numpy()
    assert picture.rows == ("STE, SR-STE", nm.MD_LINEAR, nm.MD_EXP, nm.SD_STEP, nm.SD_GEO)
    for row, column in ((0, 0), (0, 5), (1, 0), (2, 3), (4, 5)):
        red, _, blue = np.moveaxis(cells(picture, row, column), -1, 0)
        assert (blue[is_kept] > red[is_kept]).all()
        assert (red[~is_kept] >= blue[~is_kept]).all()
        fades = picture.caption(row, column) != "1:16"
        assert (cells(picture, row, column)[~is_kept] < 255).any() == fades
    assert [picture.caption(2, at) for at in (0, 1, 5)] == ["1:16, β = 1", "1:16, β = 0.56", "1:16"]
    assert [picture.caption(3, at) for at in (0, 3, 4, 5)] == ["15:16", "8:16", "4:16", "1:16"]
    assert [picture.caption(4, at) for at in (0, 4, 5)] == ["4:64", "2:32", "1:16"]
    assert (picture.images[0, 0, :, 95] == 120).all()  # between two groups of 16
    kernels = torch.arange(20 * 40 * 6).view(20, 40, 2, 3)
    assert np.array_equal(nm.corner(kernels)[..., 0], kernels[:16, :32, 0, 0])
    assert picture.finding.startswith("Weights that the forward pass sees")
    assert "Dense stay" not in picture.finding


def test_layers_that_stay_dense_are_named():
    case, method = small_case(), NMFlowExperiment(network="ResNet-8", pattern="1:32")
    words = (
        "Dense stay conv, blocks.0.conv1, blocks.0.conv2, blocks.1.conv1, blocks.1.short.0: 32 "
        "does not divide their number of inputs."
    )
    assert words in method.before(case)
    assert words in method.picture(case).finding
    first = replace(method, pattern="1:16")
    assert first.before(case).endswith("Dense stays conv: 16 does not divide its number of inputs.")
    assert "Dense stay" not in NMFlowExperiment().before(case)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("network", ["small ViT", "ResNet-8"])
def test_what_the_paper_claims_is_measured_with_three_seeds(network, measure):
    result = answer(NMFlowExperiment(network=network), ExperimentCase(data_sets.load("digits")))
    table, claims = result["table"], result["claims"]
    assert table.cell(nm.DENSE, nm.RIGHT) > 0.85
    for name in (nm.STE, nm.SR_STE, nm.MD_LINEAR, nm.MD_EXP, nm.SD_STEP, nm.SD_GEO):
        assert table.cell(name, nm.PATTERN_KEPT) == 1 / 16
    assert table.cell(nm.MILD_MD, nm.PATTERN_KEPT) == 0.5
    what = f"N:M flow at 1:16 on digits, {network}"
    outcomes.note(measure, what, claims)
    for column in NMFlowExperiment.measures[:2]:
        measure(f"{what}, {column}", outcomes.by_condition(table, column))
