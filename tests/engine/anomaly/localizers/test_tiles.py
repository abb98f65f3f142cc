"""A photograph in tiles: seamless, bounded, and sharper than the resized one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from engine.anomaly import LOCALIZERS, FamiliarCase, PatchCore
from engine.anomaly.localizers import tiles
from engine.anomaly.localizers.regions import boxes_above
from engine.anomaly.localizers.tiles import MOST_TILES, PhotographCase, TileByTile, blended, tiling
from engine.core.result import Table
from engine.core.run import digest
from engine.evaluation.detection.healthy import texture
from engine.evaluation.measures.segmentation import pixel_auroc
from engine.vision.images import Crop, Picture, load, square
from engine.vision.images.picture import FINE
from tests import tiny
from tests.engine.anomaly.localizers import cells
from tests.in_memory import written

SIDE = cells.SIDE


def picture(pixels):
    flat = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    return Picture(flat, flat.shape[1::-1], (), str(flat.sum()))


def case(normal, pixels, method=None):
    about = cells.case(normal, cells.images(1, 9)[0], network=cells.Rich)
    return PhotographCase(about, method or PatchCore(), picture(pixels))


@pytest.fixture(scope="module")
def normal():
    return cells.data(cells.images(60), 20)


# ---------------------------------------------------------------- where tiles lie


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("size", [(4000, 3000), (225, 224), (224, 224), (9000, 300), (100, 80)])
def test_tiles_cover_the_photograph_overlap_as_asked_and_are_bounded(size, overlap):
    grid = tiling(*size, 224, overlap)
    assert len(grid) <= MOST_TILES
    for length, begins in ((grid.width, grid.lefts), (grid.height, grid.tops)):
        assert begins[0] == 0
        assert begins[-1] + 224 == length
        assert all(np.diff(begins) <= np.ceil(224 * (1 - overlap)))
    assert grid.width / grid.height == pytest.approx(size[0] / size[1], rel=0.02)
    assert grid.scale == pytest.approx(grid.height / size[1], rel=0.01)


def test_a_photograph_is_cut_at_its_own_size_as_long_as_its_tiles_are_not_too_many():
    grid = tiling(4000, 3000, 224, 0.25)
    assert (grid.scale, len(grid.lefts), len(grid.tops)) == (1, 24, 18)
    less = tiling(4000, 3000, 64, 0.25)
    assert less.scale < 0.5
    assert len(less) > 0.8 * MOST_TILES
    assert tiling(100, 80, 224, 0.25).scale == pytest.approx(2.8)
    tens = tuple(range(0, 100, 10))
    # four hundred times too many: a twentieth of the size; a tenth too many: smaller step by step
    grid = tiling(2000, 2000, 10, 0.0, 100)
    assert (grid.lefts, grid.tops, grid.scale) == (tens, tens, pytest.approx(0.05))
    grid = tiling(110, 100, 10, 0.0, 100)
    assert (grid.width, grid.height, grid.scale) == (99, 90, pytest.approx(0.98**5))


def test_too_many_tiles_are_a_sentence(normal, monkeypatch):
    monkeypatch.setattr(tiles, "tiling", lambda *arguments: tiling(*arguments, 6))
    result = TileByTile()(case(normal, np.zeros((3, 200, 200), np.uint8)))
    note = result["notes"].labels[-1]
    assert note.startswith(f"At most {MOST_TILES} tiles of 32 px are read, so")
    assert result["figures"]["tiles"][0] <= 6


# ---------------------------------------------------------------- one map


@pytest.mark.parametrize("kind", LOCALIZERS, ids=lambda kind: kind.name)
def test_one_tile_is_the_localizer_s_own_map(normal, kind):
    image = cells.with_lesion(cells.images(1, 7)[0])
    photo_case = case(normal, image, kind())
    result = TileByTile()(photo_case)
    pixels = torch.from_numpy((image / 255).astype(np.float32))
    alone = kind()(replace(photo_case.about, image=pixels))
    np.testing.assert_allclose(result["map"].values, alone["map"].values, rtol=1e-4, atol=1e-5)
    for name in ("threshold", "highest", "below", "left", "top", "held out"):
        assert result["figures"][name][0] == pytest.approx(alone["figures"][name][0], rel=1e-4)


def test_tiles_that_agree_are_blended_without_a_seam():
    """Each tile is cut out of one smooth field: blended, they are that field again."""
    grid = tiling(1000, 700, 100, 0.3)
    rows, columns = np.indices((700, 1000)) + 0.5
    field = np.sin(rows / 90) + np.cos(columns / 120)
    cut = (field[t : t + 100, left : left + 100] for t, left in grid.corners())
    values, highest = blended(grid, cut)
    assert values.shape == (700, 1000)
    assert np.abs(values - field).max() < 1e-4
    assert len(highest) == len(grid)
    assert highest.max() == pytest.approx(field.max(), abs=1e-6)


def test_tiles_that_differ_pass_into_each_other_and_a_large_map_has_a_bounded_size():
    grid = tiling(300, 100, 100, 0.5)
    count = len(grid.lefts)
    values, _ = blended(grid, (np.full((8, 8), float(at)) for at in range(count)))
    steps = np.diff(values[50])
    assert (steps >= -1e-6).all()
    assert steps.max() < 0.05 * count  # a hard edge would be a step of 1
    assert values[50, 0] == 0
    assert values[50, -1] == pytest.approx(count - 1)
    grid = tiling(4000, 3000, 224, 0.25)
    values, _ = blended(grid, (np.ones((16, 16)) for _ in range(len(grid))))
    assert values.shape == (768, 1024)
    assert values == pytest.approx(1)


def test_the_question_is_the_photograph_s(normal):
    photo_case = case(normal, cells.images(1, 3)[0])
    other = case(normal, cells.images(1, 4)[0])
    assert digest(TileByTile(), photo_case) != digest(TileByTile(), other)
    same = replace(photo_case, about=replace(photo_case.about, image=torch.zeros(3, SIDE, SIDE)))
    assert digest(TileByTile(), same) == digest(TileByTile(), photo_case)


# ---------------------------------------------------------------- what it is for


def squares(pixels, side, count, seed):
    """Squares (count, 1, side, side) from places drawn at random."""
    rng = np.random.default_rng(seed)
    places = [rng.integers(0, length - side + 1, count) for length in pixels.shape]
    pairs = zip(*places, strict=True)
    return np.stack([pixels[None, t : t + side, x : x + side] for t, x in pairs])


def normals(images):
    """Normal images of one texture, the last third held out."""
    return cells.data(images, 2 * len(images) // 3)


def field(height, width, seed):
    """Gravel of any size: the shipped squares mirrored side by side, in an order of their own."""
    data = texture("gravel").images[:, 0]
    whole = data.reshape(8, 8, 64, 64).transpose(0, 2, 1, 3).reshape(512, 512)
    rng = np.random.default_rng(seed)
    across, down = (-(-length // 512) for length in (width, height))
    squares_of = [
        [whole[:: rng.choice([1, -1]), :: rng.choice([1, -1])] for _ in range(across)]
        for _ in range(down)
    ]
    return np.ascontiguousarray(np.block(squares_of)[:height, :width])


def scratch(pixels, mask, at, length=36, width=3):
    """Draws a slanted bright scratch, and where it is."""
    for step in range(length):
        row, column = at[0] + step // 2, at[1] + step
        for array, value in ((pixels, 250), (mask, True)):
            array[row : row + width, column : column + width] = value


class Fine(nn.Module):
    """Its only map has 16 random features of each 7 × 7 px, (16, 32, 32)."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Sequential(nn.Conv2d(3, 16, 7, stride=7), nn.ReLU()))
        self.fc = nn.Linear(16 * 32 * 32, 2)

    def forward(self, images):
        return self.fc(self.body(images * 4 - 2).flatten(1))


def test_scratches_in_a_photograph_of_12_megapixels_are_found_in_tiles_and_lost_when_resized():
    """20 scratches of 36 × 3 px in a JPEG of 4000 × 3000, as it is read.

    Tiles are compared with squares of another photograph of the same gravel, and the resized one
    with other photographs that were resized too.
    """
    whole, mask = field(3000, 4000, 1), np.zeros((3000, 4000), bool)
    chance = np.random.default_rng(3)
    for at in zip(chance.integers(100, 2900, 20), chance.integers(600, 3400, 20), strict=True):
        scratch(whole, mask, at)
    photograph = load(written(Image.fromarray(whole).save, "JPEG", quality=95), "a.jpg", fine=True)
    assert photograph.pixels.shape == (3000, 4000, 3)
    assert photograph.pixels[..., 0].size <= FINE
    model = tiny.classifier(tiny.random_weights(Fine(), scale=1.0), 224, "fine")
    sharp = normals(squares(field(3000, 4000, 2), model.side, 60, 0))
    about = FamiliarCase(model, torch.from_numpy(square(photograph, Crop(), model.side)), sharp)
    result = TileByTile()(PhotographCase(about, PatchCore(), photograph))
    assert result["figures"]["tiles"][0] == 24 * 18
    small = np.stack([seen_small(field(3000, 4000, 10 + at)) for at in range(6)])
    resized = PatchCore()(replace(about, normal=normals(small)))
    tiled, shrunk = area(result["map"].values, mask), area(resized["map"].values, mask[:, 500:3500])
    assert tiled > 0.85
    assert tiled > shrunk + 0.2


def seen_small(pixels):
    """The middle square of a gray photograph at 224 px, (3, 224, 224)."""
    resized = square(picture(pixels[None].repeat(3, 0)), Crop(), 224)
    return np.rint(255 * resized).astype(np.uint8)


def area(values, mask):
    """Pixel AUROC of a map over a mask, on a quarter of the mask's resolution."""
    marked = mask[: len(mask) // 4 * 4, : mask.shape[1] // 4 * 4]
    marked = marked.reshape(len(marked) // 4, 4, -1, 4).any((1, 3))
    size = marked.shape[::-1]
    large = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))
    return pixel_auroc(large[None], marked[None], np.ones((1, *marked.shape), bool))


def test_what_one_tile_finds_and_its_neighbor_does_not_is_said(normal):
    """Blended with a tile that finds nothing, a spot near an edge may fall below the threshold."""
    photo_case = case(normal, np.zeros((3, 200, 200), np.uint8))
    table = TileByTile()(photo_case)["figures"]
    units = zip(table.order, table.units, strict=True)
    columns = {name: (table[name], unit) for name, unit in units}
    spot = Table.of(columns | {"above": ([1], "tiles")})
    none = boxes_above(np.zeros((8, 8), np.float32), 1.0, "")
    assert TileByTile().finding(photo_case, {"figures": spot, "boxes": none}).endswith(tiles.ALONE)
    quiet = Table.of(columns | {"above": ([0], "tiles")})
    assert tiles.ALONE not in TileByTile().finding(photo_case, {"figures": quiet, "boxes": none})
