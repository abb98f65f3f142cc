"""anomalib on the same patches: the same distances, scores, overlap and area under the curve."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from engine.anomaly.localizers.padim import GaussianPlaces
from engine.anomaly.localizers.patchcore import NearestPatch, centers
from engine.core.method import quiet
from engine.evaluation.measures.segmentation import aupro

pytest.importorskip("anomalib")
pytestmark = pytest.mark.peer

SIDE, WIDTH, NORMAL, QUERY_IMAGES, BANK_SIZE, NEIGHBORS = 14, 152, 40, 8, 784, 9


def patches(count, seed, odd=0.0):
    """Smooth maps of a few kinds of patches, with a square that is moved by so much."""
    chance = torch.Generator().manual_seed(seed)
    kinds = torch.randn(12, WIDTH, generator=torch.Generator().manual_seed(7))
    indices = torch.randint(12, (count, SIDE, SIDE), generator=chance)
    maps = kinds[indices] + 0.5 * torch.randn(count, SIDE, SIDE, WIDTH, generator=chance)
    maps[:, 4:8, 4:8] += odd * torch.randn(WIDTH, generator=chance)
    return maps.permute(0, 3, 1, 2).contiguous()


def rows(maps):
    return maps.permute(0, 2, 3, 1).reshape(-1, WIDTH)


def theirs(known):
    from anomalib.models.image.patchcore.torch_model import PatchcoreModel

    model = PatchcoreModel(["layer1"], "resnet18", pre_trained=False, num_neighbors=NEIGHBORS)
    model.memory_bank = known
    return model


def ours(known):
    """The rule on patches as they are; what `joined` does to layers is tested elsewhere."""
    return NearestPatch(known, torch.arange(len(known)), (SIDE, SIDE), NEIGHBORS)


def pooled(maps):
    """As our rule sees them: each is the mean of its neighborhood."""
    return torch.nn.functional.avg_pool2d(maps, 3, 1, 1)


def test_a_map_and_an_image_s_score_are_those_of_patchcore():
    known, query = rows(patches(4, 1)), patches(QUERY_IMAGES, 2, odd=1.0)
    rule, peer = ours(known), theirs(known)
    features = rows(pooled(query))
    near, neighbors = peer.nearest_neighbors(features, 1)
    result, image_scores = rule.judged((query,))
    np.testing.assert_allclose(result.flatten(), near, rtol=1e-3)
    scores = peer.compute_anomaly_score(
        near.reshape(QUERY_IMAGES, -1), neighbors.reshape(QUERY_IMAGES, -1), features
    )
    np.testing.assert_allclose(image_scores, scores, rtol=1e-3)


def test_a_place_s_distance_is_that_of_padim():
    from anomalib.models.components import MultiVariateGaussian

    normal = patches(300, 3)[:, :20]
    normal = normal / normal.std(0).square().mean(0).sqrt()  # the mean variance of a place is 1
    patch = patches(QUERY_IMAGES, 4, odd=1.0)[:, :20]
    places = normal.flatten(2).permute(2, 0, 1).contiguous()
    rule = GaussianPlaces(torch.arange(20), places, 0.01 + 1e-5 - 1e-6)  # what theirs adds
    mean, inverse = MultiVariateGaussian().fit(normal)
    deviations = patch.flatten(2) - mean
    squares = torch.einsum("ncp,pcd,ndp->np", deviations, inverse, deviations)
    np.testing.assert_allclose(rule.distances((patch,)).flatten(1), squares.sqrt(), rtol=1e-3)


def test_the_overlap_with_regions_is_their_aupro():
    from anomalib.metrics.aupro import _AUPRO

    chance = np.random.default_rng(0)
    masks = np.zeros((6, 48, 48), bool)
    for at, mask in enumerate(masks):
        mask[4 : 9 + at, 5:12] = True
        mask[30:34, 20 : 24 + 2 * at] = True
    maps = (chance.normal(size=masks.shape) + 1.2 * masks).astype(np.float32)
    peer = _AUPRO()
    peer.update(torch.from_numpy(maps), torch.from_numpy(masks).int())
    assert aupro(maps, masks) == pytest.approx(float(peer.compute()), abs=0.005)


def test_another_coreset_of_as_many_patches_finds_as_much():
    from anomalib.models.components import KCenterGreedy

    normal, query = rows(pooled(patches(NORMAL, 5))), patches(QUERY_IMAGES, 6, odd=0.6)
    truth = torch.zeros(QUERY_IMAGES, SIDE, SIDE, dtype=torch.bool)
    truth[:, 4:8, 4:8] = True
    areas = []
    for seed in range(3):
        torch.manual_seed(seed)
        bank = KCenterGreedy(normal, BANK_SIZE / len(normal)).sample_coreset()
        index = centers(normal, BANK_SIZE, np.random.default_rng(seed), quiet)
        near, _ = theirs(bank).nearest_neighbors(rows(pooled(query)), 1)
        result = ours(normal[index]).distances((query,))
        areas.append(
            [roc_auc_score(truth.flatten(), distances.flatten()) for distances in (result, near)]
        )
    first, second = np.mean(areas, 0)
    assert first > 0.8
    assert abs(first - second) < 0.005
