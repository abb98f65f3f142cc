"""What the drawings show is what the masks say, counted again plainly."""

import numpy as np
import pytest
import torch

from engine.core.errors import BadSetting, DoesNotFit
from engine.sparsity import MaskRules, masks_of, prunable_parts, pruned, pruner_of
from engine.sparsity.masks import diagrams
from engine.vision.models import embedded
from tests import tiny


@pytest.fixture
def case():
    return tiny.prune_case()


@pytest.fixture
def masks(case):
    return pruner_of(case, "Magnitude", MaskRules(head=True)).at(0.7)


def test_a_strip_is_the_share_that_stays_in_each_cell(masks):
    for strip in diagrams.strips(masks, high=5, wide=7):
        bits = masks.array(strip.part.name).reshape(strip.part.filters, -1)
        tops = [k * len(bits) // min(5, len(bits)) for k in range(min(5, len(bits)) + 1)]
        lefts = [k * bits.shape[1] // 7 for k in range(8)]
        for r in range(len(tops) - 1):
            for c in range(7):
                cell = bits[tops[r] : tops[r + 1], lefts[c] : lefts[c + 1]]
                assert strip.density[r, c] == pytest.approx(cell.mean(), abs=1e-6)
            assert strip.dead[r] == (not bits[tops[r] : tops[r + 1]].any())
    small = diagrams.strips(masks)[2]  # weight by weight
    assert np.array_equal(small.density.astype(bool), masks.array("fc.weight"))


def test_a_row_of_cells_is_dead_where_all_its_filters_are():
    layer_parts = prunable_parts(tiny.cnn())
    bits = np.zeros((16, 8, 3, 3), np.bool_)
    bits[4, 7, 2, 2] = True  # one weight is enough
    bits[8:] = True
    chosen = masks_of({"conv2.weight": bits}, layer_parts)
    strip = diagrams.strips(chosen, high=4)[1]
    assert strip.dead.tolist() == [True, False, False, False]
    assert strip.density[1].sum() == 1 / 4  # a cell of four filters and one weight of each
    assert diagrams.strips(chosen)[1].dead.tolist() == [row != 4 and row < 8 for row in range(16)]


def test_the_wall_shows_kept_weights_and_the_fullest_filters_first(case, masks):
    result = diagrams.wall(case.model, masks, "conv2.weight", top=1, left=2, side=5)
    bits = masks.array("conv2.weight")
    assert result.kernels.shape == (5, 5, 3, 3)
    assert (list(result.channels), result.total) == ([2, 3, 4, 5, 6], (16, 8))
    assert list(result.kept) == sorted(bits.reshape(16, -1).sum(1), reverse=True)[1:6]
    weight = case.model.network.conv2.weight.numpy()
    for row, filter_ in enumerate(result.filters):
        kernels = np.where(bits[filter_, 2:7], weight[filter_, 2:7], np.nan)
        assert np.array_equal(result.kernels[row], kernels, equal_nan=True)
    assert result.limit == pytest.approx(np.abs(weight).max())
    assert diagrams.wall(case.model, masks, "fc.weight").kernels.shape == (4, 16, 1, 1)


def test_an_activation_is_what_the_filter_makes_and_a_row_where_it_reads_tokens(case, masks):
    image = tiny.image()
    activation = diagrams.activation(case.model, image, "conv1", 3)
    network = case.model.network
    plain = torch.nn.functional.conv2d(
        image[None], network.conv1.weight, network.conv1.bias, padding=1
    )[0, 3]
    np.testing.assert_allclose(activation, plain.numpy(), atol=1e-5)
    after = diagrams.activation(pruned(case.model, masks), image, "conv1", 3)
    assert after.shape == activation.shape
    assert not np.allclose(after, activation)
    output = diagrams.activation(case.model, image, "fc", 1)
    assert output.shape == (1, 1)
    assert output[0, 0] == pytest.approx(case.model.logits(image[None])[0, 1].item(), abs=1e-5)
    model, image = tiny.vit(), tiny.image()
    activations = diagrams.activation(model, image, "blocks.0.mlp.fc1", 5)
    assert activations.shape == (1, 17)  # 4 × 4 patches and the class token
    outputs = []
    with model.network.blocks[0].mlp.fc1.register_forward_hook(
        lambda _module, _inputs, out: outputs.append(out.detach())
    ):
        model(image[None])
    np.testing.assert_allclose(activations[0], outputs[0][0, :, 5].numpy(), atol=1e-6)


def test_patterns_are_counted_over_all_kernels(masks):
    result = diagrams.patterns(masks, most=512)
    tally = {}
    for name in ("conv1.weight", "conv2.weight"):
        for kernel in masks.array(name).reshape(-1, 9):
            tally[kernel.tobytes()] = tally.get(kernel.tobytes(), 0) + 1
    assert result.kernels == 8 * 3 + 16 * 8
    assert result.different == len(tally) == len(result.bits)
    assert result.shares.sum() == pytest.approx(1)
    for bits, share in zip(result.bits, result.shares, strict=True):
        assert tally[bits.tobytes()] / result.kernels == pytest.approx(share)
    assert list(result.shares) == sorted(result.shares, reverse=True)
    with pytest.raises(DoesNotFit, match="3 × 3"):
        diagrams.patterns(masks, ["fc.weight"])


def test_the_first_layer_folds_back_to_the_image():
    model = embedded.load("digits-mlp")
    layer_parts = prunable_parts(model, head=False)
    bits = np.ones(layer_parts[0].shape, np.bool_)
    bits[:, 0] = False  # the upper left pixel is never read
    bits[:5, 63] = False
    result = diagrams.folded_back(model, masks_of({layer_parts[0].name: bits}, layer_parts))
    assert result.pixels
    assert result.kept.shape == (1, 8, 8)
    assert result.kept[0, 0, 0] == 0
    assert result.kept[0, 7, 7] == result.most - 5
    conv = diagrams.folded_back(tiny.cnn(), masks_of({}, prunable_parts(tiny.cnn())))
    assert not conv.pixels
    assert (conv.kept == 8).all()
    with pytest.raises(DoesNotFit, match="first layer"):
        diagrams.folded_back(tiny.cnn(), masks_of({}, prunable_parts(tiny.cnn())[1:]))


def test_groups_prove_their_pattern(case):
    masks = pruner_of(case, "Magnitude", MaskRules(structure="N:M", head=True)).at(0)
    result = diagrams.groups(masks, "conv2.weight", 2, 4)
    assert result.exact
    assert (result.counts == 2).all()
    assert np.array_equal(result.bits.sum(2), result.counts)
    assert result.counts.shape == (16, 16)  # of 18 groups: two at each of nine places
    few = diagrams.groups(masks, "conv2.weight", 2, 4, rows=3, wide=5)
    whole = masks.array("conv2.weight")
    for group, (top, left, first) in enumerate(
        [(0, 0, 0), (0, 0, 4), (0, 1, 0), (0, 1, 4), (0, 2, 0)]
    ):
        assert np.array_equal(few.bits[:, group], whole[:3, first : first + 4, top, left])
    assert few.counts.shape == (3, 5)
    loose = pruner_of(case, "Magnitude", MaskRules(head=True)).at(0.5)
    assert not diagrams.groups(loose, "conv2.weight", 2, 4).exact
    with pytest.raises(DoesNotFit, match="groups of 4"):
        diagrams.groups(masks, "conv1.weight", 2, 4)


def test_the_histogram_counts_every_weight_once_between_its_edges_and_shows_the_cut(case, masks):
    result = diagrams.histogram(case.model, masks, "conv2.weight")
    assert result.kept.sum() == masks.counts[1]
    assert (result.kept + result.cut).sum() == 16 * 8 * 9
    assert result.below < result.above
    weight = case.model.network.conv2.weight.numpy()
    assert result.above == pytest.approx(np.abs(weight)[masks.array("conv2.weight")].min())
    whole = masks_of({}, prunable_parts(case.model))
    assert np.isnan(diagrams.histogram(case.model, whole, "conv2.weight").below)
    values = np.array([-1.0, -0.5, -0.1, 0.0, 0.1, 0.3, 0.7, 0.9], np.float32)
    case.model.network.fc.weight.data = torch.from_numpy(np.tile(values, (4, 2)))
    layer_parts = prunable_parts(case.model)
    bits = np.tile(np.abs(values) >= 0.3, (4, 2))
    result = diagrams.histogram(
        case.model, masks_of({"fc.weight": bits}, layer_parts), "fc.weight", 5
    )
    assert result.edges == pytest.approx([-1, -0.6, -0.2, 0.2, 0.6, 1])
    assert result.kept.tolist() == [8, 8, 0, 8, 16]  # each value stands there eight times
    assert result.cut.tolist() == [0, 0, 24, 0, 0]
    assert (result.below, result.above) == pytest.approx((0.1, 0.3))


def test_a_difference_parts_what_only_one_keeps_from_what_both_keep(case, masks):
    other = pruner_of(case, "SNIP", MaskRules(head=True)).at(0.7)
    result = diagrams.difference(masks, other, "fc.weight")
    a, b = masks.array("fc.weight"), other.array("fc.weight")
    assert np.array_equal(result.first.astype(bool), a & ~b)
    assert np.array_equal(result.second.astype(bool), b & ~a)
    assert np.array_equal(result.both.astype(bool), a & b)
    half = pruner_of(case, "SNIP", MaskRules()).at(0.7)
    with pytest.raises(BadSetting, match="both masks"):
        diagrams.difference(masks, half, "fc.weight")
