"""SAUCE over dictionaries and things, kept in docs/measured.md; and how many features are chosen.

Three sets of scenes that have none in common: a dictionary's own, those that choose the number of
features, and those that are measured.
"""

import numpy as np
import pytest
import torch

from engine.core.method import quiet
from engine.evaluation.language.scene_ranges import MILLION, USES
from engine.evaluation.language.scenes import SceneBatch
from engine.hallucination import Greedy, ScenesCase
from engine.unlearning import SAUCE
from engine.unlearning.sauce.collateral import KINDS, measured_scenes
from engine.unlearning.sauce.dictionary import LearnedDictionary, image_tokens, own_scenes
from engine.unlearning.sauce.score import as_active, random_features
from engine.unlearning.sauce.suppressed import chances, scale_features
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.weights import HONEST, load
from engine.vision.models.threads import one_thread
from tests.outcomes import mean_sd

SEEDS = (0, 1, 2)  # of dictionaries
CHOOSING, CHOSEN_ON = 3_000_000, 40  # number of the first scene, and how many
COUNTS = (1, 2, 3, 4, 6, 8)  # of features
NEAR = 0.01  # of the best: the smallest number so near is taken
MEASURED = 60  # scenes
THIRD = 1 / 3  # of the effect that random features may have at most, by the sheet
CHANCE, TEN, FIVE = 0.5, 0.1, 0.05  # of the sheet: to chance plus 10 points; others less than five


@pytest.fixture(scope="module")
def dictionaries():
    return [
        LearnedDictionary.of(load(HONEST), SAUCE(), SAUCE().scenes, quiet, seed) for seed in SEEDS
    ]


def shares(vlm, learned, scenes, indices, category):
    """Yes to the thing where it is, and to others where they are, of tokens and presence."""
    tokens, present = scenes
    yes = chances(vlm, scale_features(learned, tokens, indices, SAUCE().gamma)) > CHANCE
    at = CATEGORIES.index(category)
    others = np.delete(yes, at, 1)[np.delete(present, at, 1)]
    return yes[present[:, at], at].mean(), others.mean()


def looked_at(sample):
    with one_thread(), torch.no_grad():
        return image_tokens(load(HONEST), sample.pixels), sample.layout.present


def validation(count=CHOSEN_ON):
    return SceneBatch.drawn(count, "broken", seed=1000, clean=True, first=CHOOSING)


def test_scenes_that_choose_are_neither_learned_from_nor_measured():
    case = ScenesCase(load(HONEST), Greedy(), MEASURED, clean=True)
    sets = [
        {(sample.layout.seed, int(at)) for at in sample.layout.index}
        for sample in (validation(), own_scenes(case), measured_scenes(case))
    ]
    assert len(set.union(*sets)) == CHOSEN_ON + 2 * MEASURED
    assert all(span.first + MILLION <= CHOOSING for use in USES for span in use.ranges)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_number_of_features_is_the_one_that_scenes_apart_choose(dictionaries, measure):
    """The mean of what is forgotten and what is kept, over all things and three dictionaries."""
    vlm, scenes = load(HONEST), looked_at(validation())
    utility = np.zeros((len(COUNTS), len(SEEDS)))
    for number, learned in enumerate(dictionaries):
        for category in CATEGORIES:
            order = SAUCE(concept=category).ranked(learned)[category].order
            before, others_before = shares(vlm, learned, scenes, order[:0], category)
            for at, count in enumerate(COUNTS):
                after, others = shares(vlm, learned, scenes, order[:count], category)
                utility[at, number] += (
                    ((before - after) / before + others / others_before) / 2 / len(CATEGORIES)
                )
    mean = utility.mean(1)
    chosen = COUNTS[int(np.flatnonzero(mean >= mean.max() - NEAR)[0])]
    figures = ", ".join(
        f"{count}: {mean_sd(row)}" for count, row in zip(COUNTS, utility, strict=True)
    )
    measure(
        f"SAUCE, {HONEST}: mean of the share forgotten and the share kept by number of features, "
        f"all {len(CATEGORIES)} things, {len(SEEDS)} dictionaries, {CHOSEN_ON} scenes apart",
        f"{figures}; chosen {chosen}",
    )
    assert chosen == SAUCE().features


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_thing_is_measured_with_three_dictionaries(dictionaries, measure):
    vlm = load(HONEST)
    case = ScenesCase(vlm, Greedy(), MEASURED, clean=True)
    scenes = looked_at(measured_scenes(case))
    results = {kind: np.zeros((len(CATEGORIES), len(SEEDS), 2)) for kind in ("before", *KINDS)}
    for number, learned in enumerate(dictionaries):
        random = np.random.default_rng(number)
        for at, category in enumerate(CATEGORIES):
            indices = SAUCE(concept=category).chosen(learned)
            sets = (
                indices[:0],
                indices,
                as_active(learned.usual, indices, random),
                random_features(SAUCE().width, indices, random),
            )
            for kind, features in zip(results, sets, strict=True):
                results[kind][at, number] = shares(vlm, learned, scenes, features, category)
    before, after, active, drawn = (results[kind] for kind in results)
    for at, category in enumerate(CATEGORIES):
        measure(
            f"SAUCE, {HONEST}, {len(SEEDS)} dictionaries, {MEASURED} scenes: without the "
            f"{category}",
            f"yes to it {before[at, 0, 0]:.3f} → {mean_sd(after[at, :, 0])}; others' recall "
            f"{before[at, 0, 1]:.3f} → {mean_sd(after[at, :, 1])}; yes to it with features as "
            f"active {mean_sd(active[at, :, 0])}, at random {mean_sd(drawn[at, :, 0])}",
        )
    effect = before - after
    fell, lost = effect[..., 0].mean(), effect[..., 1].mean()
    control = max((before - control_rates)[..., 0].mean() for control_rates in (active, drawn))
    forgotten, retained = after[..., 0] <= CHANCE + TEN, effect[..., 1] < FIVE
    measure(
        f"SAUCE, {HONEST}: the sheet's bounds for each thing with each dictionary",
        f"yes to it at most {CHANCE + TEN:.2f}: {counted(forgotten)}; others fall by less than "
        f"{FIVE:.2f}: {counted(retained)}, mean fall {lost:.3f}; other features at most "
        f"{control / fell:.3f} of the effect ({mark(control < THIRD * fell)} < 1/3)",
    )
    assert control < THIRD * fell
    assert after[..., 0].mean() <= CHANCE + TEN


def counted(held):
    return f"{held.sum()} of {held.size} ({mark(held.all())})"


def mark(holds):
    return "✓" if holds else "✗"
