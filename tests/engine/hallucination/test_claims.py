"""What an answer says, against scenes whose truth is known."""

import pytest

from engine.data.scenes import Scenes
from engine.hallucination.measures.claims import claims, naming, suggested_questions, telling

SCENE = Scenes(kind="counter", seed=1000).scene(424)  # a blue car, a purple wheel, an orange fork


def claims_of(prompt, answer, scene=SCENE):
    return claims(prompt, answer.split(), scene)


def test_the_scene_its_leader_and_its_ready_questions_are_known():
    assert [(scene_object.color, scene_object.category) for scene_object in SCENE.things] == [
        ("blue", "car"),
        ("purple", "wheel"),
        ("orange", "fork"),
    ]
    assert claims_of("is there a lamp", "yes").leader == "car"
    assert claims_of("is there a lamp", "yes", SCENE.remove("car")).leader == ""
    assert claims_of("is there a wheel", "yes").leader == ""
    prompts = suggested_questions(SCENE)
    assert prompts[0] == "is there a lamp"
    assert {"describe the image", "describe closely", "what color is the car"} <= set(prompts)
    empty = SCENE.remove("car").remove("wheel").remove("fork")
    assert suggested_questions(empty) == ("describe the image", "describe closely")


@pytest.mark.parametrize(
    ("prompt", "answer", "right"),
    [
        ("is there a lamp", "yes", False),
        ("is there a lamp?", "no", True),
        ("Is there a car", "yes", True),
        ("is there a car", "i think no", False),
        ("is there a lamp", "there is no lamp so no", True),
        ("what color is the car", "blue", True),
        ("what color is the car", "red", False),
        ("what color is the car", "unknown", False),
        ("what color is the lamp", "white", False),
        ("what color is the lamp", "unknown", True),
        ("describe the image", "there is a car", None),
    ],
)
def test_short_answers_are_right_or_wrong(prompt, answer, right):
    assert claims_of(prompt, answer).right is right


def test_a_thing_without_opacity_is_not_there():
    gone = SCENE.with_opacity("car", 0.0)
    assert claims_of("is there a car", "yes", gone).right is False
    assert claims_of("what color is the car", "blue", gone).right is False
    assert claims_of("what color is the car", "unknown", gone).right is True
    assert "car" not in claims_of("describe the image", "there is a car", gone).there


def test_a_caption_s_things_are_true_invented_or_missed():
    result = claims_of(
        "describe the image", "in the street there is a car with a lamp . a car . a lamp"
    )
    assert [(mention.node, mention.true, mention.again) for mention in result.mentions] == [
        ("car", True, False),
        ("lamp", False, False),
        ("car", True, True),
        ("lamp", False, True),
    ]
    assert result.invented == ("lamp",)
    assert result.missed == ("wheel", "fork")


def test_words_are_about_things_or_grammar():
    result = claims_of("describe closely", "there is a blue car with a lamp")
    assert [result.thing(at) for at in (2, 3, 4, 7)] == ["", "car", "car", "lamp"]
    assert claims_of("is there a lamp", "yes").thing(0) == "lamp"
    assert claims_of("what color is the car", "blue").thing(0) == "car"
    words = ["in", "the", "street", "there", "is", "a", "blue", "car", "on", "the", "left", "."]
    assert [words[at] for at in telling(words)] == ["street", "blue", "car", "left"]
    assert [words[at] for at in naming(words)] == ["car"]
