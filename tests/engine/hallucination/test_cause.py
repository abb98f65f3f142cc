"""What a word hangs on: forced answers, other images, no image, hidden regions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.errors import BlindspotError
from engine.hallucination.decoding.forced import forced
from engine.hallucination.grounding.cause import Cause
from engine.hallucination.grounding.priors import Priors
from engine.hallucination.grounding.region import RegionWords
from engine.hallucination.grounding.word_case import WordCase
from tests.engine.hallucination.tiny import case, scenes, untrained

ANSWER_TOKENS = (20, 31, 55, 12)


def words(*places, others=(), names=()):
    word_case = WordCase.of(case(), ANSWER_TOKENS, places)
    return replace(word_case, others=torch.stack(others), names=names) if names else word_case


def slowly(image, place):
    """The probability of a word behind those before it, by a pass of its own."""
    vlm, question = untrained(), case()
    embedding = None if image is None else vlm.encode_image(vlm.normalize(image[None]))
    text = torch.tensor([[*question.words, *ANSWER_TOKENS[:place]]])
    return vlm.prefill(embedding, text)[0].logits[0].softmax(-1)[ANSWER_TOKENS[place]].item()


def test_forced_words_have_the_probability_of_reading_step_by_step():
    question = case()
    logs = forced(untrained(), question.images, question.prompts[0], torch.tensor(ANSWER_TOKENS))
    for place, token in enumerate(ANSWER_TOKENS):
        assert logs[0, place, token].exp().item() == pytest.approx(
            slowly(question.image, place), rel=1e-4
        )


def test_an_image_that_is_the_same_owes_nothing():
    image = case().image
    result = Cause()(words(1, others=(image, scenes()[2]), names=("same", "another")))["images"]
    assert result.cell("same", "owed") == 0
    assert result.cell("another", "probability") == pytest.approx(slowly(scenes()[2], 1), rel=1e-4)
    owed = result.cell("this image", "probability") - result.cell("another", "probability")
    assert result.cell("another", "owed") == pytest.approx(owed, abs=1e-7)
    assert result.notes[0] == result.notes[1]
    other = (scenes()[1],)
    result = Cause()(words(0, 2, others=other, names=("other",)))["images"]
    product = slowly(scenes()[1], 0) * slowly(scenes()[1], 2)
    assert result.cell("other", "probability") == pytest.approx(product, rel=1e-3)


def test_what_is_said_without_looking():
    prior = Priors()(words(0))["words"]
    assert prior.rows == ("this image", "blank", "noise", "noised", "no image")
    for place in range(len(ANSWER_TOKENS)):
        column = prior.order[place]
        assert prior.cell("this image", column) == pytest.approx(
            slowly(case().image, place), rel=1e-4
        )
        assert prior.cell("no image", column) == pytest.approx(slowly(None, place), rel=1e-4)
        gray = torch.full((3, 64, 64), 0.5)
        assert prior.cell("blank", column) == pytest.approx(slowly(gray, place), rel=1e-4)
    prior = Priors()(words(0, others=(scenes()[3],), names=("another scene",)))["words"]
    assert prior.rows[4] == "another scene"
    assert prior.cell("another scene", prior.order[1]) == pytest.approx(
        slowly(scenes()[3], 1), rel=1e-4
    )


def test_a_region_of_everything():
    regionword = RegionWords(top=0.0, left=0.0, bottom=1.0, right=1.0)(words(0))["words"]
    assert regionword["attention inside"] == pytest.approx(1, abs=1e-5)
    gray = torch.full((3, 64, 64), 0.5)
    expected = [slowly(gray, place) for place in range(len(ANSWER_TOKENS))]
    assert regionword["hidden"] == pytest.approx(expected, rel=1e-4)
    halves = [
        RegionWords(top=top, left=0.0, bottom=top + 0.5, right=1.0)(words(0))["words"]
        for top in (0.0, 0.5)
    ]
    total = sum(half["attention inside"] for half in halves)
    assert total == pytest.approx(np.ones(len(ANSWER_TOKENS)), abs=1e-5)


def test_an_empty_region_is_refused():
    with pytest.raises(BlindspotError, match="empty"):
        RegionWords(top=0.5, bottom=0.5)(words(0))


def test_images_and_names_must_be_as_many():
    with pytest.raises(BlindspotError, match="1 other images have 2 names"):
        words(0, others=(scenes()[1],), names=("a", "b"))
