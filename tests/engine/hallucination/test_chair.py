"""CHAIR by hand, over scenes and with COCO's eighty things."""

import math

import numpy as np
import pytest

from engine.evaluation.language.captioned import RATES, rates_of
from engine.evaluation.language.chair import Vocabulary, chair, mentions
from engine.evaluation.language.coco import NAMES, SYNONYMS, node_of, plural, tokenize, vocabulary
from engine.evaluation.language.scenes import VOCABULARY, SceneBatch
from engine.hallucination import CHAIR, Greedy, ScenesCase
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.sayings import SceneFacts, caption
from engine.vision.language.tiny_vlm.weights import HABIT, load


@pytest.fixture(scope="module")
def case_and_result():
    case = ScenesCase(load(HABIT), Greedy(), 30, seed=3)
    return case, CHAIR()(case)


def sample_of(case):
    return SceneBatch.drawn(case.count, case.kind, seed=UNSEEN + case.seed, clean=case.clean)


def test_rates_are_those_of_the_captions(case_and_result):
    case, result = case_and_result
    words = [note.split() for note in result["captions"].notes]
    by_hand = chair(words, sample_of(case).truths, VOCABULARY)
    rates = result["rates"]
    expected = [by_hand.instance, by_hand.sentence, by_hand.recall, by_hand.words]
    assert [float(rates[name][0]) for name in RATES] == pytest.approx(expected)
    invented = [sum(not noun.true for noun in mention) for mention in by_hand.mentions]
    assert result["captions"]["invented"].tolist() == invented
    for name in RATES:
        assert rates[f"{name} low"][0] <= rates[name][0] <= rates[f"{name} high"][0]


def test_scenes_closer_captions_and_the_sentence_fit_the_rates(case_and_result):
    case, result = case_and_result
    sample = sample_of(case)
    for row in (0, 7, 29):
        present = {scene_object.category for scene_object in case.scene(row).things}
        assert present == sample.truths[row]
        assert np.array_equal(case.scene(row).image / np.float32(255), sample.pixels[row].numpy())
    assert CHAIR(prompt="closely")(case)["rates"]["words"][0] > result["rates"]["words"][0]
    finding, rates = CHAIR().finding(case, result), result["rates"]
    assert f"{100 * rates['CHAIR_i'][0]:.1f} % of what it names" in finding
    recall = f"{100 * rates['recall'][0]:.0f} % of what is there in {rates['words'][0]:.0f}"
    assert recall in finding


def rates(*pairs, **kwargs):
    captions = [words.split() for words, _ in pairs]
    return chair(captions, [set(present.split()) for _, present in pairs], VOCABULARY, **kwargs)


def test_truths_invent_nothing_and_intervals_are_of_images():
    sample = SceneBatch.drawn(60, "biased", seed=4)
    random = np.random.default_rng(0)
    rows = [SceneFacts.of(sample.layout, row) for row in range(60)]
    captions = [caption(scene, "image", 0.0, random).split() for scene in rows]
    result = chair(captions, sample.truths, VOCABULARY)
    assert (result.instance, result.sentence, result.recall) == (0, 0, 1)
    counts = np.tile([1.0, 2, 1, 1, 2, 8, 1], (6, 1))
    counts[::2, 0] = 0
    by_row, by_image = (rates_of(counts, images) for images in (range(6), [0, 0, 1, 1, 2, 2]))
    assert by_row["CHAIR_i"] == by_image["CHAIR_i"] == (0.25, "share")
    assert by_row["CHAIR_i low"][0] < by_row["CHAIR_i high"][0]
    assert by_image["CHAIR_i low"][0] == by_image["CHAIR_i high"][0] == 0.25
    assert rates_of(counts[::2], range(3))["CHAIR_i high"] == (0, "share")


@pytest.mark.parametrize("wrong", [0, 1, 3, 7, 10])
def test_a_wrong_thing_in_k_of_n_captions_is_k_of_n(wrong):
    pairs = [("there is a boat with a fork .", "boat")] * wrong
    pairs += [("there is a boat with a fish .", "boat fish")] * (10 - wrong)
    result = rates(*pairs)
    assert result.sentence == wrong / 10
    assert result.instance == wrong / 20


def test_mentions_recall_and_negation_are_counted_by_hand():
    result = rates(("a fork . a fork . a boat .", "boat"))
    assert result.instance == pytest.approx(2 / 3)
    assert [mention.again for mention in result.mentions[0]] == [False, True, False]
    assert rates(("there are boats and forks .", "boat fork")).instance == 0
    assert rates(("a boat . a boat .", "boat fish cup")).recall == pytest.approx(1 / 3)
    pair = ("there is no boat .", "fish")
    assert rates(pair).instance == 1
    assert math.isnan(rates(pair, negation=True).instance)
    result = rates(("in the sea", "boat"))
    assert math.isnan(result.instance)
    assert result.sentence == 0
    assert result.recall == 0
    coco = Vocabulary(
        {"dog": "dog", "hot dog": "hot dog", "train": "train"},
        {("hot", "dog"): "hot dog", ("passenger", "train"): "train"},
    )
    words = ["a", "hot", "dog", "beside", "a", "dog", "and", "a", "passenger", "train"]
    result = mentions(words, {"hot dog", "train"}, coco)
    assert [(mention.place, mention.node, mention.true) for mention in result] == [
        (1, "hot dog", True),
        (5, "dog", False),
        (8, "train", True),
    ]


TRUE = "A man with a dog beside two cups on a dining table."
TRUE_CATEGORIES = {"person", "dog", "cup", "dining table"}


def named(caption, there=(), **more):
    return [mention.node for mention in mentions(tokenize(caption), there, vocabulary(), **more)]


def test_there_are_eighty_names_of_one_node_or_two_words():
    assert len(NAMES) == 80
    assert all(node_of(name) == name for name in NAMES)
    words = [word for name, more in SYNONYMS.items() for word in (name, *more.split())]
    assert len(set(words)) == len(words)
    result = chair([tokenize(TRUE)], [TRUE_CATEGORIES], vocabulary())
    assert (result.instance, result.sentence, result.recall) == (0, 0, 1)
    assert named("there is no boat") == ["boat"]
    assert named("there is no boat", negation=True) == []
    assert named("a dog and no boat", negation=True) == ["dog"]  # a negation comes before
    assert named("no boat is near a dog", negation=True) == ["dog"]
    singular, plurals = "bus knife puppy toy bench", "buses knives puppies toys benches"
    assert [plural(noun) for noun in singular.split()] == plurals.split()
    assert plural("sheep") == "sheep"
    (dog, bear) = mentions(tokenize("a dog and a teddy bear"), (), vocabulary())
    assert (dog.place, dog.width, bear.place, bear.width) == (1, 1, 4, 2)


@pytest.mark.parametrize(
    "same",
    [
        "A gentleman with a puppy beside two mugs on a table.",
        "Men with dogs beside a teacup, on dining tables.",
        "THE MAN, the dog; the cup: the Dining-Table!",
    ],
)
def test_synonyms_and_plurals_change_nothing(same):
    expected = chair([tokenize(TRUE)], [TRUE_CATEGORIES], vocabulary())
    result = chair([tokenize(same)], [TRUE_CATEGORIES], vocabulary())
    for name in ("instance", "sentence", "recall"):
        assert getattr(result, name) == getattr(expected, name)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("two hot dogs", ["hot dog"]),
        ("a hot, tired dog", ["dog"]),
        ("a baby elephant and an adult giraffe", ["elephant", "giraffe"]),
        ("a baby", ["person"]),
        ("a passenger jet over a passenger train", ["airplane", "train"]),
        ("a bow tie", ["tie"]),
        ("the toilet seat is up", ["toilet"]),
        ("a toilet with a blue seat", ["toilet"]),
        ("a blue seat", ["chair"]),
        ("two toilets with white seats", ["toilet"]),
        ("a urinal and a seat", ["toilet"]),
        ("a dog's bowl beside the CAT’S bed", ["dog", "bowl", "cat", "bed"]),
        ("it isn't the boys' hot dog's bun", ["person", "hot dog"]),
        ("a teddy bear beside a bear", ["teddy bear", "bear"]),
        ("an empty train track", []),
        ("wine glasses and baseball bats", ["wine glass", "baseball bat"]),
        ("knives, mice, geese and sheep", ["knife", "mouse", "bird", "sheep"]),
        ("caring orangery doggedly", []),
    ],
)
def test_words_are_joined_and_excepted_as_the_sheet_says(caption, expected):
    assert named(caption) == expected


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("Dogs", "dog"),
        ("dining_table", "dining table"),
        ("TV", "tv"),
        ("lamp", ""),
        ("", ""),
        ("traffic lights", "traffic light"),
        ("=cmd()", ""),
    ],
)
def test_a_name_of_a_file_is_brought_to_coco_s(name, node):
    assert node_of(name) == node
