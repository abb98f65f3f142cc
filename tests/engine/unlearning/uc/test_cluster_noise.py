"""Clusters of features, the noise that moves them, and a cluster's noise from a network."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from torch.nn import functional as F

from engine.unlearning.uc import cluster_noise
from engine.unlearning.uc.cluster_noise import (
    FORMS,
    RATE,
    Clusters,
    NoiseSearch,
    Surrogate,
    clustered,
    divergence,
    falling,
    targets_of,
    turns,
)
from engine.unlearning.uc.noise_network import DirectNoise, NoiseNetwork
from tests import tiny
from tests.refusals import assert_refused, reports_until_stopped


@pytest.fixture
def surrogate():
    return Surrogate(tiny.cnn())


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)


def test_the_loss_is_the_divergence_of_the_features_from_the_center_over_feature_dimensions():
    rng = np.random.default_rng(0)
    features, center = rng.normal(size=(5, 7)), rng.normal(size=7)
    target = softmax(center)
    divergences = (target * (log_softmax(center) - log_softmax(features, axis=1))).sum(1)
    result = divergence(torch.from_numpy(features), torch.from_numpy(center))
    assert result.item() == pytest.approx(divergences.mean())
    assert divergence(torch.from_numpy(center[None]), torch.from_numpy(center)).item() < 1e-12


def test_features_are_what_the_head_sees_and_small_images_are_enlarged(images, surrogate):
    model = tiny.cnn()
    pixels = torch.from_numpy(images / np.float32(255))
    assert np.allclose(surrogate.of(images), model.features(pixels), atol=1e-6)
    larger = F.interpolate(pixels, (48, 48), mode="bilinear")
    assert np.allclose(Surrogate(model, 48).of(images), model.features(larger), atol=1e-6)
    gray = Surrogate(model).of(images[:, :1])
    assert np.allclose(gray, model.features(pixels[:, :1].expand(-1, 3, -1, -1)), atol=1e-6)


def test_all_images_come_once_before_one_comes_again_and_the_rate_falls_as_a_cosine(monkeypatch):
    monkeypatch.setattr(cluster_noise, "BATCH", 4)
    steps = list(turns(10, 7, np.random.default_rng(0)))
    assert [len(rows) for rows in steps] == [3, 3, 4, 3, 3, 4, 3]
    for epoch in (steps[:3], steps[3:6]):
        assert sorted(np.concatenate(epoch)) == list(range(10))
    assert (np.concatenate(steps[:3]) != np.concatenate(steps[3:6])).any()
    assert falling(100, 0) == pytest.approx(RATE)
    assert falling(100, 50) == pytest.approx((1e-3 + 1e-5) / 2)
    assert falling(100, 100) == pytest.approx(1e-5)


@pytest.mark.parametrize("form", FORMS)
def test_the_noise_of_each_target_draws_images_to_it_more_than_chance_does(form, images, surrogate):
    features = surrogate.of(images)
    targets = np.stack([features.mean(0) + 3 * step for step in np.eye(16)[[2, 9]]])
    result = NoiseSearch(form, 16, 12, seed=0).found(surrogate, images, targets)
    assert result.shape == (2, 3, 32, 32)
    assert np.abs(result).max() <= 16
    chance = 16 * np.random.default_rng(1).choice([-1, 1], result.shape)

    def away(noise, target):
        moved = np.clip(images + noise, 0, 255).astype(np.uint8)
        return divergence(torch.from_numpy(surrogate.of(moved)), torch.from_numpy(target)).item()

    for place, target in enumerate(targets):
        others = [away(result[1 - place], target), away(chance[place], target), away(0, target)]
        assert away(result[place], target) < min(others)


def test_no_bound_is_no_noise_and_a_seed_decides_the_order(images, surrogate, monkeypatch):
    monkeypatch.setattr(cluster_noise, "BATCH", 5)
    target = surrogate.of(images)[:1]
    assert not NoiseSearch("direct", 0, 3, 0).found(surrogate, images, target).any()
    first, same, second = (
        NoiseSearch("direct", 8, 3, seed).found(surrogate, images, target) for seed in (0, 0, 1)
    )
    assert (first == same).all()
    assert (first != second).any()


def test_a_search_may_be_stopped_at_every_step(images, surrogate):
    search, targets = NoiseSearch("direct", 8, 4, 0), surrogate.of(images)[:2]
    reports = reports_until_stopped(partial(search.found, surrogate, images, targets), 3)
    assert [done for done, _ in reports] == [1 / 8, 2 / 8, 3 / 8]
    assert reports[0][1].startswith("cluster 1 of 2, loss ")


def test_heaps_are_found_as_clusters_and_the_nearest_center_is_that_of_the_distance():
    rng = np.random.default_rng(0)
    heaps = rng.normal(size=(3, 6)) * 20
    labels = np.arange(60) % 3
    features = heaps[labels] + rng.normal(size=(60, 6))
    result = clustered(features, 3, seed=0)
    assert len({*zip(labels.tolist(), result.of.tolist(), strict=True)}) == 3
    distances = np.linalg.norm(features[:, None] - result.centers, axis=2)
    assert (result.nearest(features) == distances.argmin(1)).all()
    assert (result.nearest(features) == result.of).all()
    assert (clustered(features, 3, seed=0).centers == result.centers).all()


def test_each_cluster_goes_to_another_and_no_two_to_one_and_what_cannot_be_is_refused():
    assert targets_of(5, 1).tolist() == [1, 2, 3, 4, 0]
    assert targets_of(3, 5).tolist() == [2, 0, 1]
    assert_refused("offset of 10 with 5 clusters leads back", targets_of, 5, 10)
    features = np.repeat(np.eye(4), 5, axis=0)
    assert isinstance(clustered(features, 4, 0), Clusters)
    words = "4 different training images .* into 5 clusters"
    assert_refused(words, clustered, features, 5, 0)


EPSILON = 16 / 255


def network(shape=(3, 16, 16), seed=0):
    return NoiseNetwork(shape, EPSILON, tiny.seeded(seed)).train()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 15, 15), (3, 32, 32)])
def test_a_network_makes_noise_of_that_shape_within_its_bounds(shape):
    noise = network(shape)()
    assert noise.shape == (1, *shape)
    assert noise.abs().max() <= EPSILON
    assert noise.std() > 0.01 * EPSILON


def test_the_seed_decides_picture_and_weights_each_of_which_has_a_slope_and_norms_see_one_picture():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, same, second = network(seed=1), network(seed=1), network(seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(), same())
    assert not torch.equal(first.picture, second.picture)
    assert not torch.equal(first(), second())
    generator = network()
    first = generator()
    assert torch.equal(generator(), first)  # its running means have moved, and count for nothing
    assert not torch.allclose(generator.eval()(), first, atol=1e-3 * EPSILON)
    generator = network()
    (generator() * torch.randn(3, 16, 16, generator=tiny.seeded(1))).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in generator.parameters())
    assert (generator().abs() < 0.95 * EPSILON).float().mean() > 0.9  # tanh is not saturated


def test_numbers_begin_at_nothing_and_are_cut_after_a_step():
    noise = DirectNoise((1, 2, 2), EPSILON)
    assert not noise().any()
    with torch.no_grad():
        noise.values.copy_(torch.tensor([[[[-1.0, 0.01], [0.02, 1.0]]]]))
    noise.cut()
    assert noise().flatten().tolist() == pytest.approx([-EPSILON, 0.01, 0.02, EPSILON])
