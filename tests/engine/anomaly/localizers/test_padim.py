"""PaDiM against the Mahalanobis distance, written again place by place."""

from dataclasses import replace

import numpy as np
import pytest

from engine.anomaly import PaDiM
from tests.engine.anomaly.localizers import cells

FITTED = 25
PLAIN = PaDiM(normals=100, blur=0.0, shrinkage=0.01)


@pytest.fixture(scope="module")
def case():
    normal = cells.data(cells.images(45), FITTED)
    return cells.case(normal, cells.with_lesion(cells.images(1, seed=7)[0]))


def gaussian(case, place, shrinkage=0.01):
    """Normal patches, their mean and covariance at a place (row, column)."""
    normal = cells.cells_of(case.normal.images[:FITTED])[:, :, *place]
    spread = np.cov(normal, rowvar=False)
    return normal, spread + (shrinkage * spread.trace() / 3 + 1e-6) * np.eye(3)


def test_the_map_is_the_mahalanobis_distance_written_again_at_each_place(case):
    result = PLAIN(case)["patches"]
    cell = cells.cells_of(np.rint(case.image.numpy() * 255)[None])[0]
    for at in range(64):
        place = divmod(at, 8)
        normal, spread = gaussian(case, place)
        difference = cell[:, *place] - normal.mean(0)
        expected = np.sqrt(difference @ np.linalg.inv(spread) @ difference)
        assert result["distance"][at] == pytest.approx(expected, rel=2e-3)
        differences = cell[:, *place] - normal
        lengths = np.sqrt(np.einsum("ni,ij,nj->n", differences, np.linalg.inv(spread), differences))
        order = np.argsort(lengths)[:5]
        assert [result[f"image {k + 1}"][at] // 2 for k in range(5)] == order.tolist()
        assert result["distance 1"][at] == pytest.approx(lengths.min(), rel=2e-3)
        assert (result["row 1"][at], result["column 1"][at]) == place


def test_with_one_feature_it_is_the_z_score():
    """Gray cells whose three channels are one: the others add nothing but shrinkage."""
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 255, (40, 1, 8, 8)).repeat(4, 2).repeat(4, 3).astype(np.uint8)
    pixels = np.concatenate([gray, np.zeros_like(gray), np.zeros_like(gray)], 1)
    case = cells.case(cells.data(pixels, FITTED), pixels[-1])
    result = PaDiM(normals=100, blur=0.0, shrinkage=0.001)(case)["patches"]["distance"]
    known = cells.cells_of(pixels[:FITTED])[:, 0]
    cell = cells.cells_of(pixels[-1:])[0, 0]
    expected = np.abs(cell - known.mean(0)) / np.sqrt(known.var(0, ddof=1) * (1 + 0.001 / 3) + 1e-6)
    np.testing.assert_allclose(result, expected.ravel(), rtol=1e-3)


def test_a_place_that_varies_in_normal_images_hides_what_another_place_shows(case):
    pixels = case.normal.images.copy()
    wild = np.random.default_rng(1).integers(0, 255, (len(pixels), 3, 2, 2))
    pixels[:, :, 8:16, 20:28] = wild.repeat(4, 2).repeat(4, 3)  # the lesion's own place
    calm = PLAIN(cells.case(cells.data(pixels, FITTED), np.rint(case.image.numpy() * 255)))
    assert PLAIN(case)["map"].values[12, 24] > 4 * calm["map"].values[12, 24]


def test_another_seed_compares_other_dimensions_and_fewer_images_than_those_are_said(case):
    few, other = PaDiM(normals=100, dimensions=2), replace(case, seed=4)
    assert not np.allclose(few(case)["map"].values, few(other)["map"].values)
    case = cells.case(cells.data(cells.images(6), 3), cells.images(1, seed=7)[0])
    assert any("leans on its shrinkage" in label for label in PLAIN(case)["notes"].labels)
    assert np.isfinite(PLAIN(case)["map"].values).all()
