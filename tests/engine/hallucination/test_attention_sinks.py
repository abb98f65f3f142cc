"""Where attention rests: counted again word by word, and what adds up."""

from math import ceil, isnan

import numpy as np
import pytest
import torch

from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.decoding.mvp import MVP
from engine.hallucination.measures import attention_sinks
from engine.hallucination.measures.attention_sinks import ALL, PLACES, TOP, AttentionSinks
from engine.hallucination.measures.rates import ScenesCase
from engine.hallucination.measures.scene_ranges import UNSEEN
from engine.hallucination.tiny_vlm.sayings import PROMPTS
from engine.hallucination.tiny_vlm.scenes import CaptionBatch, SceneBatch, captions
from engine.hallucination.tiny_vlm.weights import HABIT, load
from engine.hallucination.tiny_vlm.words import NUMBER
from engine.hallucination.vlm import RequestedOutputs

COUNT = 3


@pytest.fixture(scope="module")
def found():
    return AttentionSinks()(ScenesCase(load(HABIT), Greedy(), COUNT))


def place_of(position, prompt, words):
    """The name of what stands at a position."""
    if position == 0:
        return "beginning"
    if position < 65:
        return "image"
    if position < 65 + prompt:
        return "question"
    return "full stops" if words[position - 65 - prompt] == "." else "other words"


def test_shares_are_those_of_words_that_are_read_one_by_one(found):
    vlm = load(HABIT)
    sample = SceneBatch.drawn(COUNT, "broken", seed=UNSEEN)
    prompt = vlm.tokenizer.encode(PROMPTS["image"])
    sums = {name: np.zeros(3) for name in (TOP, *PLACES)}
    count, visible = 0, 0
    for row, words in enumerate(captions(vlm, sample, Greedy()).words):
        image = vlm.encode_image(vlm.normalize(sample.pixels[row : row + 1]))
        out, _ = vlm.prefill(image, torch.tensor([prompt]))
        for word in words:
            token = torch.tensor([NUMBER[word]])
            out = vlm.step(token, out.cache, RequestedOutputs(attention=(0, 1, 2)))
            count += 1
            for layer in range(3):
                shares = out.attention[layer][0, :, -1].mean(0).tolist()
                few = ceil(len(shares) / 100)
                sums[TOP][layer] += sum(sorted(shares)[-few:])
                for position, share in enumerate(shares):
                    sums[place_of(position, len(prompt), words)][layer] += share
            visible += len(shares)
    table = found["shares"]
    for name, total in sums.items():
        expected = [*(total / count), (total / count).mean()]
        assert table[name].tolist() == pytest.approx(expected, abs=1e-4), name
    assert table.rows == ("layer 1", "layer 2", "layer 3", ALL)
    assert found["read"]["tokens"][0] == pytest.approx(visible / count)
    assert found["read"]["words"][0] == pytest.approx(count / COUNT)


def test_places_hold_all_attention_and_the_finding_says_the_figures(found):
    shares = found["shares"]
    assert sum(shares[name] for name in PLACES).tolist() == pytest.approx([1.0] * 4, abs=1e-5)
    assert all(shares[TOP] > 0)
    assert all(shares[TOP] <= 1)
    case = ScenesCase(load(HABIT), Greedy(), COUNT)
    finding = AttentionSinks().finding(case, found)
    top = 100 * found["shares"].cell(ALL, TOP)
    assert f"tokens (two from 101 on) holds {top:.0f} % of the attention" in finding
    assert f"The beginning gets {100 * found['shares'].cell(ALL, 'beginning'):.0f} %" in finding


def test_without_captions_there_are_no_shares(monkeypatch):
    case = ScenesCase(load(HABIT), MVP(), 2)
    assert "questions only" in AttentionSinks.unmet(case)
    silent = CaptionBatch([[], []], 0, 0, 0)
    monkeypatch.setattr(attention_sinks, "captions", lambda *_arguments, **_more: silent)
    case = ScenesCase(load(HABIT), Greedy(), 2)
    result = AttentionSinks()(case)
    assert isnan(result["shares"].cell(ALL, TOP))
    assert result["read"]["words"][0] == 0
    assert "Nothing was said" in AttentionSinks().finding(case, result)
