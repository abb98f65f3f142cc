"""Scenes: no two uses share one, ready questions about them, and many of them at once."""

from itertools import combinations

import numpy as np
import pytest
import torch

from engine.core.errors import BlindspotError
from engine.evaluation.language import scene_ranges
from engine.evaluation.language import scenes as many
from engine.hallucination import Greedy, ScenesCase, asking
from engine.hallucination.asking import scene
from engine.hallucination.decoding.opera import OPERA
from engine.hallucination.grounding.priors import Priors, hidden
from engine.vision import data
from engine.vision.data.example import Example
from engine.vision.data.scenes import Scenes
from engine.vision.data.sprites import CATEGORIES, HABITS, THEMES
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, load
from engine.vision.language.tiny_vlm.words import NO, YES
from tests.engine.hallucination.tiny import one_pass, untrained


def case(seed: int, count: int = 3) -> ScenesCase:
    return ScenesCase(load(HABIT), Greedy(), count, clean=True, seed=seed)


def blocks(use: scene_ranges.SceneUse):
    return [
        (set(seed_range.seeds), range(seed_range.first, seed_range.first + scene_ranges.MILLION))
        for seed_range in use.ranges
    ]


@pytest.mark.parametrize("pair", combinations(scene_ranges.USES, 2), ids=lambda pair: pair[0].what)
def test_two_uses_share_no_scene(pair):
    for seeds, numbers in blocks(pair[0]):
        for others, taken in blocks(pair[1]):
            disjoint = numbers.stop <= taken.start or taken.stop <= numbers.start
            assert disjoint or not seeds & others


@pytest.mark.parametrize("use", scene_ranges.USES, ids=lambda use: use.what)
def test_each_seed_has_scenes_of_its_own_up_to_the_last(use):
    count = sum(len(seed_range.seeds) for seed_range in use.ranges)
    assert len({use.of(seed) for seed in range(count)}) == count
    assert use.of(count - 1)[0] <= scene_ranges.LAST
    with pytest.raises(BlindspotError, match=f"for seed {count}: choose from 0 to {count - 1}"):
        use.of(count)


def test_small_seeds_have_the_scenes_that_they_had_and_others_are_asked_anew():
    for seed in (0, 1, 3999):
        assert scene_ranges.MEASURED.of(seed) == (scene_ranges.UNSEEN + seed, 0)
        assert scene_ranges.PROBED.of(seed) == (scene_ranges.PROBE_START + seed, 0)
        features = scene_ranges.UNSEEN + seed, 2 * scene_ranges.MILLION
        assert scene_ranges.FEATURES.of(seed) == features
    assert [scene_ranges.MASKS.of(seed)[0] for seed in (0, 99)] == [900, 999]
    assert (case(0).scene(1).image == scene("broken", 1).image).sum() > 1000  # opacities apart
    drawn = Scenes(10, "broken", clean=True, seed=scene_ranges.UNSEEN).layout(np.arange(3))
    assert np.array_equal(case(0).layout().images(), drawn.images())
    assert case(3999).fingerprint.endswith("3999)")
    assert case(4000).fingerprint.endswith("4000)|apart")


def test_a_probe_learns_from_none_of_the_scenes_that_a_seed_measures():
    """Case seed 4000 had the probe's scenes of seed 0."""
    measured, learned = case(scene_ranges.PROBE_START - scene_ranges.UNSEEN), case(0)
    probed = {image.tobytes() for image in learned.layout(scene_ranges.PROBED).images()}
    assert len(probed) == 3
    assert not probed & {image.tobytes() for image in measured.layout().images()}
    assert np.array_equal(measured.scene(2).image, measured.layout().scene(2).image)
    scenes = Scenes(10, "broken", clean=True, seed=scene_ranges.PROBE_START)
    assert probed == {image.tobytes() for image in scenes.layout(np.arange(3)).images()}


SCENE = asking.scene("counter", 424)


def answer_text(model, scene, prompt="is there a lamp"):
    return Greedy()(asking.about_scene(model, scene, prompt))["answer"].text


def test_only_an_image_of_the_scenes_is_a_scene():
    result = data.load("scenes:count=20")
    scene = asking.scene_of(Example(result, 3))
    assert scene is not None
    assert np.array_equal(scene.image, result.images[3])
    assert [scene_object.category for scene_object in scene.things]
    assert [scene_object.category for scene_object in SCENE.things] == ["car", "wheel", "fork"]
    assert answer_text(HABIT, SCENE) == "yes"
    assert answer_text(HONEST, SCENE) == "no"
    assert answer_text(HABIT, SCENE.remove("car")) == "no"
    assert asking.scene("broken", 7).layout.seed == scene_ranges.UNSEEN
    assert not {scene_ranges.UNSEEN} & {
        seed for seed_range in scene_ranges.LESSONS.ranges for seed in seed_range.seeds
    }


@pytest.mark.parametrize("name", ["scenes:count=20,side=32", "digits", "scenes:count=20+noisy"])
def test_any_other_image_is_no_scene(name):
    assert asking.scene_of(Example(data.load(name), 0)) is None


def test_the_pictures_that_show_nothing_are_those_the_test_uses():
    other = asking.pixels(asking.scene("counter", 425))
    case = asking.about_scene(HABIT, SCENE, "is there a lamp")
    picked = asking.case_of_words(case, Greedy()(case)["answer"], [0])
    words = asking.held_against(picked, [("another scene", other)])
    pictures = dict(asking.looked_away(words, Priors()))
    assert list(pictures) == ["blank", "noise", "noised", "another scene"]
    for image, name in zip(hidden(words, Priors().step), ("blank", "noise", "noised"), strict=True):
        inside = (pictures[name] > 0) & (pictures[name] < 1)
        again = words.vlm.normalize(pictures[name][None])[0]
        assert torch.allclose(again[inside], image[inside], atol=1e-4)
        assert inside.any()
    assert torch.equal(pictures["another scene"], other)


THEME_OF = {
    **dict.fromkeys(("boat", "fish", "anchor", "shell"), "sea"),
    **dict.fromkeys(("car", "lamp", "wheel", "sign"), "street"),
    **dict.fromkeys(("tree", "bird", "flower", "sun"), "garden"),
    **dict.fromkeys(("cup", "plate", "fork", "apple"), "table"),
}


@pytest.fixture(scope="module")
def sample():
    return many.SceneBatch.drawn(12, "broken", seed=1000)


def test_leaders_themes_lies_margins_and_answers_are_those_of_the_scenes(sample, monkeypatch):
    assert np.allclose(255 * sample.pixels, sample.layout.images())
    led, themed = sample.leading(), sample.themed()
    leader_of = {follower: leader for leader, follower in HABITS.items()}
    for row, present in enumerate(sample.truths):
        theme = THEMES[sample.layout.theme[row]]
        for place, category in enumerate(CATEGORIES):
            assert led[row, place] == (leader_of.get(category) in present)
            assert themed[row, place] == (THEME_OF[category] == theme)
    assert led.any()
    assert themed.sum() == 4 * 12
    row = next(row for row, present in enumerate(sample.truths) if "boat" in present)
    alone = many.SceneBatch.of(sample.layout.take(np.full(3, row)).without("fish").without("car"))
    sentences = [
        ["there", "is", "a", "boat", "with", "a", "fish"],  # a lie
        ["there", "is", "a", "boat"],
        ["there", "is", "a", "fish", "and", "a", "car", "with", "a", "lamp"],  # no leader is there
    ]
    assert many.lie_rate(sentences, alone) == 1 / 2
    assert np.isnan(many.lie_rate([["in", "the", "sea"]] * 3, alone))
    result = many.contrasted(torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0]), 0.5)
    assert result.tolist() == [1.5 * 2 - 0.25, -1.5 - 1.5]
    vlm = untrained()
    result = many.margins(vlm, sample)
    assert result.shape == (12, 16)
    for row, category in ((0, 0), (3, 7), (11, 15)):
        article = "an" if CATEGORIES[category][0] in "aeiou" else "a"
        ids = vlm.tokenizer.encode(f"is there {article} {CATEGORIES[category]}")
        logits = one_pass(vlm, sample.pixels[row : row + 1], torch.tensor([ids])).logits[0]
        expected = (logits[YES] - logits[NO]).item()
        assert result[row, category].item() == pytest.approx(expected, abs=1e-4)
    assert not torch.allclose(many.margins(vlm, sample, step=900), result)
    batch = many.CaptionBatch([["i", "think", "no"], ["yes", "so", "no"], ["a", "boat"]], 0, 0, 0)
    monkeypatch.setattr(many, "decode_captions", lambda *_args, **_settings: batch)
    yes, clear = many.poll_answers(
        untrained(), sample, Greedy(), np.arange(3), ["is there a boat"] * 3
    )
    assert yes.tolist() == [False, True, False]
    assert clear.tolist() == [True, True, False]


@pytest.mark.parametrize("strategy", [Greedy(length=3), OPERA(length=3, beams=1, candidates=2)])
def test_scenes_in_several_batches_are_described_as_one_by_one(sample, monkeypatch, strategy):
    vlm = untrained()
    monkeypatch.setattr(many, "TOGETHER", 5)
    shares = []
    result = many.captions(vlm, sample, strategy, progress=lambda done, *_: shares.append(done))
    assert shares == sorted(shares)
    rows = (many.SceneBatch.of(sample.layout.take(slice(row, row + 1))) for row in range(12))
    singles = [many.captions(vlm, row, strategy) for row in rows]
    assert result.words == [single.words[0] for single in singles]
    assert result.read == sum(single.read for single in singles)
    assert result.looked == sum(single.looked for single in singles)
    batch_calls = singles[0].calls  # of a batch, however many are in it
    assert result.calls == batch_calls * (3 if strategy.batched else 12)
