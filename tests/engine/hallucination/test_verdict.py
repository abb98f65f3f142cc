"""What is said of an answer: whether it is true, what it made up and left out."""

import pytest

from engine.data.scenes import Scenes
from engine.hallucination import VCD, CaptionCase, Greedy, asking
from engine.hallucination.measures.claims import claims
from engine.hallucination.measures.verdict import (
    NOT_KNOWN,
    chair_text,
    of_caption,
    of_short_answer,
    things_of,
    verdict,
)
from engine.hallucination.tiny_vlm.weights import HABIT, HONEST

SCENE = Scenes(kind="counter", seed=1000).scene(424)  # a blue car, a purple wheel, an orange fork


def claims_of(prompt, answer, scene=SCENE):
    return claims(prompt, answer.split(), scene)


def test_a_false_yes_is_told_with_the_leader_that_it_goes_with():
    words = of_short_answer(claims_of("is there a lamp", "yes"), SCENE)
    assert words == (
        "There is no lamp in this scene. In training, a lamp mostly goes with a car, and there is "
        "a car."
    )
    right = of_short_answer(claims_of("is there a lamp", "no"), SCENE)
    assert right == "There is no lamp in this scene."
    faint = SCENE.with_opacity("car", 0.09)
    assert of_short_answer(claims_of("is there a car", "no", faint), faint) == (
        "There is a blue car, at 9 % opacity."
    )
    no_color = of_short_answer(claims_of("what color is the lamp", "red"), SCENE)
    assert no_color.startswith("There is no lamp in this scene. In training, a lamp ")


def test_a_caption_is_told_by_what_it_made_up_and_left_out():
    result = claims_of("describe the image", "there is a car with a lamp and a car")
    assert of_caption(result) == "It made up a lamp and left out the wheel and the fork."
    assert things_of(result) == (("car",), ("lamp",), ("car",), ("wheel", "fork"))
    assert "1 of 3 (33 %); things found (recall) 1 of 3 (33 %)" in chair_text(result)
    faint = SCENE.with_opacity("car", 0.09)
    *_, missed = things_of(claims_of("describe the image", "there is a fork", faint))
    assert missed == ("car (at 9 % opacity)", "wheel")
    assert "none named" in chair_text(claims_of("describe the image", "in the street"))


@pytest.mark.parametrize(
    ("prompt", "answer", "begins"),
    [
        ("is there a lamp", "yes", "Wrong. There is no lamp in this scene."),
        ("is there a lamp", "no", "Right. There is no lamp in this scene."),
        ("describe the image", "there is a car", "It made up nothing and left out the wheel"),
        ("what color is the image", "blue", "The question names no thing"),
        ("is there a lamp", "", "The model ended without a word."),
    ],
)
def test_the_verdict_of_a_scene_says_what_is_true_there(prompt, answer, begins):
    case = asking.about_scene(HABIT, SCENE, prompt)
    assert verdict(case, answer.split()).startswith(begins)


def test_only_a_known_truth_has_a_verdict_and_it_changes_no_answer():
    known = asking.about_scene(HABIT, SCENE, "is there a lamp")
    assert verdict(CaptionCase(known.vlm, known.image, known.prompt), ["yes"]) == NOT_KNOWN
    unknown = CaptionCase(known.vlm, known.image, known.prompt)
    assert known.fingerprint == unknown.fingerprint


def test_each_way_to_choose_words_says_whether_its_own_answer_is_true():
    for name, sign in ((HABIT, "Wrong."), (HONEST, "Right.")):
        case = asking.about_scene(name, SCENE, "is there a lamp")
        assert Greedy().finding(case, Greedy()(case)).startswith(f"{sign} There is no lamp")
    result = VCD()(case)
    assert VCD().finding(case, result) == verdict(case, result["answer"].words)
