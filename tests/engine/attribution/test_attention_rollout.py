"""Both rollouts against products of matrices written out, and in limits where they are known."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import timm
import torch

from engine.attribution.heatmaps.attention import attentions, attentions_and_gradients, token_map
from engine.attribution.heatmaps.attention_rollout import AttentionRollout, rollout
from engine.attribution.heatmaps.gradient_rollout import GradientRollout, relevance
from engine.core.borrow import borrowed
from engine.core.errors import DoesNotFit
from engine.core.run import answer
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import tiny
from tests.engine.attribution.toys import case_of, enlarged


def by_hand(network, image):
    """Each block's attention (heads, N, N), from the projections themselves."""
    tokens = network.norm_pre(network._pos_embed(network.patch_embed(image[None])))
    for block in network.blocks:
        normalized = block.norm1(tokens)[0]  # (N, width)
        parts = block.attn.qkv(normalized).split(normalized.shape[1], dim=1)
        query, key = (part.chunk(block.attn.num_heads, dim=1) for part in parts[:2])
        yield torch.stack(
            [(q @ k.T / q.shape[1] ** 0.5).softmax(1) for q, k in zip(query, key, strict=True)]
        )
        tokens = block(tokens)


@torch.inference_mode()
def test_it_is_the_product_of_the_layers_written_out():
    case = tiny.vit_case()
    layers = list(by_hand(case.model.network, case.image))
    read = attentions(case)
    assert [tuple(attention.shape) for attention in read] == [(3, 17, 17)] * 3
    for ours, theirs in zip(read, layers, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    for heads, discard in product(("mean", "max", "min"), (0.0, 0.5)):
        expected = np.eye(17)
        for layer in layers:
            joined = getattr(np, heads)(layer.double().numpy(), axis=0)
            for row in joined:
                row[np.argsort(row)[: int(discard * 17)]] = 0.0
            joined = joined + np.eye(17)
            expected = joined / joined.sum(1, keepdims=True) @ expected
        grown = enlarged(torch.from_numpy(expected[0, 1:].reshape(4, 4)).float())
        heat = AttentionRollout(heads=heads, discard=discard)(case)["map"]
        np.testing.assert_allclose(heat.values, grown, rtol=1e-4, atol=1e-6)
        assert heat.unit == "share per patch"


def test_attention_of_one_layer_of_none_and_to_all_alike_has_a_closed_form():
    case = tiny.vit_case()
    with torch.no_grad():
        for block in case.model.network.blocks:
            block.attn.qkv.weight[:48] = 0.0  # queries and keys
            block.attn.qkv.bias[:48] = 0.0
    heat = AttentionRollout()(case)["map"].values
    np.testing.assert_allclose(heat, (1 - 0.5**3) / 17, rtol=1e-5)
    assert (relevance([torch.zeros(5, 5)] * 3) == 0).all()
    links = torch.rand(5, 5, generator=tiny.seeded())
    torch.testing.assert_close(relevance([links]), links)


@pytest.mark.parametrize("given", [{"class_token": False}, {"reg_tokens": 2}])
def test_a_model_that_pools_its_patches_is_read_at_their_mean(given):
    case = ImageCase(tiny.vit(**given, global_pool="avg"), tiny.image(), Target(1))
    first = case.model.network.num_prefix_tokens
    relation = rollout([attention.mean(0) for attention in attentions(case)])
    grown = enlarged(relation[first:, first:].mean(0).view(4, 4))
    np.testing.assert_allclose(AttentionRollout()(case)["map"].values, grown, atol=1e-6)
    assert GradientRollout()(case)["map"].values.std() > 0


def test_a_grid_that_is_not_square_keeps_its_rows_and_columns():
    case = tiny.vit_case()
    case.model.network.patch_embed.grid_size = (2, 8)
    relation = torch.zeros(17, 17)
    relation[0, 1 + 8 + 7] = 1.0  # the last patch of the second row
    heat = token_map(relation, case, "").values
    assert heat[-1, -1] == heat.max() == 1.0
    assert heat[:, :20].max() == 0.0
    assert heat[:8].max() == 0.0


@pytest.mark.parametrize("kind", [AttentionRollout, GradientRollout])
def test_windows_of_attention_are_refused_with_the_reason(kind):
    sizes = {"img_size": 32, "window_size": 4, "embed_dim": 12, "num_classes": 4}
    sizes |= {"depths": (1, 1), "num_heads": (2, 2)}
    case = case_of(timm.create_model("swin_tiny_patch4_window7_224", pretrained=False, **sizes))
    with pytest.raises(DoesNotFit, match="one grid of patches"):
        answer(kind(), case)


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
    grown = enlarged(relation[0, 1:].view(4, 4))
    heat = GradientRollout()(case)["map"]
    np.testing.assert_allclose(heat.values, grown, rtol=1e-3, atol=1e-4 * grown.max())
    assert not heat.signed


def test_the_slopes_of_a_contrast_are_the_difference_of_two():
    read = [
        attentions_and_gradients(replace(tiny.vit_case(), target=target))
        for target in (Target(2), Target(1), Target(2, versus=1))
    ]
    for (_, first), (_, second), (_, difference) in zip(*read, strict=True):
        torch.testing.assert_close(difference, first - second, atol=1e-5, rtol=1e-4)
