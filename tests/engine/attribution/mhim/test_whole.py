"""Tiles of a large image: distances by hand, blank tiles, the planted regions, what is refused."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.attribution.mhim import UnlikeTiles, WholeSlideCase
from engine.attribution.mhim.whole import neighbor_distances, separated
from engine.core.errors import BadImage, BadSetting
from engine.core.result import Table
from engine.core.run import answer
from engine.vision.data.whole_slide import made_slide
from engine.vision.images.large_base import WholeImage
from tests import tiny

CASE = tiny.whole_slide_case()


def of_size(height, width, value=None):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if value is not None:
        pixels[:] = value
    name = f"{height}{width}{value}"
    return WholeSlideCase(tiny.cnn(), WholeImage(width, height, name, (), pixels))


def features_of(case):
    """What the model sees of every tile of 16 px but the last, which is blank, one by one."""
    results = []
    for row, column in np.ndindex(case.image.height // 16, case.image.width // 16):
        cut = case.image.pixels[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
        pixels = torch.from_numpy(cut.copy()).permute(2, 0, 1)[None] / 255
        size = (case.model.side, case.model.side)
        pixels = F.interpolate(pixels, size, mode="bilinear", antialias=True)
        results.append(case.model.features(pixels)[0].double().numpy())
    return np.array(results[:-1])


def test_a_tile_counts_its_distance_to_those_most_like_it():
    result = answer(UnlikeTiles(tile=16, neighbors=3), CASE)["tiles"]
    assert len(result) == 24
    known = features_of(CASE)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    cosines = np.sort(known @ known.T - 3 * np.eye(23))  # none is among its own neighbors
    expected = 1 - cosines[:, -3:].mean(1)
    assert result["distance"][:-1] == pytest.approx(expected, abs=1e-5)
    assert np.isnan(result["distance"][23])
    assert result["row"].tolist() == [at // 6 for at in range(24)]
    assert np.isnan(result["planted"]).all()
    assert np.nanargmax(result["distance"]) == 8  # the darker one


def test_distances_in_blocks_are_those_at_once(monkeypatch):
    rows = F.normalize(torch.rand(40, 6, generator=tiny.seeded()), dim=1)
    whole = neighbor_distances(rows, 5)
    monkeypatch.setattr("engine.attribution.mhim.whole.BLOCK", 7)
    assert neighbor_distances(rows, 5) == pytest.approx(whole, abs=1e-6)
    assert neighbor_distances(rows[:2], 5).shape == (2,)


def test_tiles_too_large_are_said_to_be_and_the_size_that_is_offered_fits():
    columns = {"distance": ([0.1, 0.2, np.nan], ""), "planted": ([0.2, 0.0, 0.0], "share")}
    table = Table.of(columns)
    sentence = UnlikeTiles(tile=16).finding(CASE, {"tiles": table})
    assert sentence.startswith("2 of 3 tiles are compared; none lies in a planted region")
    case = of_size(1040, 1040)
    with pytest.raises(BadSetting, match="choose 32 px"):
        UnlikeTiles(tile=16).grid(case)
    assert UnlikeTiles(tile=32).grid(case) == (32, 32)


def test_the_finding_counts_planted_tiles_among_the_strangest_by_the_share_of_the_mask():
    case = WholeSlideCase(tiny.cnn(), made_slide(640, 512, seed=1))
    method = UnlikeTiles(tile=64)
    result = method(case)
    table, image = result["tiles"], case.image
    mask = image.mask(0, 512, 0, 640).reshape(8, 64, 10, 64).mean((1, 3)).ravel()
    assert table["planted"] == pytest.approx(mask, abs=1e-6)
    known = np.isfinite(table["distance"])
    key, distance = (table["planted"] >= 0.25)[known], table["distance"][known]
    count = min(20, key.sum())
    hits = key[np.argsort(-distance)[:count]].sum()
    sentence = method.finding(case, result)
    assert sentence.startswith(f"{hits} of the {count} strangest tiles")
    assert f"which are {100 * key.mean():.0f} % of the tissue" in sentence
    pairs = [(a > b) + 0.5 * (a == b) for a in distance[key] for b in distance[~key]]
    assert separated(distance, key) == pytest.approx(np.mean(pairs))
    assert "the strangest is" in UnlikeTiles(tile=16).finding(CASE, UnlikeTiles(tile=16)(CASE))


@pytest.mark.parametrize(
    ("case", "tile", "error", "words"),
    [
        (of_size(64, 64, 200), 16, BadImage, "nothing in this image"),
        (of_size(40, 20), 32, BadImage, "no two tiles of 32 px"),
        (of_size(1040, 1040), 16, BadSetting, "4,225 tiles of 16 px; 4,000 are read at most"),
    ],
)
def test_what_has_no_tiles_to_compare_is_said(case, tile, error, words):
    with pytest.raises(error, match=words):
        UnlikeTiles(tile=tile)(case)
