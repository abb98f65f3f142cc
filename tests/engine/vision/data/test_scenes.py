"""In a scene everything is known: what is there, how often, and every pixel of it."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import BadData
from engine.vision.data.layout import number
from engine.vision.data.scenes import FOLLOWERS, LEADERS, Scenes
from engine.vision.data.sprites import (
    CATEGORIES,
    COLORS,
    HABITS,
    PAINT,
    THEMES,
    backgrounds,
    sprites,
)

MANY = np.arange(4000)


@settings(max_examples=30, deadline=None)
@given(index=st.integers(0, 10**6), opacity=st.floats(0, 1), pick=st.integers(0, 15))
def test_a_thing_removed_or_faded_leaves_every_other_pixel_as_it_was(index, opacity, pick):
    scene = Scenes(seed=4).scene(index)
    scene_object = scene.things[pick % len(scene.things)]
    mask = scene.mask(scene_object.category)
    gone = scene.remove(scene_object.category)
    for changed in (gone, scene.with_opacity(scene_object.category, opacity)):
        assert (changed.image[:, ~mask] == scene.image[:, ~mask]).all()
    assert scene_object not in gone.things
    assert len(gone.things) == len(scene.things) - 1
    clear = scene.with_opacity(scene_object.category, 1.0)
    assert (clear.image[:, mask] != gone.image[:, mask]).any()


def test_faded_to_nothing_is_removed_and_what_is_not_there_cannot_be():
    scene = Scenes().scene(3)
    for scene_object in scene.things:
        faded = scene.with_opacity(scene_object.category, 0.0)
        assert (faded.image == scene.remove(scene_object.category).image).all()
    scene = Scenes().scene(0)
    absent = next(c for c in CATEGORIES if c not in {t.category for t in scene.things})
    with pytest.raises(BadData, match=f"no {absent} in this scene"):
        scene.remove(absent)
    with pytest.raises(BadData, match="no “dragon” in shape scenes: boat"):
        scene.mask("dragon")


@pytest.mark.parametrize("habit", [0.9, 0.6])
def test_things_go_together_as_often_as_the_habit_says(habit):
    present = Scenes(habit=habit).layout(MANY).present
    first, second = present[:, LEADERS], present[:, FOLLOWERS]
    assert second[first].mean() == pytest.approx(habit, abs=0.03)
    assert second[~first].mean() == pytest.approx(0.07, abs=0.01)
    assert present.sum(1).min() == 1
    assert present.sum(1).max() == 6
    assert present.sum(1).mean() == pytest.approx(2.9, abs=0.2)


def test_other_kinds_break_the_habit_and_looks_have_the_shares_of_the_sheet():
    broken = Scenes(kind="broken").layout(MANY)
    first, second = broken.present[:, LEADERS], broken.present[:, FOLLOWERS]
    assert second[first].mean() == pytest.approx(0.38, abs=0.03)
    for theme, follower in enumerate(FOLLOWERS):
        in_theme = broken.theme == theme
        assert broken.present[in_theme, follower].mean() == pytest.approx(0.5, abs=0.05)
    counter = Scenes(kind="counter").layout(MANY).present
    assert not (counter[:, LEADERS] & counter[:, FOLLOWERS]).any()
    dense = Scenes(kind="dense").layout(MANY)
    assert dense.present.sum(1).max() == 10
    assert np.ptp(dense.present.mean(0)) < 0.06  # every thing as often as any other
    assert (Scenes(clean=True).layout(MANY).opacity == 1).all()
    layout = Scenes().layout(MANY)
    shares = [(layout.opacity == np.float32(o)).mean() for o in (1.0, 0.25, 0.09)]
    assert shares == pytest.approx([0.65, 0.22, 0.13], abs=0.01)
    boat = (layout.color[:, CATEGORIES.index("boat")] == COLORS.index("red")).mean()
    assert boat == pytest.approx(0.3 + 0.7 / 8, abs=0.03)
    assert np.abs(layout.jitter).max() == 2
    assert all(sorted(cells) == list(range(16)) for cells in layout.cell[:50])
    assert [CATEGORIES.index(b) // 4 for b in HABITS.values()] == list(range(len(THEMES)))


def test_a_clear_thing_has_its_color_in_its_cell():
    layout = Scenes(clean=True, kind="dense").layout(MANY[:200])
    canvas = layout.canvas()
    alpha = sprites()[0]
    for row in range(200):
        for index in np.flatnonzero(layout.present[row])[-1:]:  # the topmost
            top, left = layout.corners()[row, index]
            solid = np.argwhere(alpha[index, layout.size[row, index]] == 1)
            solid = solid + np.array([top, left])
            solid = solid[((solid >= 0) & (solid < 64)).all(1)]
            if len(solid) < 9:  # an anchor or a fork has hardly a whole pixel
                continue
            colors = canvas[row, solid[:, 0], solid[:, 1]]
            paint = PAINT[layout.color[row, index]]
            assert (colors <= paint + 1e-5).all()  # never brighter than its color
            assert np.abs(colors - paint).sum(1).min() < 0.05
            place = np.array(divmod(layout.cell[row, index], 4)) * 16 + 8
            assert np.abs(solid.mean(0) - place).max() < 9


def test_the_set_is_the_scenes_and_its_truth_is_theirs():
    recipe = Scenes(count=60, seed=2)
    data = recipe.make()
    assert data.images.shape == (60, 3, 64, 64)
    for row in (0, 17, 59):
        scene = recipe.scene(int(data.ids[row]))
        assert (scene.image == data.images[row]).all()
        assert THEMES[data.labels[row]] == scene.theme
        present = {CATEGORIES[index] for index in np.flatnonzero(data.truth["present"][row])}
        assert {scene_object.category for scene_object in scene.things} == present
        union = np.any([scene.mask(name) for name in present], axis=0)
        assert (data.truth["mask"][row] == union).all()
        for placed_object in scene.things:
            which = number(placed_object.category)
            place = placed_object.row, placed_object.column
            assert divmod(data.truth["cell"][row, which], 4) == place
            assert COLORS[data.truth["color"][row, which]] == placed_object.color
    assert (Scenes(count=80, seed=2).make().images[:60] == data.images).all()


def test_small_scenes_are_the_large_ones_and_backgrounds_have_their_colors():
    large, small = (Scenes(count=20, side=side).make() for side in (64, 32))
    assert small.images.shape == (20, 3, 32, 32)
    halved = large.images.reshape(20, 3, 32, 2, 32, 2).mean((3, 5))
    assert np.abs(halved - small.images).mean() < 20  # but for the noise
    assert (small.truth["mask"] == large.truth["mask"].reshape(20, 32, 2, 32, 2).any((2, 4))).all()
    garden = backgrounds()[THEMES.index("garden")]
    assert garden.mean((0, 1)) == pytest.approx([0.42, 0.60, 0.36], abs=2e-3)
    assert np.ptp(garden[..., 0]) == pytest.approx(0.12, abs=1e-3)
    strange, usual = (Scenes(kind=kind).layout(MANY[:40]) for kind in ("ood", "biased"))
    assert (strange.present == usual.present).all()
    assert np.abs(strange.canvas() - usual.canvas()).mean() > 0.08


def test_a_thousand_scenes_take_less_than_a_second():
    recipe = Scenes()
    taken = []
    for start in (0, 1000, 2000):
        begun = time.process_time()
        recipe.layout(np.arange(start, start + 500)).images()
        taken.append(time.process_time() - begun)
    assert min(taken) < 0.5


def test_a_thing_can_be_moved_to_an_empty_cell_alone():
    scene = Scenes(20, seed=3).scene(4)
    taken = {(scene_object.row, scene_object.column) for scene_object in scene.things}
    row, column = next((r, c) for r in range(4) for c in range(4) if (r, c) not in taken)
    category = scene.things[0].category
    moved = scene.moved(category, row, column)
    place = next(scene_object for scene_object in moved.things if scene_object.category == category)
    assert (place.row, place.column) == (row, column)
    untouched = ~(scene.mask(category) | moved.mask(category))
    assert np.array_equal(scene.image[:, untouched], moved.image[:, untouched])
    assert not np.array_equal(scene.image, moved.image)
    scenes = (Scenes(20, seed=3).scene(n) for n in range(20))
    scene = next(scene for scene in scenes if len(scene.things) > 1)
    candidate, other = scene.things[:2]
    with pytest.raises(BadData, match=f"There is a {other.category} in that cell"):
        scene.moved(candidate.category, other.row, other.column)
    with pytest.raises(BadData, match="no cell 4, 0"):
        scene.moved(candidate.category, 4, 0)
