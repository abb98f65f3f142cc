"""MaskLLM on TinyVLM: exactly N of M, frozen weights, and a language loss that falls."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.scenes import SceneBatch
from engine.hallucination import MaskLLM, ScenesCase
from engine.hallucination.measures import mask_llm
from engine.vision.data.scenes import Scenes
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.packed import states
from engine.vision.language.tiny_vlm.weights import HONEST, load
from engine.vision.weights.pattern import attach, in_groups, largest_in_group

QUICK = MaskLLM(steps=6, scenes=32)


@pytest.fixture(scope="module")
def case():
    return ScenesCase(load(HONEST), Greedy(length=6), 10, "broken")


@pytest.fixture(scope="module")
def result(case):
    return QUICK(case)


def test_every_group_keeps_exactly_n_and_no_weight_has_changed(case, result):
    weights = mask_llm.linear_weights(case.vlm)
    masks = result["masks"].values
    assert set(masks) == set(weights)
    assert len(masks) == 15
    for mask in masks.values():
        assert set(np.unique(mask)) == {0, 1}
        assert (in_groups(torch.tensor(mask), 4).sum(1) == 2).all()
    models = result["models"]
    assert models["stays"].tolist() == pytest.approx([1.0, 0.5, 0.5], abs=1e-4)
    assert len(set(result["weights"].notes)) == 1
    finding = QUICK.finding(case, result)
    assert "No weight moved" in finding
    assert f"{models.cell('learned', 'perplexity'):.3f} with a learned mask" in finding
    assert f"{models.cell('magnitude', 'perplexity'):.3f} with the largest 2 of every 4" in finding
    expected = mask_llm.caption_loss(mask_llm.pruned(case.vlm, result["masks"]), case)["loss"]
    assert models.cell("learned", "loss") == pytest.approx(expected, abs=1e-6)


def test_magnitude_keeps_the_two_largest_of_every_four(case, result):
    weights = mask_llm.linear_weights(case.vlm)
    largest = {k: largest_in_group(in_groups(weight.abs(), 4), 2) for k, weight in weights.items()}
    vlm = mask_llm.pruned(case.vlm, mask_llm.shaped(largest, weights))
    for name, weight in mask_llm.linear_weights(vlm).items():
        groups, whole = in_groups(weight, 4).abs(), in_groups(weights[name], 4).abs()
        assert torch.equal(groups.sort(1).values[:, 2:], whole.sort(1).values[:, 2:])
        assert (groups.sort(1).values[:, :2] == 0).all()
    assert result["models"].cell("magnitude", "loss") == mask_llm.caption_loss(vlm, case)["loss"]


def test_the_loss_and_the_captions_are_those_of_the_models(case, result):
    scenes = Scenes(10, "broken", seed=UNSEEN)
    images, texts = mask_llm.taught(case.vlm, scenes.layout(np.arange(10)), case)
    total, count = 0.0, 0
    for row in range(10):
        tokens, start = texts.tokens[row, 0], int(texts.start[row, 0])
        words = tokens[start : int((tokens != 0).sum())]
        read = states(case.vlm.parts.decoder, images[row : row + 1], [tokens[None, None]])[0]
        logits = case.vlm.unembed(read[0, 0], apply_norm=False)[start - 1 :][: len(words)]
        total += F.cross_entropy(logits, words, reduction="sum").item()
        count += len(words)
    models = result["models"]
    assert models.cell("dense", "loss") == pytest.approx(total / count, rel=1e-4)
    assert models["perplexity"] == pytest.approx(np.exp(models["loss"]))
    captions = result["captions"]
    assert len(captions) == 30
    assert captions.rows[::10] == ("dense, scene 0", "magnitude, scene 0", "learned, scene 0")
    assert all(captions.notes)
    assert result["course"]["step"].tolist() == list(range(7))


def test_more_steps_lower_the_loss_of_a_mask_that_begins_anywhere(case):
    """Without a prior the first mask is drawn: what is learned is what makes it better."""
    few, many = (replace(QUICK, strength=0.0, steps=steps)(case)["models"] for steps in (1, 12))
    assert many.cell("learned", "loss") < 0.8 * few.cell("learned", "loss")


def test_rates_say_of_how_many_and_a_weight_that_moved_is_told(case, result, monkeypatch):
    sample = SceneBatch.drawn(10, "broken", seed=UNSEEN)
    absent = np.argwhere(sample.leading() & ~sample.layout.present)
    assert result["models"]["absent asked"].tolist() == [len(absent)] * 3
    assert "carry no habit" in mask_llm.habit_words(case)
    assert "carry the habit" in mask_llm.habit_words(replace(case, kind="biased"))

    def moving(decoder, masks):
        attach(decoder, masks)
        next(decoder.buffers()).add_(1e-3)

    monkeypatch.setattr(mask_llm, "attach", moving)
    one_step = replace(QUICK, steps=1)
    assert "Weights moved" in one_step.finding(case, one_step(case))
