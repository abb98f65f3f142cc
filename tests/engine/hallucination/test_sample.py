"""Many scenes at once: their truth by name, what is read off answers, and rates counted by hand."""

import numpy as np
import pytest
import torch

from engine.data.sprites import CATEGORIES, HABITS, THEMES
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.decoding.opera import OPERA
from engine.hallucination.tiny_vlm import scenes as many
from engine.hallucination.tiny_vlm.scenes import (
    SceneBatch,
    captions,
    contrasted,
    lie_rate,
    margins,
    poll_answers,
)
from engine.hallucination.tiny_vlm.words import NO, YES
from tests.engine.hallucination.tiny import untrained

THEME_OF = {
    **dict.fromkeys(("boat", "fish", "anchor", "shell"), "sea"),
    **dict.fromkeys(("car", "lamp", "wheel", "sign"), "street"),
    **dict.fromkeys(("tree", "bird", "flower", "sun"), "garden"),
    **dict.fromkeys(("cup", "plate", "fork", "apple"), "table"),
}


@pytest.fixture(scope="module")
def sample():
    return SceneBatch.drawn(12, "broken", seed=1000)


def test_leaders_themes_lies_and_margins_are_those_of_the_scenes(sample):
    led, themed = sample.leading(), sample.themed()
    leader_of = {follower: leader for leader, follower in HABITS.items()}
    for row, present in enumerate(sample.truths):
        theme = THEMES[sample.layout.theme[row]]
        for place, category in enumerate(CATEGORIES):
            assert led[row, place] == (leader_of.get(category) in present)
            assert themed[row, place] == (THEME_OF[category] == theme)
    assert led.any()
    assert themed.sum() == 4 * 12
    row = next(row for row, present in enumerate(sample.truths) if "boat" in present)
    alone = SceneBatch.of(sample.layout.take(np.array([row] * 3)).without("fish").without("car"))
    sentences = [
        ["there", "is", "a", "boat", "with", "a", "fish"],  # a lie
        ["there", "is", "a", "boat"],
        ["there", "is", "a", "fish", "and", "a", "car", "with", "a", "lamp"],  # no leader is there
    ]
    assert lie_rate(sentences, alone) == 1 / 2
    assert np.isnan(lie_rate([["in", "the", "sea"]] * 3, alone))
    result = contrasted(torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0]), 0.5)
    assert result.tolist() == [1.5 * 2 - 0.25, -1.5 - 1.5]
    vlm = untrained()
    result = margins(vlm, sample)
    assert result.shape == (12, 16)
    for row, category in ((0, 0), (3, 7), (11, 15)):
        article = "an" if CATEGORIES[category][0] in "aeiou" else "a"
        ids = vlm.tokenizer.encode(f"is there {article} {CATEGORIES[category]}")
        with torch.no_grad():
            image_features = vlm.encode_image(vlm.normalize(sample.pixels[row : row + 1]))
            logits = vlm.prefill(image_features, torch.tensor([ids]))[0].logits[0]
        assert result[row, category].item() == pytest.approx(
            (logits[YES] - logits[NO]).item(), abs=1e-4
        )
    assert not torch.allclose(margins(vlm, sample, step=900), result)


def test_the_first_yes_or_no_is_the_answer(sample, monkeypatch):
    texts = [["i", "think", "no"], ["yes", "so", "no"], ["a", "boat"]]
    batch = many.CaptionBatch(texts, 0, 0, 0)
    monkeypatch.setattr(many, "decode_captions", lambda *_args, **_settings: batch)
    yes, clear = poll_answers(untrained(), sample, Greedy(), np.arange(3), ["is there a boat"] * 3)
    assert yes.tolist() == [False, True, False]
    assert clear.tolist() == [True, True, False]


@pytest.mark.parametrize("strategy", [Greedy(length=3), OPERA(length=3, beams=1, candidates=2)])
def test_scenes_in_several_batches_are_described_as_one_by_one(sample, monkeypatch, strategy):
    vlm = untrained()
    monkeypatch.setattr(many, "TOGETHER", 5)
    shares = []
    result = captions(vlm, sample, strategy, progress=lambda done, *_: shares.append(done))
    assert shares == sorted(shares)
    singles = [
        captions(vlm, SceneBatch.of(sample.layout.take(slice(row, row + 1))), strategy)
        for row in range(12)
    ]
    assert result.words == [single.words[0] for single in singles]
    assert result.read == sum(single.read for single in singles)
    assert result.looked == sum(single.looked for single in singles)
    batch_calls = singles[0].calls  # of a batch, however many are in it
    assert result.calls == batch_calls * (3 if strategy.batched else 12)
