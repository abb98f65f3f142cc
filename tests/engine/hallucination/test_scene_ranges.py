"""No two uses of drawn scenes share one, whatever the seed; small seeds have those they had."""

from itertools import combinations

import numpy as np
import pytest

from engine.data.scenes import Scenes
from engine.errors import BlindspotError
from engine.hallucination import Greedy, ScenesCase
from engine.hallucination.asking import scene
from engine.hallucination.measures.scene_ranges import (
    FEATURES,
    LAST,
    MASKS,
    MEASURED,
    MILLION,
    PROBE_START,
    PROBED,
    UNSEEN,
    USES,
    SceneUse,
)
from engine.hallucination.tiny_vlm.weights import HABIT, load


def case(seed: int, count: int = 3) -> ScenesCase:
    return ScenesCase(load(HABIT), Greedy(), count, clean=True, seed=seed)


def blocks(use: SceneUse):
    """Seeds and numbers of each range."""
    return [
        (set(seed_range.seeds), range(seed_range.first, seed_range.first + MILLION))
        for seed_range in use.ranges
    ]


@pytest.mark.parametrize("pair", combinations(USES, 2), ids=lambda pair: pair[0].what)
def test_two_uses_share_no_scene(pair):
    for seeds, numbers in blocks(pair[0]):
        for others, taken in blocks(pair[1]):
            disjoint = numbers.stop <= taken.start or taken.stop <= numbers.start
            assert disjoint or not seeds & others


@pytest.mark.parametrize("use", USES, ids=lambda use: use.what)
def test_each_seed_has_scenes_of_its_own_up_to_the_last(use):
    count = sum(len(seed_range.seeds) for seed_range in use.ranges)
    assert len({use.of(seed) for seed in range(count)}) == count
    assert use.of(count - 1)[0] <= LAST
    with pytest.raises(BlindspotError, match=f"for seed {count}: choose from 0 to {count - 1}"):
        use.of(count)


def test_small_seeds_have_the_scenes_that_they_had_and_others_are_asked_anew():
    """What ships and what was measured stays."""
    for seed in (0, 1, 3999):
        assert MEASURED.of(seed) == (UNSEEN + seed, 0)
        assert PROBED.of(seed) == (PROBE_START + seed, 0)
        assert FEATURES.of(seed) == (UNSEEN + seed, 2 * MILLION)
    assert [MASKS.of(seed)[0] for seed in (0, 99)] == [900, 999]
    assert (case(0).scene(1).image == scene("broken", 1).image).sum() > 1000  # opacities apart
    drawn = Scenes(10, "broken", clean=True, seed=UNSEEN).layout(np.arange(3))
    assert np.array_equal(case(0).layout().images(), drawn.images())
    assert case(3999).fingerprint.endswith("3999)")
    assert case(4000).fingerprint.endswith("4000)|apart")


def test_a_probe_learns_from_none_of_the_scenes_that_a_seed_measures():
    """Case seed 4000 had the probe's scenes of seed 0."""
    measured, learned = case(PROBE_START - UNSEEN), case(0)
    probed = {image.tobytes() for image in learned.layout(PROBED).images()}
    assert len(probed) == 3
    assert not probed & {image.tobytes() for image in measured.layout().images()}
    assert np.array_equal(measured.scene(2).image, measured.layout().scene(2).image)
    before = Scenes(10, "broken", clean=True, seed=PROBE_START).layout(np.arange(3)).images()
    assert probed == {image.tobytes() for image in before}
