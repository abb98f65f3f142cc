"""What a word hangs on: other images, no image, hidden regions, and evidence for every claim."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import BadData, BlindspotError
from engine.core.result import Table
from engine.hallucination import EachClaim, asking
from engine.hallucination.grounding import each_claim
from engine.hallucination.grounding.cause import Cause
from engine.hallucination.grounding.each_claim import claimed, is_there, verdict
from engine.hallucination.grounding.priors import Priors
from engine.hallucination.grounding.region import RegionWords
from engine.hallucination.grounding.word_case import WordCase
from engine.vision.data.scenes import Scenes
from engine.vision.language.decoding.forced import forced
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST
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
        expected = slowly(question.image, place)
        assert logs[0, place, token].exp().item() == pytest.approx(expected, rel=1e-4)


def test_an_image_that_is_the_same_owes_nothing():
    image = case().image
    result = Cause()(words(1, others=(image, scenes()[2]), names=("same", "another")))["images"]
    assert result.cell("same", "owed") == 0
    assert result.cell("another", "probability") == pytest.approx(slowly(scenes()[2], 1), rel=1e-4)
    owed = result.cell("this image", "probability") - result.cell("another", "probability")
    assert result.cell("another", "owed") == pytest.approx(owed, abs=1e-7)
    assert result.notes[0] == result.notes[1]
    result = Cause()(words(0, 2, others=(scenes()[1],), names=("other",)))["images"]
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
    expected = slowly(scenes()[3], 1)
    assert prior.cell("another scene", prior.order[1]) == pytest.approx(expected, rel=1e-4)


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


SCENE = asking.scene("counter", 424)  # a car, a wheel and a fork; no lamp


def claim_words(prompt, answer, model=HABIT, scene=SCENE):
    question = asking.about_scene(model, scene, prompt)
    return WordCase.of(question, tuple(question.vlm.tokenizer.encode_answer(answer)), (0,))


def described(**more):
    return claim_words(
        "describe the image", "there is a car . there is a lamp . there is a fork", **more
    )


def table(thing, tried, before, after):
    values = {"probability": before, "taken out": after, "owed to the thing": before - after}
    return Table.of({name: ([figure], "") for name, figure in values.items()}, (thing,), (tried,))


def test_it_equals_asking_one_by_one(monkeypatch):
    monkeypatch.setattr(each_claim, "TOGETHER", 4)  # of seven images
    case = asking.each_claim(described(), SCENE)
    result = EachClaim()(case)
    claims, every = result["claims"], result["images"]
    assert claims.rows == ("car", "lamp", "fork")
    gone = ["without the car", "without the wheel", "without the fork"]
    for category, place in claimed(case).items():
        single = Cause()(asking.without_each(replace(case, places=(place,)), SCENE))["images"]
        row = claims.rows.index(category)
        for name in ("this image", *gone):
            expected = single.cell(name, "probability")
            assert every.cell(category, name) == pytest.approx(expected, abs=1e-5)
        tried = (
            category if category != "lamp" else gone[int(single["probability"][1:].argmin())][12:]
        )
        assert claims.notes[row] == tried
        assert claims.cell(category, "taken out") == every.cell(category, f"without the {tried}")
        owed = claims.cell(category, "owed to the thing")
        assert owed == pytest.approx(single.cell(f"without the {tried}", "owed"), abs=1e-5)
        rows, columns = asking.box(SCENE.mask(tried))
        sides = rows.start, columns.start, rows.stop, columns.stop
        region = RegionWords(*(side / 64 for side in sides))
        hidden = region(case)["words"]["hidden"][place]
        assert claims.cell(category, "hidden") == pytest.approx(hidden, abs=1e-4)


def test_verdicts_of_every_kind():
    case = claim_words("is there a car", "yes")
    results = {"claims": table("car", "car", 0.8, 0.75)}
    assert EachClaim().finding(case, results) == "The car stays though the thing is gone: habit."
    results = {"claims": table("car", "car", 0.8, 0.1)}
    assert EachClaim().finding(case, results) == "1 of 1 claimed things hangs on what is there."
    case = asking.each_claim(claim_words("describe the image", "a car with a lamp"), SCENE)
    claims = EachClaim()(case)["claims"]
    assert claims.cell("car", "taken out") < claims.cell("car", "probability") / 2
    assert claims.cell("car", "hidden") < claims.cell("car", "probability") / 2
    assert claims.cell("lamp", "taken out") > 0.9 * claims.cell("lamp", "probability")
    verdicts = [verdict(case, claims, row) for row in range(2)]
    assert verdicts[0] == "hangs on what is there"
    assert verdicts[1] == "stays whatever is taken out: habit, or the words before it"
    case = asking.each_claim(claim_words("is there a lamp", "yes"), SCENE)
    result = EachClaim()(case)
    words = "The lamp is made up and hangs on the car, its usual partner."
    assert EachClaim().finding(case, result) == words
    assert not is_there(case, result["claims"], 0)


@pytest.mark.parametrize(
    ("prompt", "answer", "expected"),
    [
        ("is there a boat", "yes", {"boat": 0}),
        ("is there a boat", "no", {}),
        ("is there a boat", "no there is a car", {}),
        ("what color is the boat", "the boat is red", {"boat": 3}),
        ("what color is the boat", "unknown", {}),
        ("describe the image", "a car and a fork and a car", {"car": 1, "fork": 4}),
    ],
)
def test_which_words_claim_a_thing(prompt, answer, expected):
    assert claimed(claim_words(prompt, answer, model=HONEST)) == expected


def test_only_the_box_around_a_thing_is_hidden_and_none_of_what_is_faint():
    case = described()
    hidden_case = asking.hidden_each(case, SCENE)
    assert hidden_case.names == ("the car hidden", "the wheel hidden", "the fork hidden")
    mask = SCENE.mask("car")
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    inside = np.zeros((64, 64), bool)
    inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    normalized = case.vlm.normalize(hidden_case.others)[0]
    assert torch.equal(hidden_case.others[0][:, ~inside], case.image[:, ~inside])
    assert normalized[:, inside].abs().max() < 1e-5
    faint = SCENE.with_opacity("car", 0.0)
    assert "the car hidden" not in asking.hidden_each(described(scene=faint), faint).names
    case = asking.each_claim(claim_words("is there a car", "yes", scene=faint), faint)
    result = EachClaim()(case)["claims"]
    assert result.notes == ("car",)
    assert np.isnan(result["hidden"][0])
    assert result["owed to the thing"][0] == pytest.approx(0, abs=1e-6)
    first = asking.each_claim(described(), SCENE)
    second = asking.each_claim(replace(described(), places=(2,)), SCENE)
    assert list(first.digest_parts()) == list(second.digest_parts())


def test_an_answer_that_was_dictated_and_a_prompt_of_one_s_own_are_typed():
    case = words(1)
    dictated, own = replace(case, dictated=True), replace(case, prompt="describe")
    assert (case.typed, dictated.typed, own.typed) == (False, True, True)
    assert dictated.fingerprint == case.fingerprint


def test_images_are_brought_to_the_model_s_size_alike_alone_and_together():
    vlm, images = untrained(), torch.rand(2, 3, 3, 10, 12)
    expected = torch.stack([asking.sized(image, vlm) for image in images.flatten(0, 1)])
    assert torch.equal(asking.sized(images, vlm).flatten(0, 1), expected)
    assert expected.shape == (6, 3, 64, 64)
    stripes = torch.tensor([0.0, 1, 1, 0]).repeat(3, 256, 64)  # finer than a pixel of the model's
    assert torch.allclose(asking.sized(stripes, vlm)[..., 1:-1], torch.tensor(0.5))
    for right in (expected, expected[0], expected[None]):
        assert asking.sized(right, vlm) is right


def test_refusals_are_sentences():
    with pytest.raises(BlindspotError, match="claims no thing: ask for a description"):
        EachClaim()(asking.each_claim(claim_words("is there a lamp", "no"), SCENE))
    other = asking.held_against(described(), [("another scene", asking.pixels(SCENE))])
    with pytest.raises(BlindspotError, match="Nothing was taken out"):
        EachClaim()(other)
    assert "other images" in EachClaim.unmet(described())
    empty = Scenes(kind="counter", seed=1000).scene(424)
    for category in ("car", "wheel", "fork"):
        empty = empty.remove(category)
    with pytest.raises(BadData, match="The scene is empty"):
        asking.each_claim(described(scene=empty), empty)
    gone = SCENE.with_opacity("car", 0).with_opacity("wheel", 0).with_opacity("fork", 0)
    with pytest.raises(BadData, match="no region to hide"):
        asking.hidden_each(described(scene=gone), gone)
