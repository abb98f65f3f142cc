"""Ready questions: the scene that opens the Ask view, hidden regions, pictures of nothing."""

import numpy as np
import pytest
import torch

from engine import data
from engine.data.example import Example
from engine.hallucination import asking
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.grounding.priors import Priors, hidden
from engine.hallucination.measures.scene_ranges import LESSONS, UNSEEN
from engine.hallucination.tiny_vlm.weights import HABIT, HONEST

SCENE = asking.scene("counter", 424)


def answer_text(model, scene, prompt="is there a lamp"):
    return Greedy()(asking.about_scene(model, scene, prompt))["answer"].text


def picked(prompt="is there a lamp"):
    case = asking.about_scene(HABIT, SCENE, prompt)
    return asking.case_of_words(case, Greedy()(case)["answer"], [0])


def test_the_first_scene_is_a_false_yes_of_a_seed_that_training_does_not_use():
    assert [scene_object.category for scene_object in SCENE.things] == ["car", "wheel", "fork"]
    assert answer_text(HABIT, SCENE) == "yes"
    assert answer_text(HONEST, SCENE) == "no"
    assert answer_text(HABIT, SCENE.remove("car")) == "no"
    assert asking.scene("broken", 7).layout.seed == UNSEEN
    assert not {UNSEEN} & {seed for seed_range in LESSONS.ranges for seed in seed_range.seeds}


def test_an_image_of_the_scenes_is_the_scene_that_it_shows():
    result = data.load("scenes:count=20")
    scene = asking.scene_of(Example(result, 3))
    assert scene is not None
    assert np.array_equal(scene.image, result.images[3])
    assert [scene_object.category for scene_object in scene.things]


@pytest.mark.parametrize("name", ["scenes:count=20,side=32", "digits", "scenes:count=20+noisy"])
def test_any_other_image_is_no_scene(name):
    assert asking.scene_of(Example(data.load(name), 0)) is None


def test_the_pictures_that_show_nothing_are_those_the_test_uses():
    other = asking.pixels(asking.scene("counter", 425))
    words = asking.held_against(picked(), [("another scene", other)])
    pictures = dict(asking.looked_away(words, Priors()))
    assert list(pictures) == ["blank", "noise", "noised", "another scene"]
    used = hidden(words, Priors().step)
    for image, name in zip(used, ("blank", "noise", "noised"), strict=True):
        inside = (pictures[name] > 0) & (pictures[name] < 1)
        again = words.vlm.normalize(pictures[name][None])[0]
        assert torch.allclose(again[inside], image[inside], atol=1e-4)
        assert inside.any()
    assert torch.equal(pictures["another scene"], other)
