"""Rollout against products of matrices written out, and in limits where it is known."""

import numpy as np
import pytest
import timm
import torch

from engine.attribution.heatmaps.attention import attentions, token_map
from engine.attribution.heatmaps.attention_rollout import AttentionRollout, rollout
from engine.attribution.heatmaps.gradient_rollout import GradientRollout
from engine.case import ImageCase
from engine.case.target import Target
from engine.errors import DoesNotFit
from engine.run import answer
from tests import tiny

BOTH = pytest.mark.parametrize("kind", [AttentionRollout, GradientRollout], ids=lambda k: k.name)


def small_vit(name="vit_tiny_patch16_224", **given):
    settings = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 3, "num_heads": 3}
    network = timm.create_model(name, pretrained=False, num_classes=4, **(settings | given))
    return tiny.classifier(tiny.random_weights(network, 0, 0.2), name="tiny-vit")


def by_hand(network, image):
    """Each block's attention (heads, N, N), from the projections themselves."""
    layer_attentions = []
    tokens = network.norm_pre(network._pos_embed(network.patch_embed(image[None])))
    for block in network.blocks:
        layer = block.attn
        normalized = block.norm1(tokens)[0]  # (N, width)
        width = normalized.shape[1] // layer.num_heads
        query, key, _ = layer.qkv(normalized).split(normalized.shape[1], dim=1)
        heads = []
        for head in range(layer.num_heads):
            part = slice(head * width, (head + 1) * width)
            heads.append((query[:, part] @ key[:, part].T / width**0.5).softmax(1))
        layer_attentions.append(torch.stack(heads))
        tokens = block(tokens)
    return layer_attentions


def test_what_is_read_is_each_layer_s_attention():
    case = tiny.vit_case()
    with torch.inference_mode():
        expected = by_hand(case.model.network, case.image)
    read = attentions(case)
    assert [tuple(attention.shape) for attention in read] == [(3, 17, 17)] * 3
    for ours, theirs in zip(read, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(ours.sum(2), torch.ones(3, 17))


@pytest.mark.parametrize("heads", ["mean", "max", "min"])
@pytest.mark.parametrize("discard", [0.0, 0.5])
def test_it_is_the_product_of_the_layers_written_out(heads, discard):
    case = tiny.vit_case()
    with torch.inference_mode():
        layers = by_hand(case.model.network, case.image)
    matrices = []
    for layer in layers:
        joined = getattr(np, heads)(layer.double().numpy(), axis=0)
        for row in joined:
            row[np.argsort(row)[: int(discard * 17)]] = 0.0
        joined = joined + np.eye(17)
        matrices.append(joined / joined.sum(1, keepdims=True))
    expected = matrices[2] @ matrices[1] @ matrices[0]
    cells = torch.from_numpy(expected[0, 1:].reshape(4, 4)).float()
    grown = torch.nn.functional.interpolate(cells[None, None], (32, 32), mode="bilinear")[0, 0]
    heat = AttentionRollout(heads=heads, discard=discard)(case)["map"]
    np.testing.assert_allclose(heat.values, grown.numpy(), rtol=1e-4, atol=1e-6)
    assert heat.unit == "share per patch"


def test_all_shares_add_up_to_one():
    relation = rollout([attention.mean(0) for attention in attentions(tiny.vit_case())])
    torch.testing.assert_close(relation.sum(1), torch.ones(17))
    assert (relation >= 0).all()


def test_attention_to_oneself_alone_leaves_every_token_where_it_is():
    torch.testing.assert_close(rollout([torch.eye(9)] * 4), torch.eye(9))


def test_attention_to_all_alike_has_a_closed_form():
    case = tiny.vit_case()
    with torch.no_grad():
        for block in case.model.network.blocks:
            block.attn.qkv.weight[:48] = 0.0  # queries and keys
            block.attn.qkv.bias[:48] = 0.0
    heat = AttentionRollout()(case)["map"].values
    np.testing.assert_allclose(heat, (1 - 0.5**3) / 17, rtol=1e-5)


def test_it_does_not_depend_on_the_class_asked_about():
    maps = [AttentionRollout()(tiny.vit_case(target))["map"].values for target in (0, 1)]
    assert np.array_equal(*maps)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("vit_tiny_patch16_224", {"class_token": False, "global_pool": "avg"}),
        ("vit_tiny_patch16_224", {"reg_tokens": 2, "global_pool": "avg"}),
    ],
)
def test_a_model_that_pools_its_patches_is_read_at_their_mean(name, given):
    model = small_vit(name, **given)
    case = ImageCase(model, tiny.image(), Target(1))
    first = model.network.num_prefix_tokens
    relation = rollout([attention.mean(0) for attention in attentions(case)])
    cells = relation[first:, first:].mean(0).view(4, 4)
    grown = torch.nn.functional.interpolate(cells[None, None], (32, 32), mode="bilinear")[0, 0]
    np.testing.assert_allclose(AttentionRollout()(case)["map"].values, grown.numpy(), atol=1e-6)
    assert GradientRollout()(case)["map"].values.std() > 0


def test_a_grid_that_is_not_square_keeps_its_rows_and_columns():
    case = tiny.vit_case()
    network = case.model.network
    network.patch_embed.grid_size = (2, 8)
    relation = torch.zeros(17, 17)
    relation[0, 1 + 8 + 7] = 1.0  # the last patch of the second row
    heat = token_map(relation, case, "").values
    assert heat[-1, -1] == heat.max() == 1.0
    assert heat[:, :20].max() == 0.0
    assert heat[:8].max() == 0.0


@BOTH
def test_a_model_without_attention_is_refused_with_the_reason(kind):
    case = tiny.cnn_case()
    assert "attention layers" in kind.unmet(case)
    with pytest.raises(DoesNotFit, match="attention layers"):
        answer(kind(), case)


@BOTH
def test_windows_of_attention_are_refused_with_the_reason(kind):
    network = timm.create_model(
        "swin_tiny_patch4_window7_224",
        pretrained=False,
        img_size=32,
        window_size=4,
        embed_dim=12,
        depths=(1, 1),
        num_heads=(2, 2),
        num_classes=4,
    )
    case = ImageCase(tiny.classifier(network), tiny.image(), Target(1))
    assert "one grid of patches" in kind.unmet(case)
    with pytest.raises(DoesNotFit, match="one grid of patches"):
        answer(kind(), case)
