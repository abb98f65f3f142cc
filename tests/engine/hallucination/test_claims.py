"""What an answer says against scenes whose truth is known, and where answers differ."""

import numpy as np
import pytest

from engine.core.result import Ranking, Scores
from engine.evaluation.language.beaf.differences import differing, worth_marking, yes_and_no
from engine.evaluation.language.claims import claims, naming, suggested_questions, telling
from engine.evaluation.language.verdict import (
    NOT_KNOWN,
    chair_text,
    of_caption,
    of_short_answer,
    things_of,
    verdict,
)
from engine.hallucination import VCD, CaptionCase, Greedy, VASparse, asking
from engine.vision.data.scenes import Scenes
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST
from tests.tiny import tokens

SCENE = Scenes(kind="counter", seed=1000).scene(424)  # a blue car, a purple wheel, an orange fork


def claims_of(prompt, answer, scene=SCENE):
    return claims(prompt, answer.split(), scene)


def test_the_scene_its_leader_and_its_ready_questions_are_known():
    sprites = [f"{sprite.color} {sprite.category}" for sprite in SCENE.things]
    assert sprites == ["blue car", "purple wheel", "orange fork"]
    assert claims_of("is there a lamp", "yes").leader == "car"
    assert claims_of("is there a lamp", "yes", SCENE.remove("car")).leader == ""
    assert claims_of("is there a wheel", "yes").leader == ""
    prompts = suggested_questions(SCENE)
    described = "describe the image", "describe closely"
    questions = (f"is there a {noun}" for noun in ("lamp", "car", "wheel"))
    assert prompts == (*questions, *described, "what color is the car", "what color is the lamp")
    empty = SCENE.remove("car").remove("wheel").remove("fork")
    assert suggested_questions(empty) == described


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


def test_a_caption_s_things_are_true_invented_or_missed_and_faint_ones_not_there():
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
    gone = SCENE.with_opacity("car", 0.0)
    assert claims_of("is there a car", "yes", gone).right is False
    assert claims_of("what color is the car", "blue", gone).right is False
    assert claims_of("what color is the car", "unknown", gone).right is True
    assert "car" not in claims_of("describe the image", "there is a car", gone).there


def test_words_are_about_things_or_grammar():
    result = claims_of("describe closely", "there is a blue car with a lamp")
    assert [result.thing(at) for at in (2, 3, 4, 7)] == ["", "car", "car", "lamp"]
    assert claims_of("is there a lamp", "yes").thing(0) == "lamp"
    assert claims_of("what color is the car", "blue").thing(0) == "car"
    words = ["in", "the", "street", "there", "is", "a", "blue", "car", "on", "the", "left", "."]
    assert [words[at] for at in telling(words)] == ["street", "blue", "car", "left"]
    assert [words[at] for at in naming(words)] == ["car"]


def test_what_is_false_made_up_or_left_out_is_told():
    assert of_short_answer(claims_of("is there a lamp", "yes"), SCENE) == (
        "There is no lamp in this scene. In training, a lamp mostly goes with a car, and there is "
        "a car."
    )
    right = of_short_answer(claims_of("is there a lamp", "no"), SCENE)
    assert right == "There is no lamp in this scene."
    faint = SCENE.with_opacity("car", 0.09)
    words = "There is a blue car, at 9 % opacity."
    assert of_short_answer(claims_of("is there a car", "no", faint), faint) == words
    no_color = of_short_answer(claims_of("what color is the lamp", "red"), SCENE)
    assert no_color.startswith("There is no lamp in this scene. In training, a lamp ")
    result = claims_of("describe the image", "there is a car with a lamp and a car")
    assert of_caption(result) == "It made up a lamp and left out the wheel and the fork."
    assert things_of(result) == (("car",), ("lamp",), ("car",), ("wheel", "fork"))
    more = claims_of("describe the image", "there is a car with a lamp and a car and a wheel")
    assert chair_text(more) == (
        "CHAIR of this caption: mentions made up (CHAIRi) 1 of 4 (25 %); things found (recall) "
        "2 of 3 (67 %)."
    )
    *_, missed = things_of(claims_of("describe the image", "there is a fork", faint))
    assert missed == ("car (at 9 % opacity)", "wheel")
    seen, gone = SCENE.with_opacity("car", 0.15), SCENE.with_opacity("car", 0.0)
    assert of_short_answer(claims_of("is there a car", "no", seen), seen) == "There is a blue car."
    assert things_of(claims_of("describe the image", "a fork", seen))[-1] == ("car", "wheel")
    absent = of_short_answer(claims_of("is there a car", "no", gone), gone)
    assert absent == "There is no car in this scene."
    nothing = chair_text(
        claims_of("describe the image", "in the street", gone.remove("wheel").remove("fork"))
    )
    assert "(CHAIRi) none named; things found (recall) nothing is there." in nothing


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
    assert verdict(asking.about_scene(HABIT, SCENE, prompt), answer.split()).startswith(begins)


def test_each_way_to_choose_words_says_its_verdict_of_a_known_truth():
    known = asking.about_scene(HABIT, SCENE, "is there a lamp")
    assert verdict(CaptionCase(known.vlm, known.image, known.prompt), ["yes"]) == NOT_KNOWN
    assert known.fingerprint == CaptionCase(known.vlm, known.image, known.prompt).fingerprint
    for name, sign in ((HABIT, "Wrong."), (HONEST, "Right.")):
        case = asking.about_scene(name, SCENE, "is there a lamp")
        assert Greedy().finding(case, Greedy()(case)).startswith(f"{sign} There is no lamp")
    result = VCD()(case)
    assert VCD().finding(case, result) == verdict(case, result["answer"].words)


STREET = asking.scene("counter", 253)


def answer(said, *steps, **views):
    values = np.array([list(step.values()) for step in steps], np.float32)
    labels = tuple(tuple(step) for step in steps)
    final = Ranking(values, np.zeros(values.shape, np.int64), labels, "probability")
    return {"answer": tokens(*said), "final": final, **views}


def test_words_that_differ_are_marked_and_grammar_only_where_nothing_else_does():
    assert differing([["a", "car"], ["a", "car"]]) == [set(), set()]
    marks = differing([["a", "car", "."], ["a", "blue", "car", "."]])
    assert marks == [set(), {1}]
    marks = differing([["yes", "a", "car"], ["no", "a", "car"], ["yes", "a", "sign"]])
    assert marks == [{0, 2}, {0}, {2}]
    long = ["a"] * 200
    assert differing([long, [*long, "car"]]) == [set(), {200}]  # also of frequent words
    first, other = ["a", "car", "with", "a", "lamp"], ["a", "car", "and", "a", "sign"]
    assert worth_marking([first, other]) == [{4}, {4}]
    assert worth_marking([["a", "car", "on"], ["a", "car", "in"]]) == [{2}, {2}]


def test_yes_and_no_are_read_where_the_answer_is_decided():
    steps = {"i": 0.6, "yes": 0.2}, {"think": 1.0, "no": 0.0}, {"yes": 0.6, "no": 0.2}
    assert yes_and_no(answer(["i", "think", "yes"], *steps)) == pytest.approx((0.6, 0.2))
    assert yes_and_no(answer(["no"], {"no": 0.9, "the": 0.1})) == pytest.approx((0.0, 0.9))
    assert np.isnan(yes_and_no(answer(["a", "car"], {"a": 1}, {"car": 1}))).all()
    scores = Scores(np.array([0.2, 0.6]), ("yes", "no"), "score")
    assert yes_and_no(answer(["no"], {"no": 1.0}, scores=scores)) == pytest.approx((0.2, 0.6))
    case = asking.about_scene("tiny-vlm-habit", STREET, "is there a lamp")
    for method in (Greedy(), VCD(), VASparse()):
        result = method(case)
        yes, no = yes_and_no(result)
        word = result["answer"].words[0]
        assert {"yes": yes, "no": no}[word] == pytest.approx(result["answer"].probability[0])
