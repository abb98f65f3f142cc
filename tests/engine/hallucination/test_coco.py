"""COCO's eighty things in captions: synonyms, plurals, joined words and their exceptions."""

import pytest

from engine.hallucination.measures.chair import chair, mentions
from engine.hallucination.measures.coco import (
    NAMES,
    SYNONYMS,
    node_of,
    plural,
    tokenize,
    vocabulary,
)

TRUE = "A man with a dog beside two cups on a dining table."
TRUE_CATEGORIES = {"person", "dog", "cup", "dining table"}


def named(caption, there=(), **more):
    return [mention.node for mention in mentions(tokenize(caption), there, vocabulary(), **more)]


def test_there_are_eighty_names_whose_truth_is_all_found():
    assert len(NAMES) == 80
    assert all(node_of(name) == name for name in NAMES)
    words = [word for name, more in SYNONYMS.items() for word in (name, *more.split())]
    assert len(set(words)) == len(words)
    result = chair([tokenize(TRUE)], [TRUE_CATEGORIES], vocabulary())
    assert (result.instance, result.sentence, result.recall) == (0, 0, 1)
    assert [plural(noun) for noun in ("bus", "knife", "puppy", "toy", "bench", "sheep")] == [
        "buses",
        "knives",
        "puppies",
        "toys",
        "benches",
        "sheep",
    ]


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
    assert (result.instance, result.sentence, result.recall) == (
        expected.instance,
        expected.sentence,
        expected.recall,
    )


@pytest.mark.parametrize("wrong", [0, 1, 4, 10])
def test_a_replaced_noun_in_k_of_n_captions_is_k_of_n(wrong):
    captions = [tokenize(TRUE.replace("dog", "giraffe"))] * wrong + [tokenize(TRUE)] * (10 - wrong)
    result = chair(captions, [TRUE_CATEGORIES] * 10, vocabulary())
    assert result.sentence == wrong / 10
    assert result.instance == wrong / 40


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


def test_a_mention_has_a_width_and_counts_unless_negation_is_heeded():
    (dog, bear) = mentions(tokenize("a dog and a teddy bear"), (), vocabulary())
    assert (dog.place, dog.width, bear.place, bear.width) == (1, 1, 4, 2)
    assert named("there is no boat") == ["boat"]
    assert named("there is no boat", negation=True) == []


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
