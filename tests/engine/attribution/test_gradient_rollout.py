"""Gradient-weighted rollout against the paper's rule, with slopes found by moving the attention."""

import numpy as np
import torch
import torch.nn.functional as F

from engine.attribution.heatmaps.attention import attentions_and_gradients
from engine.attribution.heatmaps.gradient_rollout import GradientRollout, relevance
from engine.case import ImageCase
from engine.case.target import Target
from engine.models.borrow import borrowed
from tests import tiny


def slopes(case, layer):
    """∂f/∂A of one layer (heads, N, N), by moving every entry of its softmax up and down."""
    step = 1e-4
    module = case.model.network.blocks[layer].attn
    moves = torch.eye(3 * 17 * 17, dtype=torch.float64).view(-1, 3, 17, 17) * step
    scores = []
    for sign in (1, -1):
        with borrowed(case.model) as model, torch.no_grad():
            for block in model.network.blocks:
                block.attn.fused_attn = False
            module.attn_drop.register_forward_hook(
                lambda _m, _inputs, out, sign=sign: out + sign * moves
            )
            images = case.image[None].expand(len(moves), -1, -1, -1).double()
            scores.append(model.double()(images)[:, case.target.index])
            model.float()
    return ((scores[0] - scores[1]) / (2 * step)).view(3, 17, 17)


def test_it_is_the_paper_s_rule_written_out_with_gradients_from_finite_differences():
    case = tiny.vit_case()
    read = attentions_and_gradients(case)
    relation = torch.eye(17, dtype=torch.float64)
    for layer, (attention, gradient) in enumerate(read):
        expected = slopes(case, layer)
        torch.testing.assert_close(gradient.double(), expected, atol=1e-5, rtol=1e-3)
        passed = torch.zeros(17, 17, dtype=torch.float64)
        for head in range(3):
            passed += (expected[head] * attention[head]).clamp_min(0) / 3
        relation = relation + passed @ relation
    cells = relation[0, 1:].view(1, 1, 4, 4)
    grown = F.interpolate(cells, (32, 32), mode="bilinear")[0, 0].numpy()
    heat = GradientRollout()(case)["map"]
    np.testing.assert_allclose(heat.values, grown, rtol=1e-3, atol=1e-4 * grown.max())
    assert not heat.signed


def test_it_depends_on_the_class_asked_about():
    maps = [GradientRollout()(tiny.vit_case(target))["map"].values for target in (0, 1)]
    assert np.abs(maps[0] - maps[1]).max() > 0.1 * maps[0].max()


def test_layers_that_pass_nothing_on_leave_nothing():
    assert (relevance([torch.zeros(5, 5)] * 3) == 0).all()


def test_one_layer_is_its_own_row():
    links = torch.rand(5, 5, generator=tiny.seeded())
    torch.testing.assert_close(relevance([links]), links)


def test_the_slopes_of_a_contrast_are_the_difference_of_two():
    case = tiny.vit_case()
    once = attentions_and_gradients(case)
    twin = ImageCase(case.model, case.image, Target(2, versus=1))
    other = attentions_and_gradients(ImageCase(case.model, case.image, Target(1)))
    both = attentions_and_gradients(twin)
    for (_, first), (_, second), (_, difference) in zip(once, other, both, strict=True):
        torch.testing.assert_close(difference, first - second, atol=1e-5, rtol=1e-4)
