"""Bags of section tiles: where they are cut, which tiles are key, and what a bag never shows."""

import numpy as np
import pytest

from engine.attribution.slides import sections
from engine.attribution.slides.sections import ACROSS, SIZE, SectionBags
from engine.data import SPLITS
from engine.data.whole_slide import FAINT, made_slide
from tests import tiny


@pytest.fixture(autouse=True)
def fine(monkeypatch):
    """Tiles of 32 px, so that it takes no time."""
    monkeypatch.setattr(sections, "TILE", 32)
    monkeypatch.setattr(sections, "SMALL", 2)


def test_a_square_holds_the_image_with_its_planted_share_darker_where_it_is_strong():
    image = made_slide(seed=3)
    top, left = (int(edge) - 60 for edge in image.regions[1, :2])
    tiles, shares, faint = sections.square(image, top, left)
    for at in range(ACROSS**2):
        row, column = divmod(at, ACROSS)
        place = (top + 32 * row, top + 32 * (row + 1), left + 32 * column, left + 32 * (column + 1))
        assert (tiles[at] == image.piece(*place)).all()
        assert shares[at] == image.mask(*place).mean()
    assert shares.max() == 1
    assert set(faint) == {image.strengths[1] <= FAINT}
    image = made_slide(seed=0)
    order = np.argsort(image.strengths)
    dark = []
    for y, x in image.regions[order, :2].astype(int):
        dark.append((image.piece(y - 80, y + 80, x - 80, x + 80).max(-1) < 130).mean())
    assert dark == sorted(dark)
    assert dark[0] < 0.1
    assert dark[-1] > 0.3


def test_only_bags_of_the_second_class_hold_a_planted_region():
    for bag in range(6):
        tiles, shares, _ = SectionBags(count=6).cut(bag)
        assert tiles.shape == (SIZE, 32, 32, 3)
        assert (shares > 0).any() == bool(bag % 2)
        assert not shares[ACROSS**2 :].any()  # the other squares never do


def test_bags_are_read_tile_by_tile_and_their_sections_differ():
    model = tiny.cnn()
    bags = SectionBags(count=24)
    case, read = bags.read(model)
    assert read.features.shape[:2] == (24, SIZE)
    tiles, shares, faint = bags.cut(13)
    features = sections.tile_features(model, tiles[5:6], sections.Seconds())[0]
    assert (read.features[13, 5] * read.spread).tolist() == pytest.approx(
        features.tolist(), abs=1e-5
    )
    assert read.layout.key[13].tolist() == (shares >= 0.25).tolist()
    assert read.layout.hard[13].tolist() == ((shares >= 0.25) & faint).tolist()
    labels = read.slides.labels
    assert labels.tolist() == [bag % 2 for bag in range(24)]
    for split in ("train", "test"):
        in_split = read.slides.split == SPLITS.index(split)
        assert set(labels[in_split]) == {0, 1}
    assert len({SectionBags(count=24).cut(bag)[0].tobytes() for bag in range(4)}) == 4
    assert (case.data.images[13 * SIZE + 5] == tiles[5, ::2, ::2].transpose(2, 0, 1)).all()
