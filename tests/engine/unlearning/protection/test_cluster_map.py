"""The map of clusters: shares counted by hand, and the axes of a plain principal components."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from engine.unlearning.protection.cluster_map import AFTER, BEFORE, RANDOM, Moved, axes
from engine.unlearning.protection.cluster_noise import Clusters
from tests import tiny

CENTERS = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 6.0, 0.0]])


@pytest.fixture
def moved():
    """24 images in three clusters; protected ones of the first two go where they should."""
    of, targets = np.arange(24) % 3, np.array([1, 2, 0])
    clean = CENTERS[of] + np.random.default_rng(0).normal(0, 0.1, (24, 3))
    after = clean.copy()
    after[of < 2] += (CENTERS[targets[of]] - CENTERS[of])[of < 2]
    chance = clean.copy()
    chance[0] += [10, 0, 0]
    features = {BEFORE: clean, AFTER: after, RANDOM: chance}
    return Moved(Clusters(of, CENTERS), targets, features)


def test_what_lies_nearest_to_its_target_is_counted_before_after_and_by_chance(moved):
    views = moved.views(tiny.columns(8, ("a", "b")))
    clusters = views["clusters"]
    assert clusters.rows == ("cluster 1", "cluster 2", "cluster 3")
    assert clusters["images"].tolist() == [8, 8, 8]
    assert clusters["target"].tolist() == [2, 3, 1]
    assert clusters["protected nearest to the target"].tolist() == [1, 1, 0]
    assert clusters["random noise nearest to the target"].tolist() == [1 / 8, 0, 0]
    assert not clusters["clean nearest to the target"].any()
    shares = views["moved"]["images nearest to the target"]
    assert dict(zip(views["moved"].rows, shares, strict=True)) == pytest.approx(
        {BEFORE: 0, AFTER: 16 / 24, RANDOM: 1 / 24}
    )


def test_images_and_centers_lie_on_one_map(moved):
    data = tiny.columns(8, ("a", "b"))
    views = moved.views(data)
    points, clusters = views["map"], views["clusters"]
    assert (points["id"] == data.ids[data.rows("train")]).all()
    assert (points["cluster"] == moved.clusters.of + 1).all()
    for cluster in range(3):
        in_cluster = points["cluster"] == cluster + 1
        target = clusters["target"][cluster] - 1
        for axis in "xy":
            center = clusters[axis][cluster]
            assert points[f"clean {axis}"][in_cluster].mean() == pytest.approx(center, abs=0.2)
            end = clusters[axis][target] if cluster < 2 else center
            assert points[f"protected {axis}"][in_cluster].mean() == pytest.approx(end, abs=0.2)
            assert clusters[f"protected {axis}"][cluster] == pytest.approx(end, abs=0.2)


def test_the_axes_are_principal_components():
    values = np.random.default_rng(0).normal(size=(30, 5)) * [1, 5, 2, 3, 1]
    directions, middle = axes(values)
    components = PCA(2).fit(values).components_
    assert np.allclose(abs((directions * components).sum(1)), 1)
    assert np.allclose(middle, values.mean(0))
    assert axes(values[:, :1])[0].tolist() == [[1], [0]]
