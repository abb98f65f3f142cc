"""Bags of section tiles: where they are cut, which tiles are key, and what a bag never shows."""

import numpy as np
import pytest
import torch

from engine.attribution.mhim import section_networks, sections
from engine.attribution.mhim.methods import recipe
from engine.attribution.mhim.sections import ACROSS, SIZE, SectionBags
from engine.vision.data import SPLITS
from engine.vision.data.whole_slide import FAINT, made_slide
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
    for at, (row, column) in enumerate(np.ndindex(ACROSS, ACROSS)):
        above, before = top + 32 * row, left + 32 * column
        place = (above, above + 32, before, before + 32)
        assert (tiles[at] == image.piece(*place)).all()
        assert shares[at] == image.mask(*place).mean()
    assert shares.max() == 1
    assert set(faint) == {image.strengths[1] <= FAINT}
    image = made_slide(seed=0)
    dark = [
        (image.piece(y - 80, y + 80, x - 80, x + 80).max(-1) < 130).mean()
        for y, x in image.regions[np.argsort(image.strengths), :2].astype(int)
    ]
    assert dark == sorted(dark)
    assert dark[0] < 0.1
    assert dark[-1] > 0.3


def test_only_bags_of_the_second_class_hold_a_planted_region():
    for bag in range(6):
        tiles, shares, _ = SectionBags(count=6).cut(bag)
        assert tiles.shape == (SIZE, 32, 32, 3)
        assert (shares > 0).any() == bool(bag % 2)
        assert not shares[ACROSS**2 :].any()  # the other squares never do
    image, rng = made_slide(seed=5), np.random.default_rng(0)
    for planted in (False, True) * 10:
        top, left = SectionBags().place(image, rng, planted=planted)
        pixels = np.ogrid[top : top + 32 * ACROSS, left : left + 32 * ACROSS]
        assert image.tissue(*pixels).mean() > 0.98
        assert (image.planted(*pixels).mean() > 0.001) == planted


def test_networks_that_are_trained_are_read_again_with_their_figures(tmp_path, monkeypatch):
    model = tiny.cnn()
    monkeypatch.setattr(section_networks, "load", lambda _: model)
    monkeypatch.setattr(section_networks, "SectionBags", lambda seed: SectionBags(20, seed))
    monkeypatch.setattr(section_networks, "recipe", lambda _: recipe(1))
    path, figures = section_networks.retrain(tmp_path / "new" / "folder", 3)
    assert path.is_relative_to(tmp_path / "new" / "folder")
    assert path.stat().st_mode & 0o777 == 0o644
    monkeypatch.setattr(section_networks, "file_of", lambda _: path)
    again = section_networks.shipped_networks.__wrapped__()
    assert tuple(again.networks) == tuple(again.figures) == section_networks.NETWORKS
    assert (again.figures, again.reader, again.title) == (figures, model.fingerprint, model.title)
    case, bags = SectionBags(20, 3).read(model)
    assert again.spread == pytest.approx(bags.spread)
    for name, trained in section_networks.train_networks(case, bags).items():
        weights = section_networks.bag_network(trained).embed.weight
        torch.testing.assert_close(again.networks[name].embed.weight, weights, atol=1e-3, rtol=1e-3)


def test_bags_are_read_tile_by_tile_and_their_sections_differ():
    model = tiny.cnn()
    bags = SectionBags(count=24)
    case, read = bags.read(model)
    assert read.features.shape[:2] == (24, SIZE)
    tiles, shares, faint = bags.cut(13)
    features = sections.tile_features(model, tiles[5:6], sections.Seconds())[0]
    assert (read.features[13, 5] * read.spread).numpy() == pytest.approx(features, abs=1e-5)
    assert read.layout.key[13].tolist() == (shares >= 0.25).tolist()
    assert read.layout.hard[13].tolist() == ((shares >= 0.25) & faint).tolist()
    labels = read.slides.labels
    assert labels.tolist() == [bag % 2 for bag in range(24)]
    for split in ("train", "test"):
        assert set(labels[read.slides.split == SPLITS.index(split)]) == {0, 1}
    assert len({SectionBags(count=24).cut(bag)[0].tobytes() for bag in range(4)}) == 4
    assert (case.data.images[13 * SIZE + 5] == tiles[5, ::2, ::2].transpose(2, 0, 1)).all()
