"""Concepts: a sparse dictionary of image tokens, and things left out of what a model sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core import run
from engine.core.errors import DoesNotFit
from engine.core.method import quiet
from engine.evaluation.language.scenes import SceneBatch
from engine.hallucination import CaptionCase, Greedy, ScenesCase, asking
from engine.unlearning import SAUCE, Collateral, Dictionary
from engine.unlearning.sauce.autoencoder import Autoencoder
from engine.unlearning.sauce.collateral import GAMMAS, KINDS, measured_scenes, rates, yes_to
from engine.unlearning.sauce.dictionary import LearnedDictionary, image_tokens, own_scenes, question
from engine.unlearning.sauce.score import (
    as_active,
    random_features,
    scores,
    top_features,
    total,
    union,
)
from engine.unlearning.sauce.suppressed import Suppressed, chances, enumerated_words, scale_features
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, load
from tests.engine.hallucination.scripted import Scripted
from tests.refusals import assert_refused

CHANCE, NEAR = 0.5, 0.1  # of the sheet: to chance plus 10 points
FALL = 0.05  # of the sheet: others fall by less


@pytest.fixture(scope="module")
def learned():
    return LearnedDictionary.of(load(HONEST), SAUCE(), SAUCE().scenes, quiet)


@pytest.fixture(scope="module")
def lost():
    return run.answer(Collateral(), ScenesCase(load(HONEST), Greedy(), 40, clean=True))


def scene_with(*things):
    scenes = (asking.scene("broken", number) for number in range(300))
    return next(s for s in scenes if {thing.category for thing in s.things} >= set(things))


def random_autoencoder(width=20, size=6, active=3):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(50, size, generator=generator)
    return Autoencoder.fresh(tokens, width, active, generator), tokens


def test_few_features_rebuild_unseen_tokens():
    method, case = question(load(HONEST), SAUCE(), SAUCE().scenes)
    fit = run.answer(method, case)["fit"]
    assert fit["explained variance"][0] >= 0.9
    assert fit["L0"][0] <= 0.1 * method.width
    vlm, again = load(HONEST), LearnedDictionary.of(load(HONEST), SAUCE(), SAUCE().scenes, quiet)
    others = SceneBatch.drawn(20, "broken", seed=7000, clean=True).pixels
    tokens = vlm.encode_image(vlm.normalize(others)).reshape(-1, 128)
    rebuilt = again.autoencoder.rebuilt(again.autoencoder.features(tokens))
    assert 1 - ((rebuilt - tokens) ** 2).mean() / tokens.var(0).mean() >= 0.9


def test_features_are_the_largest_and_the_weights_can_be_read_back():
    autoencoder, tokens = random_autoencoder()
    scaled = (tokens - autoencoder.mean) / autoencoder.scale
    activations = scaled @ autoencoder.encoder + autoencoder.threshold
    for row, feature in zip(activations, autoencoder.features(tokens), strict=True):
        largest = torch.argsort(row, descending=True)[:3]
        expected = torch.zeros(20)
        expected[largest] = row[largest].relu()
        assert torch.allclose(feature, expected)
    again = Autoencoder.read(autoencoder.flat, 20, 3)
    assert all(torch.equal(*pair) for pair in zip(autoencoder.parts, again.parts, strict=True))
    assert torch.allclose(autoencoder.decoder.norm(dim=1), torch.ones(20))


def test_what_is_suppressed_is_the_rebuilding_with_other_features_and_the_old_error():
    autoencoder, tokens = random_autoencoder()
    features = autoencoder.features(tokens)
    usual = features.mean(0)
    indices, gamma = torch.tensor([1, 4, 7]), -0.5
    other = features.clone()
    for at in indices.tolist():
        above = features[:, at] > usual[at]
        other[above, at] = gamma * features[above, at]
    slowly = autoencoder.rebuilt(other) + tokens - autoencoder.rebuilt(features)
    result = autoencoder.suppressed(tokens, indices, gamma, usual)
    assert torch.allclose(result, slowly, atol=1e-5)
    assert not torch.allclose(result, tokens, atol=1e-2)


def test_no_features_and_gamma_one_change_no_bit(learned):
    sample = SceneBatch.drawn(3, "broken", seed=1000)
    tokens = image_tokens(load(HONEST), sample.pixels)
    some = np.array([0, 5, 9])
    assert torch.equal(scale_features(learned, tokens, some[:0], -5.0), tokens)
    assert torch.equal(scale_features(learned, tokens, some, 1.0), tokens)
    case = asking.about_scene(HONEST, asking.scene("broken", 424), "describe the image")
    plain = Greedy()(case)["answer"]
    for method in (SAUCE(features=0), SAUCE(gamma=1.0)):
        result = method(case)
        assert np.array_equal(result["after"].ids, plain.ids)
        assert np.array_equal(result["after"].probability, plain.probability)
        assert np.array_equal(result["things"]["before"], result["things"]["after"])


def test_too_few_scenes_and_another_model_are_refused_in_words():
    few = ScenesCase(load(HONEST), Greedy(), 2, clean=True)
    assert_refused("2 scenes are too few.*Choose more scenes", Dictionary(), few)
    case = CaptionCase(Scripted(9, lambda _: {}), torch.zeros(3, 2, 2), "3 4")
    for method, other, words in (
        (SAUCE(), case, "which only TinyVLM knows"),
        (Collateral(), case, "needs scenes"),
        (Collateral(), replace(few, precision="fast"), "exactly only"),
    ):
        assert_refused(words, method, other, error=DoesNotFit)


@pytest.mark.parametrize("seed", [0, 8999])
def test_no_scene_of_a_dictionary_is_measured(seed):
    """Also where the seeds are the same: a dictionary's scenes have numbers of their own."""
    cases = {at: ScenesCase(load(HONEST), Greedy(), 20, clean=True, seed=at) for at in (0, 8999)}
    measured = measured_scenes(cases[seed])
    numbers = {(measured.layout.seed, int(index)) for index in measured.layout.index}
    assert len(numbers) == 20
    for sample in map(own_scenes, cases.values()):
        assert not numbers & {(sample.layout.seed, int(index)) for index in sample.layout.index}
        assert not any(torch.equal(a, b) for a in sample.pixels for b in measured.pixels)


def test_scores_are_those_of_the_formula_and_features_of_several_things_are_joined():
    present, absent = np.array([1.0, 2.0, 5.0]), np.array([3.0, 1.0, 0.0])
    slowly = [a / (8 + 1e-8) - b / (4 + 1e-8) for a, b in zip(present, absent, strict=True)]
    assert np.allclose(scores(present, absent), slowly, atol=1e-12)
    assert top_features(scores(present, absent), 2).tolist() == [2, 1]
    assert union([np.array([4, 1, 2]), np.array([7, 4, 9])]).tolist() == [4, 7, 1, 2, 9]
    assert union([np.array([], int)]).tolist() == []


def test_other_features_are_others_as_many_and_one_kind_is_as_active():
    random = np.random.default_rng(0)
    usual = np.random.default_rng(1).exponential(size=200).astype(np.float32)
    taken = np.argsort(-usual)[3:9]
    for chosen in (as_active(usual, taken, random), random_features(200, taken, random)):
        assert len(set(chosen.tolist())) == len(taken)
        assert not set(chosen.tolist()) & set(taken.tolist())
    activity = total(usual, taken)
    assert total(usual, as_active(usual, taken, random)) == pytest.approx(activity, rel=0.4)
    assert total(usual, random_features(200, taken, random)) < 0.6 * activity


def test_the_answer_forgets_the_thing():
    case = asking.about_scene(HONEST, scene_with("car"), "is there a car")
    result = SAUCE()(case)
    assert (result["before"].text, result["after"].text) == ("yes", "no")
    assert result["things"].cell("car", "before") > 0.9
    assert result["things"].cell("car", "after") < CHANCE
    tokens = case.vlm.encode_image(case.images)
    assert np.allclose(result["things"]["before"], chances(case.vlm, tokens)[0], atol=1e-5)
    assert "no longer seen" in SAUCE().finding(case, result)
    assert Greedy()(case)["answer"].text == "yes"  # the model itself has not changed


def test_two_things_are_forgotten_together_and_one_that_is_named_twice_once(learned):
    """What one feature set does alone, both do: whichever thing is named first."""
    case = asking.about_scene(HONEST, scene_with("car", "wheel"), "describe the image")
    both, single = SAUCE(second="wheel"), SAUCE()
    result, alone = both(case), single(case)
    for category in ("car", "wheel"):
        assert result["things"].cell(category, "before") > 0.9
        assert result["things"].cell(category, "after") < CHANCE
    assert alone["things"].cell("wheel", "after") > CHANCE  # it was the second thing's features
    apart = single.chosen(learned), SAUCE(concept="wheel").chosen(learned)
    assert set(both.chosen(learned)) == set(np.concatenate(apart))
    turned = SAUCE(concept="wheel", second="car")(case)
    assert np.allclose(turned["things"]["after"], result["things"]["after"], atol=1e-4)
    sentence = both.finding(case, result)
    assert sentence.startswith("No longer seen: car (")
    assert ", wheel (" in sentence
    things = result["things"]
    seen = [row for row in things.rows if things.cell(row, "before") >= CHANCE]
    others = [things.cell(row, "after") >= CHANCE for row in seen if row not in both.things]
    assert f"{sum(others)} of {len(others)} other thing" in sentence
    twice = SAUCE(second="car", third="boat")
    assert twice.things == ("car", "boat")
    assert twice.chosen(learned).tolist() == SAUCE(second="boat").chosen(learned).tolist()
    assert [enumerated_words(names) for names in ("a", "abc")] == ["a", "a, b and c"]


def test_a_suppressed_model_sees_other_tokens_and_its_answers_are_kept_apart(learned):
    """By the model, the dictionary, the features and γ."""
    vlm = load(HONEST)
    autoencoder = Autoencoder.read(learned.autoencoder.flat + 1, 512, 12)
    other = LearnedDictionary(autoencoder, learned.found)
    models = [
        vlm,
        Suppressed(vlm, learned, np.array([0]), 0.0),
        Suppressed(vlm, learned, np.array([0]), 0.5),
        Suppressed(vlm, learned, np.array([1]), 0.0),
        Suppressed(vlm, other, np.array([0]), 0.0),
        Suppressed(load(HABIT), learned, np.array([0]), 0.0),
    ]
    digests = {ScenesCase(model, Greedy()).fingerprint for model in models}
    assert len(digests) == len(models)
    again = Suppressed(vlm, learned, np.array([0]), 0.0)
    assert again.fingerprint == models[1].fingerprint
    assert again.parts is vlm.parts
    image = vlm.normalize(SceneBatch.drawn(1, "broken", seed=1000).pixels)
    plain = vlm.encode_image(image)
    seen = scale_features(learned, plain, np.array([0]), 0.0)
    assert torch.equal(again.encode_image(image), seen)


def test_other_features_do_not_forget_the_thing(lost):
    table, row = lost["rates"], GAMMAS.index(-0.5)
    falls = [table[f"yes to it, {kind}"][0] - table[f"yes to it, {kind}"][row] for kind in KINDS]
    assert table[f"yes to it, {KINDS[0]}"][row] <= CHANCE + NEAR
    assert falls[0] > 0.4
    assert max(falls[1:]) < falls[0] / 3
    yes_rates = table[f"yes to others, {KINDS[0]}"]
    assert yes_rates[0] - yes_rates[row] < FALL


def test_more_features_take_more_of_the_others():
    case = ScenesCase(load(HONEST), Greedy(), 20, clean=True)
    result = run.answer(Collateral(features=20), case)["rates"]
    yes_rates = result[f"yes to others, {KINDS[0]}"]
    assert yes_rates[0] - yes_rates[GAMMAS.index(-0.5)] > FALL


def test_rates_are_counted_as_one_would_by_hand():
    random = np.random.default_rng(0)
    yes, present = random.random((2, 9, 16)) > 0.5, random.random((9, 16)) > 0.6
    for targets in ([3], [3, 8, 1]):
        result = rates("x", yes, present, targets)
        for step in range(2):
            answers = [(yes[step, n, t], present[n, t], t) for n in range(9) for t in range(16)]
            expected = {
                "yes to it, x": [a for a, there, t in answers if there and t in targets],
                "yes to others, x": [a for a, there, t in answers if there and t not in targets],
                "false yes, x": [a for a, there, t in answers if not there and t not in targets],
            }
            for name, outcomes in expected.items():
                assert result[name][0][step] == pytest.approx(np.mean(outcomes))


def test_the_tables_belong_together(lost):
    assert lost["things"].rows == CATEGORIES
    table = lost["rates"]
    car_rates = lost["things"].values[CATEGORIES.index("car")]
    assert np.allclose(car_rates, table["yes to it, its features"])
    assert np.array_equal(car_rates, table[yes_to("car")])
    assert lost["ranking"]["suppressed"].sum() == Collateral().features
    assert lost["top"].rows[0] == lost["ranking"].rows[0]
    assert np.all(np.diff(lost["ranking"]["score"]) <= 0)
    same = {tuple(table[f"yes to others, {kind}"][:1]) for kind in KINDS}
    assert len(same) == 1  # γ = 1 changes nothing, whatever the features


def test_of_two_things_each_has_its_line_and_others_are_counted_without_both():
    case = ScenesCase(load(HONEST), Greedy(), 20, clean=True)
    method = Collateral(second="wheel")
    result = run.answer(method, case)
    row = GAMMAS.index(-0.5)
    present = measured_scenes(case).layout.present
    total, pooled = 0, 0.0
    for category in ("car", "wheel"):
        at = CATEGORIES.index(category)
        line = result["rates"][yes_to(category)]
        assert np.array_equal(line, result["things"].values[at])
        assert line[row] <= CHANCE + NEAR < line[0]
        total, pooled = total + present[:, at].sum(), pooled + line[row] * present[:, at].sum()
    assert result["rates"]["yes to it, its features"][row] == pytest.approx(pooled / total)
    assert {name.split()[0] for name in result["ranking"].rows} == {"car", "wheel"}
    assert len(result["top"].rows) == 4
    sentence = method.finding(case, result)
    assert sentence.startswith("At γ = −0.5, yes to the car goes from ")
    assert " and to the wheel goes from " in sentence
