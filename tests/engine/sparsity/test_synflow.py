"""The flow is conserved, no layer dies early, and the order is the paper's rounds."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.core.errors import DoesNotFit
from engine.core.run import answer
from engine.sparsity import MaskRules, PruneCase, Pruner, prunable_parts
from engine.sparsity.criteria import synflow
from engine.sparsity.criteria.snip import Snip
from engine.sparsity.criteria.synflow import SynFlow, flow_of, lowest, total_flow
from engine.sparsity.masks.compare import overlap
from engine.vision.models import embedded
from tests import tiny


class Deep(nn.Module):
    """Convolutions and a linear layer, no biases, no norms."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.act1 = nn.ReLU6()
        self.conv2 = nn.Conv2d(6, 10, 3, padding=1, bias=False)
        self.act2 = nn.ReLU()
        self.fc1 = nn.Linear(10, 12, bias=False)
        self.act3 = nn.ReLU()
        self.fc2 = nn.Linear(12, 4, bias=False)

    def forward(self, images):
        hidden = self.act2(self.conv2(self.act1(self.conv1(images)))).mean((2, 3))
        return self.fc2(self.act3(self.fc1(hidden)))


@pytest.fixture
def case():
    model = tiny.classifier(tiny.random_weights(Deep()), side=16)
    return PruneCase(model, tiny.data_for(model))


def whole(case):
    return {part.name: np.ones(part.shape, np.bool_) for part in prunable_parts(case.model)}


def test_the_flow_is_the_same_through_every_layer(case):
    flow = flow_of(case.model, whole(case))
    weights = {name: p.detach().double().abs() for name, p in case.model.network.named_parameters()}
    hidden = torch.ones(1, 3, 16, 16, dtype=torch.float64)
    hidden = nn.functional.conv2d(hidden, weights["conv1.weight"], padding=1)
    hidden = nn.functional.conv2d(hidden, weights["conv2.weight"], padding=1).mean((2, 3))
    total = (hidden @ weights["fc1.weight"].T @ weights["fc2.weight"].T).sum().item()
    for name, scores in flow.items():
        assert scores.sum() == pytest.approx(total, rel=1e-9), name
        assert (scores >= 0).all()
    places = SynFlow(rounds=1)(case)["scores"].values  # the lowest flow goes first
    order = np.argsort(np.concatenate([places[name].ravel() for name in flow]))
    flat = np.concatenate([scores.ravel() for scores in flow.values()])
    assert (np.diff(flat[order]) >= 0).all()
    model = embedded.load("phantom-cnn")  # with norms and biases
    flow = flow_of(model, whole(PruneCase(model, tiny.data_for(model))))
    sums = [scores.sum() for name, scores in flow.items() if name.startswith("body")]
    assert np.ptp(sums) / sums[0] < 1e-3


def test_its_order_gives_the_masks_of_the_rounds_written_out(case):
    scores = SynFlow(rounds=6, final=0.05)(case)["scores"]
    layer_parts = prunable_parts(case.model)
    size = sum(part.size for part in layer_parts)
    masks = whole(case)
    for turn in range(1, 7):
        density = 0.05 ** (turn / 6)
        flow = flow_of(case.model, masks)
        row = np.concatenate([flow[p.name].ravel() for p in layer_parts])
        row[~np.concatenate([masks[p.name].ravel() for p in layer_parts])] = -1
        flat = np.zeros(size, np.bool_)
        flat[np.argsort(-row, kind="stable")[: round(density * size)]] = True
        pieces = np.split(flat, np.cumsum([part.size for part in layer_parts])[:-1])
        for part, piece in zip(layer_parts, pieces, strict=True):
            masks[part.name] = piece.reshape(part.shape)
        pruner = Pruner(case.model, scores, MaskRules(head=True, least=0))
        assert np.array_equal(pruner.at(1 - round(density * size) / size).flat, flat)


def test_no_layer_is_emptied_where_snip_empties_some(case):
    rules = MaskRules(head=True, least=0)
    ours = Pruner(case.model, SynFlow(final=0.01)(case)["scores"], rules).at(0.98)
    theirs = Pruner(case.model, Snip()(case)["scores"], rules).at(0.98)
    assert (ours.counts > 0).all()
    assert (ours.counts / ours.total).min() >= (theirs.counts / theirs.total).min()


def test_a_network_with_attention_is_refused_with_the_reason():
    with pytest.raises(DoesNotFit, match="without attention"):
        answer(SynFlow(), tiny.prune_case(tiny.vit()))


def test_the_lowest_come_lowest_first_and_of_equal_ones_the_last():
    scores = np.array([2.0, 1.0, 1.0, 0.0, 1.0])
    assert lowest(scores, 3).tolist() == [3, 4, 2]
    assert lowest(scores, 0).tolist() == []
    assert lowest(np.array([3.0, 1.0, 4.0, 2.0]), 2).tolist() == [1, 3]
    assert lowest(scores, 5).tolist() == [3, 4, 2, 1, 0]


def test_float32_with_the_flows_size_taken_out_ranks_as_float64_does(case):
    exact = flow_of(case.model, whole(case))
    size = total_flow(case.model)
    assert sum(exact["fc2.weight"].ravel()) == pytest.approx(size, rel=1e-9)
    fast = flow_of(case.model, whole(case), exact=False, scale=size**-0.5)
    for name, scores in exact.items():
        np.testing.assert_allclose(fast[name], scores / size, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("size", [1.0, 1e12])  # of each of four layers: float32 ends at 10^38
def test_a_large_network_is_ranked_in_float32_to_the_same_masks(case, monkeypatch, size):
    with torch.no_grad():
        for weight in case.model.network.parameters():
            weight.mul_(size)
    slow = SynFlow(rounds=8, final=0.05)(case)["scores"]
    monkeypatch.setattr(synflow, "LARGE", 10)
    fast = SynFlow(rounds=8, final=0.05)(case)["scores"]
    pruners = [Pruner(case.model, scores, MaskRules(head=True)) for scores in (slow, fast)]
    for ratio in (0.3, 0.8, 0.95):
        assert overlap(*(pruner.at(ratio) for pruner in pruners)).iou >= 0.999
