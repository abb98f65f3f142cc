"""What counts as prunable; masks in a file; the cut of a ticket level."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from engine.core.errors import BadData, BlindspotError
from engine.sparsity import (
    MaskRules,
    Masks,
    Pruner,
    enforced,
    masks_of,
    prunable_parts,
    pruned,
    pruner_of,
)
from engine.sparsity.masks.file import masks_file, read_masks
from engine.sparsity.tickets.cut import full_masks, prune_smallest
from engine.vision.models import catalog, embedded
from engine.vision.training import Recipe, fresh
from engine.vision.training.masks import masked
from tests import tiny
from tests.engine.sparsity.cases import magnitudes
from tests.engine.vision.training.test_loop import striped
from tests.in_memory import written


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3 * 64, 12)
        self.one, self.two = nn.Linear(12, 12), nn.Linear(12, 12)
        self.two.weight = self.one.weight
        self.last = nn.Linear(12, 4)

    def forward(self, images):
        return self.last(self.two(self.one(self.first(images.flatten(1)).relu()).relu()))


class Single(nn.Module):
    """A layer of one weight."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(1, 1, bias=False)
        self.more, self.last = nn.Linear(1, 6), nn.Linear(6, 4)

    def forward(self, images):
        return self.last(self.more(self.one(images.flatten(1).mean(1, keepdim=True))))


def test_parts_are_convolutions_and_linear_layers_in_order_with_their_roles():
    assert [(p.name, p.role) for p in prunable_parts(tiny.cnn())] == [
        ("conv1.weight", "first"),
        ("conv2.weight", "body"),
        ("fc.weight", "head"),
    ]
    assert [p.layer for p in prunable_parts(tiny.cnn(), head=False)] == ["conv1", "conv2"]
    names = {p.name for p in prunable_parts(embedded.load("phantom-cnn"))}
    assert names == {f"body.{k}.0.weight" for k in range(6)} | {"head.weight"}


def test_a_shared_weight_is_one_part_and_is_zero_in_both_places():
    model = tiny.classifier(tiny.random_weights(Tied()), side=8)
    results = {p.name: p for p in prunable_parts(model)}
    assert list(results) == ["first.weight", "one.weight", "last.weight"]
    assert results["one.weight"].shared == ("two.weight",)
    masks = Pruner(model, magnitudes(model)).at(0.8)
    zeros = pruned(model, masks)
    assert zeros.network.one.weight is zeros.network.two.weight
    assert not zeros.network.two.weight[~masks["one.weight"]].any()
    with masked(zeros.network, masks):
        assert not zeros.network.two.weight[~masks["one.weight"]].any()
    assert zeros.network.one.weight is zeros.network.two.weight
    pixels = torch.rand(2, 3, 8, 8)
    with enforced(pruned(model, {}), masks) as enforced_model:
        inside = enforced_model.network((pixels - enforced_model.mean) / enforced_model.std)
    torch.testing.assert_close(inside, zeros.network((pixels - zeros.mean) / zeros.std))


def test_a_layer_that_is_used_under_two_names_is_one_part():
    network = Tied()
    network.two = network.one
    model = tiny.classifier(tiny.random_weights(network), side=8)
    results = {p.name: p for p in prunable_parts(model)}
    assert list(results) == ["first.weight", "one.weight", "last.weight"]
    assert results["one.weight"].shared == ("two.weight",)


def test_after_the_block_a_model_is_known_by_the_weights_that_it_has_then():
    model = tiny.cnn()
    dense, masks = model.fingerprint, Pruner(model, magnitudes(model)).at(0.5)
    fingerprint = pruned(model, masks).fingerprint
    with enforced(model, masks):
        pass
    assert model.fingerprint == fingerprint != dense


def test_a_layer_of_one_weight_keeps_it():
    model = tiny.classifier(tiny.random_weights(Single()), side=8)
    for rules in (MaskRules(), MaskRules("per layer"), MaskRules("ERK")):
        for ratio in (0.0, 0.5, 0.9, 0.99):
            masks = Pruner(model, magnitudes(model), rules).at(ratio)
            assert masks.array("one.weight").all()
            assert torch.isfinite(pruned(model, masks).logits(torch.rand(2, 3, 8, 8))).all()


def test_masks_are_a_mapping_of_names_to_truth_values_and_cannot_be_written_to():
    model = tiny.cnn()
    masks = Pruner(model, magnitudes(model)).at(0.5)
    assert list(masks) == ["conv1.weight", "conv2.weight"]
    assert len(masks) == 2
    assert masks["conv1.weight"].dtype == torch.bool
    assert masks.counts.sum() == masks.kept == masks.flat.sum()
    assert masks.density + masks.sparsity == 1
    with pytest.raises(ValueError, match="read-only"):
        masks.flat[0] = True
    with pytest.raises(KeyError):
        masks["fc.weight"]
    assert masks_of(dict(masks), masks.parts).digest == masks.digest
    silent = replace(masks, silent={"conv1.bias": np.zeros(8, np.bool_)})
    assert len(silent) == len(list(silent)) == 3
    assert (silent.total, silent.kept) == (masks.total, masks.kept)


def test_dead_filters_are_counted():
    part = prunable_parts(tiny.cnn())[0]
    bits = np.ones(part.shape, np.bool_)
    bits[2] = bits[5] = False
    bits[3, 0] = False
    assert Masks((part,), bits.ravel()).dead_filters == (2,)


def test_a_pruned_copy_leaves_the_model_alone_and_has_its_layers_and_a_fingerprint_of_its_own():
    model = tiny.cnn()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fingerprint = model.fingerprint
    zeros = pruned(model, Pruner(model, magnitudes(model)).at(0.5), "half")
    assert zeros.title == "half"
    assert zeros.fingerprint != fingerprint == model.fingerprint
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    result, passes = zeros.layers, []
    assert model.layers == result
    copy = pruned(model, Pruner(model, magnitudes(model)).at(0.5))
    copy.register_forward_pre_hook(lambda *_: passes.append(1))
    assert copy.layers == result
    assert not passes


def test_the_photograph_model_has_49_layers_besides_its_head():
    try:
        model = catalog.load("lite0")
    except BlindspotError as error:
        pytest.skip(str(error))
    result = prunable_parts(model, head=False)
    assert len(result) == 49
    assert sum(p.size for p in result) == 3_328_992
    assert sum(p.depthwise for p in result) == 16


@pytest.fixture
def case():
    return tiny.prune_case()


@pytest.mark.parametrize("structure", ["weight", "group"])
def test_masks_come_back_as_they_went(case, structure):
    masks = pruner_of(case, "Magnitude", MaskRules("per layer", structure)).at(0.5)
    data = masks_file(masks, {"criterion": "Magnitude", "ratio": 0.5})
    again, facts = read_masks(data, case.model)
    assert again.digest == masks.digest
    assert (facts["criterion"], facts["ratio"], facts["kept"]) == ("Magnitude", 0.5, masks.kept)
    with np.load(io.BytesIO(data)) as archive:  # by numpy alone, as the file itself explains
        shape = facts["shapes"]["conv2.weight"]
        bits = np.unpackbits(archive["conv2.weight"], count=int(np.prod(shape))).reshape(shape)
    assert np.array_equal(bits.astype(bool), masks.array("conv2.weight"))


def test_files_without_masks_or_of_another_network_are_refused_in_words(case):
    data = masks_file(pruner_of(case, "Magnitude", MaskRules()).at(0.5))
    pickled = written(np.savez, **{"conv1.weight": np.array([print], object)})
    for wrong in (b"", b"PK\x03\x04 nonsense", data[: len(data) // 2], pickled):
        with pytest.raises(BadData, match="no file of masks"):
            read_masks(wrong, case.model)
    out = written(np.savez, about=np.frombuffer(b"{}", np.uint8))
    with pytest.raises(BadData, match="no masks"):
        read_masks(out, case.model)
    with pytest.raises(BlindspotError, match="another network"):
        read_masks(data, embedded.load("digits-mlp"))
    out = written(np.savez_compressed, **{"conv1.weight": np.zeros(50_000_000, np.uint8)})
    with pytest.raises(BlindspotError, match="more masks"):
        read_masks(out, case.model)


def mlp():
    return fresh(striped(), Recipe("mlp"), 3)


def test_levels_are_nested_and_exact_and_the_first_is_torch_s():
    model = mlp()
    masks = full_masks(model)
    network = fresh(striped(), Recipe("mlp"), 3).network
    named = [(network.get_submodule(p.name.rpartition(".")[0]), "weight") for p in masks.parts]
    prune.global_unstructured(named, prune.L1Unstructured, amount=round(0.2 * masks.total))
    theirs = torch.cat([module.weight_mask.flatten() for module, _ in named]).bool().numpy()
    for level in range(6):
        after = prune_smallest(model, masks, 0.2)
        assert after.kept == masks.kept - round(0.2 * masks.kept)
        assert after.inside(masks)
        if not level:
            assert np.array_equal(after.flat, theirs)
        masks = after
    assert prune_smallest(model, masks, 0.0).digest == masks.digest


def test_a_layer_is_never_left_empty():
    model, masks = mlp(), full_masks(mlp())
    with torch.no_grad():
        model.network.get_parameter(masks.parts[-1].name).mul_(1e-9)
    with pytest.raises(BlindspotError, match="nothing is left of"):
        prune_smallest(model, masks, 0.9)
