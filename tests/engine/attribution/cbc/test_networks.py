"""Both forms of the network, and what each kind of reasoning can and cannot say."""

from itertools import combinations

import numpy as np
import pytest
import torch

from engine.attribution.cbc import networks
from engine.attribution.cbc.attack import lead_of
from engine.attribution.cbc.network import component_maxima, crop
from engine.vision.models.small import NetworkShape, init_weights
from tests.engine.attribution.cbc import by_hand
from tests.tiny import seeded as chance

REASONINGS = (networks.NEGATIVE, networks.POSITIVE, networks.INDEFINITE)
SHAPE = NetworkShape(1, 8, 3)


def head(reasoning, count=7, classes=4, seed=0):
    module = networks.PrototypeHead(count, classes, reasoning)
    with torch.no_grad():
        module.theta.copy_(2 * torch.randn(module.theta.shape, generator=chance(seed)))
    return module


@pytest.mark.parametrize("reasoning", REASONINGS)
def test_scores_are_the_formula_written_out_and_probabilities(reasoning):
    module, detections = head(reasoning), torch.rand(5, 7, generator=chance(1))
    for row, image in zip(module(detections).tolist(), detections.tolist(), strict=True):
        expected = by_hand.scores(image, module.theta.detach().numpy(), reasoning)
        assert row == pytest.approx(expected, abs=1e-6)
    module = head(reasoning, seed=3)
    plus, minus = module.reasons()
    assert (plus + minus).sum(0).tolist() == pytest.approx([1.0] * 4, abs=1e-6)
    assert min(plus.min(), minus.min()) >= 0
    detections = torch.rand(202, 7, generator=chance(2))
    detections[0], detections[1] = 0, 1
    scores = module(detections)
    assert -1e-6 <= scores.min() <= scores.max() <= 1 + 1e-6


def test_without_negative_reasoning_it_is_an_rbf_network_with_weights_that_sum_to_one():
    both = head(networks.NEGATIVE)
    with torch.no_grad():
        both.theta[7:] = -1e9  # nothing is wanted not to be seen
    detections = torch.rand(20, 7, generator=chance(1))
    rows = both.theta[:7].softmax(0).T.detach().numpy()  # a row of weights for each class
    assert rows.sum(1) == pytest.approx(np.ones(4), abs=1e-6)
    expected = detections.numpy() @ rows.T
    assert both(detections).detach().numpy() == pytest.approx(expected, abs=1e-6)
    only = networks.PrototypeHead(7, 4, networks.POSITIVE)
    with torch.no_grad():
        only.theta.copy_(both.theta[:7])
    assert only(detections).detach().numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("reasoning", "right"), [(networks.NEGATIVE, 3), (networks.POSITIVE, 2)])
def test_only_negative_reasoning_names_the_class_that_has_no_part(reasoning, right):
    detections, labels = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), torch.arange(3)
    module = networks.PrototypeHead(2, 3, reasoning)
    module.begin(chance())
    optimizer = torch.optim.Adam(module.parameters(), 0.1)
    for _ in range(300):
        optimizer.zero_grad()
        (0.4 - lead_of(module(detections), labels)).relu().mean().backward()
        optimizer.step()
    assert int((lead_of(module(detections), labels) > 1e-6).sum()) == right
    if reasoning == networks.POSITIVE:
        assert module(detections)[2].tolist() == [0, 0, 0]  # whatever its weights are


def test_the_old_cbc_can_be_sure_of_what_it_ignores_and_rbf_weights_are_free():
    module = networks.PrototypeHead(7, 2, networks.INDEFINITE)
    with torch.no_grad():
        module.theta.fill_(-20)
        module.theta[14:] = 0  # all indefinite …
        module.theta[0, 0] = 0.0  # … but half of one component of the first class
    assert module(torch.eye(7)[:1])[0, 0].item() == pytest.approx(1, abs=1e-4)
    assert module.ignored()[0].item() == pytest.approx(6.5 / 7, abs=1e-4)
    module = head(networks.RBF)
    detections = torch.rand(3, 7, generator=chance())
    assert torch.allclose(module(detections), detections @ (20 * module.theta) + module.bias)


def test_shallow_detections_fall_with_the_distance_by_widths_that_begin_at_its_median():
    network = networks.Shallow(SHAPE, 4, networks.NEGATIVE)
    network.begin(torch.rand(4, 1, 8, 8, generator=chance()).expand(-1, 3, -1, -1), chance())
    with torch.no_grad():
        network.log_widths.add_(torch.tensor([0.0, 0.3, -0.4, 0.1]))
    images = torch.rand(3, 1, 8, 8, generator=chance(5))
    result = network.detections(images.expand(-1, 3, -1, -1))
    for row, image in zip(result.tolist(), images.flatten(1).tolist(), strict=True):
        expected = by_hand.detections(image, network.places.tolist(), network.widths.tolist())
        assert row == pytest.approx(expected, rel=1e-5)
    network = networks.Shallow(SHAPE, 5, networks.NEGATIVE)
    examples = torch.rand(5, 1, 8, 8, generator=chance())
    network.begin(examples.expand(-1, 3, -1, -1), chance())
    distances = [(one - two).norm().item() for one, two in combinations(examples, 2)]
    assert network.widths.tolist() == pytest.approx([sorted(distances)[4]] * 5, rel=1e-5)


@pytest.mark.parametrize("side", [8, 28])
def test_a_component_of_the_deep_form_sees_its_patch_and_nothing_else(side):
    network = networks.PatchComponents(NetworkShape(1, side, 3), 6, networks.NEGATIVE).eval()
    init_weights(network, chance())
    images = torch.rand(2, 1, side, side, generator=chance(4)).expand(-1, 3, -1, -1)
    share, corner = component_maxima(network, images)
    assert torch.allclose(network.maps(images).sum(1), torch.ones(()), atol=1e-5)
    for place in range(6):
        patch = crop(images[1], tuple(corner[1, place].tolist()), network.patch)
        alone = network.maps(patch[None])
        assert alone.shape[2:] == (1, 1)
        assert alone[0, place].item() == pytest.approx(share[1, place].item(), rel=1e-5)


def test_small_detections_of_the_deep_form_count_as_none_once_it_has_learned():
    network = networks.PatchComponents(NetworkShape(1, 8, 3), 20, networks.NEGATIVE)
    init_weights(network, chance())
    images = torch.rand(1, 1, 8, 8, generator=chance()).expand(-1, 3, -1, -1)
    learning, evaluated = network.train().detections(images), network.eval().detections(images)
    small = learning < 0.1
    assert small.any()
    assert (evaluated[small] == 0).all()
    assert torch.equal(evaluated[~small], learning[~small])
