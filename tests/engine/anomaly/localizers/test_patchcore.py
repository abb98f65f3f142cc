"""PatchCore and the nearest rows against plain searches over all normal patches."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.anomaly import PatchCore
from engine.anomaly.localizers import nearest_rows
from engine.anomaly.localizers.nearest_rows import KnownRows
from engine.anomaly.localizers.patchcore import centers
from engine.core.method import quiet
from tests.engine.anomaly.localizers import cells

PLAIN = PatchCore(coreset=None, normals=100, blur=0.0)
FITTED = 12


@pytest.fixture(scope="module")
def case():
    pixels = cells.images(30)
    return cells.case(cells.data(pixels, FITTED), cells.with_lesion(cells.images(1, seed=7)[0]))


def neighborhoods(pixels):
    """The mean of each 3 × 3 neighborhood, nothing beyond the edge, (n, 64, 3)."""
    padded = np.pad(cells.cells_of(pixels), ((0, 0), (0, 0), (1, 1), (1, 1)))
    grid = range(cells.GRID)
    means = [[padded[:, :, y : y + 3, x : x + 3].sum((2, 3)) / 9 for x in grid] for y in grid]
    return np.array(means).transpose(2, 0, 1, 3).reshape(len(pixels), -1, 3)


def searched(case):
    """Distances of all patches of the image to all normal ones, (64, 12, 64)."""
    known = neighborhoods(case.normal.images[:FITTED])
    neighborhood = neighborhoods(np.rint(case.image.numpy() * 255)[None])[0]
    return np.linalg.norm(neighborhood[:, None, None] - known[None], axis=3)


def test_with_all_patches_kept_the_map_is_a_plain_search(case):
    result, distances = PLAIN(case), searched(case)
    nearest = distances.min((1, 2))
    np.testing.assert_allclose(result["patches"]["distance"], nearest, atol=2e-6)
    grid = torch.from_numpy(nearest.reshape(1, 1, 8, 8))
    large = F.interpolate(grid, (32, 32), mode="bilinear")[0, 0].numpy()
    np.testing.assert_allclose(result["map"].values, large, atol=2e-6)
    assert 2 * 4 <= result["map"].values.argmax() // 32 < 4 * 4  # rows of the lesion


def test_each_patch_names_the_normal_patches_nearest_to_it_and_how_far_they_are(case):
    table, distances = PLAIN(case)["patches"], searched(case)
    for rank in range(1, 6):
        image = table[f"image {rank}"] // 2  # ids are twice the place
        place = table[f"row {rank}"] * 8 + table[f"column {rank}"]
        named = distances[np.arange(64), image, place]
        np.testing.assert_allclose(named, table[f"distance {rank}"], atol=2e-6)
        ranked = np.sort(distances.reshape(64, -1), 1)[:, rank - 1]
        np.testing.assert_allclose(named, ranked, atol=2e-6)


def test_a_normal_image_with_the_same_lesion_erases_it_from_the_map(case):
    lesion = np.rint(case.image.numpy() * 255).astype(np.uint8)
    lesion[2, 31, 31] ^= 1  # another image, or it would be left out
    pixels = case.normal.images.copy()
    pixels[0] = lesion
    erased = PLAIN(cells.case(cells.data(pixels, FITTED), np.rint(case.image.numpy() * 255)))
    before, after = PLAIN(case)["map"].values, erased["map"].values
    assert before.max() > 0.1
    assert after[4:20, 16:32].max() < 1e-3
    assert case.normal.ids[0] in erased["patches"]["image 1"]


def test_the_image_itself_is_no_normal_image_of_its_own(case):
    pixels = case.normal.images.copy()
    pixels[0] = np.rint(case.image.numpy() * 255)
    alone = PLAIN(cells.case(cells.data(pixels, FITTED), pixels[0]))
    assert 0 not in alone["patches"]["image 1"]
    assert alone["figures"]["fitted"][0] == FITTED - 1
    assert alone["map"].values.max() > 0.1


def test_the_image_score_is_the_published_sum_over_the_normal_patches_around(case):
    known = neighborhoods(case.normal.images[:FITTED]).reshape(-1, 3)
    neighborhood = neighborhoods(np.rint(case.image.numpy() * 255)[None])[0]
    distances = np.linalg.norm(neighborhood[:, None] - known, axis=2)
    worst = distances.min(1).argmax()
    answer = distances[worst].argmin()
    for count in (2, 9):
        around = np.argsort(np.linalg.norm(known - known[answer], axis=1), kind="stable")[:count]
        share = np.exp(distances[worst, answer]) / np.exp(distances[worst, around]).sum()
        expected = (1 - share) * distances[worst, answer]
        result = PatchCore(coreset=None, normals=100, neighbors=count)(case)
        assert result["figures"]["image score"][0] == pytest.approx(expected, abs=1e-5)
    result = PatchCore(coreset=None, normals=100, neighbors=1)(case)
    assert result["figures"]["image score"][0] == pytest.approx(distances.min(1).max(), abs=1e-5)


def test_the_coreset_is_the_greedy_one_of_projected_rows_and_takes_equal_ones_once():
    rows = torch.from_numpy(np.random.default_rng(3).normal(size=(300, 6))).float()
    result = centers(rows, 20, np.random.default_rng(5), quiet).tolist()
    chosen = [int(np.random.default_rng(5).integers(300))]
    distances = torch.cdist(rows.double(), rows.double())
    while len(chosen) < 20:
        chosen.append(int(distances[:, chosen].min(1).values.argmax()))
    assert result == chosen
    random = [np.random.default_rng(s).permutation(300)[:20].tolist() for s in range(20)]
    cover = distances[:, result].min(1).values.max()
    assert cover < min(distances[:, subset].min(1).values.max() for subset in random)
    assert len(set(centers(torch.zeros(10, 3), 6, np.random.default_rng(0), quiet).tolist())) == 6
    rows = torch.from_numpy(np.random.default_rng(3).normal(size=(200, 300))).float()
    rows[:5] *= 50  # five that no projection hides
    assert set(centers(rows, 8, np.random.default_rng(1), quiet).tolist()) >= set(range(5))


def test_a_small_coreset_only_raises_the_map(case):
    whole, few = PLAIN(case), PatchCore(coreset=50, normals=100, blur=0.0)(case)
    assert (few["map"].values >= whole["map"].values - 1e-5).all()
    assert few["map"].values.mean() > whole["map"].values.mean()


FAR = 300.0  # what all rows have in common, beside differences of about 1


@pytest.fixture
def few_at_a_time(monkeypatch):
    monkeypatch.setattr(nearest_rows, "COMPARED", 600)
    monkeypatch.setattr(nearest_rows, "LEAST_ROWS", 7)


@pytest.fixture(scope="module")
def rows():
    """Known rows, others of which two are known too, and the distances of these from those."""
    chance = torch.Generator().manual_seed(0)
    known, queries = (FAR + torch.randn(count, 12, generator=chance) for count in (60, 33))
    queries[4], queries[32] = known[7], known[59]
    first, second = queries.double(), known.double()
    return known, queries, torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist")


@pytest.mark.usefixtures("few_at_a_time")
def test_the_nearest_row_is_that_of_a_plain_search_at_its_distance(rows):
    known, queries, distances = rows
    distance, indices = KnownRows.of(known).nearest(queries)
    assert indices.tolist() == distances.argmin(1).tolist()
    torch.testing.assert_close(distance.double(), distances.min(1).values, rtol=1e-5, atol=1e-6)
    assert distance[4] == distance[32] == 0
    assert (indices[4], indices[32]) == (7, 59)


@pytest.mark.usefixtures("few_at_a_time")
def test_several_are_the_nearest_in_order_and_no_more_than_there_are(rows):
    known, queries, distances = rows
    distance, indices = KnownRows.of(known).several(queries, 5)
    ordered = distances.sort(dim=1)
    assert indices.tolist() == ordered.indices[:, :5].tolist()
    torch.testing.assert_close(distance.double(), ordered.values[:, :5], rtol=1e-5, atol=1e-6)
    assert KnownRows.of(known[:3]).several(queries, 5)[0].shape == (33, 3)
