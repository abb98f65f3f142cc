"""CHAIR by hand: what counts as invented, pooled and by caption."""

import math

import numpy as np
import pytest

from engine.hallucination.measures.chair import Vocabulary, chair, mentions
from engine.hallucination.tiny_vlm.sayings import SceneFacts, caption
from engine.hallucination.tiny_vlm.scenes import VOCABULARY, SceneBatch


def rates(*pairs, **kwargs):
    captions = [words.split() for words, _ in pairs]
    return chair(captions, [set(present.split()) for _, present in pairs], VOCABULARY, **kwargs)


def test_the_scenes_own_captions_invent_nothing_and_miss_nothing():
    sample = SceneBatch.drawn(60, "biased", seed=4)
    random = np.random.default_rng(0)
    rows = [SceneFacts.of(sample.layout, row) for row in range(60)]
    captions = [caption(scene, "image", 0.0, random).split() for scene in rows]
    result = chair(captions, sample.truths, VOCABULARY)
    assert (result.instance, result.sentence, result.recall) == (0, 0, 1)


@pytest.mark.parametrize("wrong", [0, 1, 3, 7])
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


def test_captions_and_images_must_be_as_many():
    with pytest.raises(ValueError, match="shorter"):
        chair([["a", "boat"]], [], VOCABULARY)
