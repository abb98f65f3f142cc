"""CHAIR over scenes: the rates are those of the captions, with recall and length beside."""

import numpy as np
import pytest

from engine.hallucination import CHAIR, Greedy, ScenesCase
from engine.hallucination.measures import captioned
from engine.hallucination.measures.captioned import RATES, rates_of
from engine.hallucination.measures.chair import chair
from engine.hallucination.measures.scene_ranges import UNSEEN
from engine.hallucination.tiny_vlm.sayings import SceneFacts, caption
from engine.hallucination.tiny_vlm.scenes import VOCABULARY, CaptionBatch, SceneBatch
from engine.hallucination.tiny_vlm.weights import HABIT, load
from tests.engine.hallucination.tiny import untrained


@pytest.fixture(scope="module")
def told():
    case = ScenesCase(load(HABIT), Greedy(), 30, seed=3)
    return case, CHAIR()(case)


def sample_of(case):
    return SceneBatch.drawn(case.count, case.kind, seed=UNSEEN + case.seed, clean=case.clean)


def test_rates_are_those_of_the_captions(told):
    case, result = told
    words = [note.split() for note in result["captions"].notes]
    by_hand = chair(words, sample_of(case).truths, VOCABULARY)
    rates = result["rates"]
    assert [float(rates[name][0]) for name in RATES] == pytest.approx(
        [by_hand.instance, by_hand.sentence, by_hand.recall, by_hand.words]
    )
    invented = [sum(not noun.true for noun in mention) for mention in by_hand.mentions]
    assert result["captions"]["invented"].tolist() == invented
    for name in RATES:
        assert rates[f"{name} low"][0] <= rates[name][0] <= rates[f"{name} high"][0]


def test_true_captions_are_nothing_made_up_and_all_found(monkeypatch):
    case = ScenesCase(untrained(), Greedy(), 20)
    sample, random = sample_of(case), np.random.default_rng(0)
    truths = [
        caption(SceneFacts.of(sample.layout, row), "image", 0.0, random).split()
        for row in range(20)
    ]
    batch = CaptionBatch(truths, 0, 0, 0)
    monkeypatch.setattr(captioned, "captions", lambda *_, **__: batch)
    rates = CHAIR()(case)["rates"]
    assert [float(rates[name][0]) for name in ("CHAIR_i", "CHAIR_s", "recall")] == [0, 0, 1]
    assert rates["CHAIR_i high"][0] == 0


def test_scenes_closer_captions_and_the_sentence_fit_the_rates(told):
    case, _ = told
    sample = sample_of(case)
    for row in (0, 7, 29):
        present = {scene_object.category for scene_object in case.scene(row).things}
        assert present == sample.truths[row]
        assert np.array_equal(case.scene(row).image / np.float32(255), sample.pixels[row].numpy())
    case, result = told
    closely = CHAIR(prompt="closely")(case)["rates"]
    assert closely["words"][0] > result["rates"]["words"][0]
    case, result = told
    finding, rates = CHAIR().finding(case, result), result["rates"]
    assert f"{100 * rates['CHAIR_i'][0]:.1f} % of what it names" in finding
    assert (
        f"{100 * rates['recall'][0]:.0f} % of what is there in {rates['words'][0]:.0f}" in finding
    )


def test_the_interval_is_of_images_and_not_of_captions():
    counts = np.tile([1.0, 2, 1, 1, 2, 8, 1], (6, 1))
    counts[::2, 0] = 0
    by_row, by_image = (rates_of(counts, images) for images in (range(6), [0, 0, 1, 1, 2, 2]))
    assert by_row["CHAIR_i"] == by_image["CHAIR_i"] == (0.25, "share")
    assert by_row["CHAIR_i low"][0] < by_row["CHAIR_i high"][0]
    assert by_image["CHAIR_i low"][0] == by_image["CHAIR_i high"][0] == 0.25
