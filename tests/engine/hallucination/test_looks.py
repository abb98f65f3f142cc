"""Where words looked: attention, relevancy and sinks, each counted again."""

from math import ceil, isnan

import numpy as np
import pytest
import torch

from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import CaptionBatch, SceneBatch, captions
from engine.hallucination.grounding.looks import Looks, attention, on_pixels, sink_places
from engine.hallucination.grounding.relevancy import Relevancy, relevancy, rolled
from engine.hallucination.grounding.word_case import WordCase
from engine.hallucination.mvp.method import MVP
from engine.hallucination.vasparse import attention_sinks
from engine.hallucination.vasparse.attention_sinks import ALL, PLACES, TOP, AttentionSinks
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.sayings import PROMPTS
from engine.vision.language.tiny_vlm.weights import HABIT, load
from engine.vision.language.tiny_vlm.words import NUMBER
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import case, untrained

ANSWER_TOKENS = (20, 31, 55, 12)


def words(*places):
    return WordCase.of(case(), ANSWER_TOKENS, places)


def test_attention_is_that_of_the_word_before():
    """Slowly: read prompt and the words before, one pass for each word, and take the last row."""
    vlm, word_case = untrained(), words(0)
    image_features = vlm.encode_image(word_case.images)
    for place in range(len(ANSWER_TOKENS)):
        text = torch.tensor([[*word_case.words, *ANSWER_TOKENS[:place]]])
        out, _ = vlm.prefill(image_features, text, RequestedOutputs(attention=(0, 1, 2)))
        plain = torch.stack([out.attention[at][0, :, -1, 1:65] for at in range(3)])
        assert torch.allclose(attention(word_case)[place], plain, atol=1e-6)
        heat = Looks(layer=2, sinks=False)(words(place))["map"].values
        assert heat[::8, ::8].ravel() == pytest.approx(plain[1].mean(0).numpy(), rel=1e-4)


def test_the_map_is_the_mean_over_layers_heads_and_words_without_sinks():
    word_case = words(1, 3)
    heat = Looks(sinks=False)(word_case)["map"].values
    every = attention(word_case)[[1, 3]].mean((0, 1, 2)).reshape(8, 8)
    assert heat.shape == (64, 64)
    assert heat[8:16, 16:24] == pytest.approx(every[1, 2].item(), rel=1e-5)
    word_case = words(2)
    heat = Looks(layer=2, sinks=False)(word_case)["map"].values
    assert heat[0, 0] == pytest.approx(attention(word_case)[2, 1, :, 0].mean().item(), rel=1e-5)
    word_case = words(0)
    result = on_pixels(np.arange(64, dtype=np.float32), word_case)
    assert np.unique(result[8:16, 24:32]).tolist() == [11]
    generator = torch.Generator().manual_seed(0)
    looks = list(torch.rand(3, 2, 5, 5, generator=generator))
    slopes = list(torch.randn(3, 2, 5, 5, generator=generator))
    steps = [(a * g).clamp(min=0).mean(0) for a, g in zip(looks, slopes, strict=True)]
    eye = torch.eye(5)
    plain = (eye + steps[2]) @ (eye + steps[1]) @ (eye + steps[0])
    assert torch.allclose(rolled(looks, slopes), plain, atol=1e-6)
    first, second = (Relevancy()(words(place))["map"].values for place in (1, 3))
    assert Relevancy()(words(1, 3))["map"].values == pytest.approx((first + second) / 2, rel=1e-5)
    looked = np.full((5, 8), 0.02, np.float32)
    looked[:, 3] = 0.5
    looked[2, 6] = 0.09  # one word alone
    assert sink_places(looked).tolist() == [False, False, False, True] + [False] * 4
    assert not sink_places(looked[:1]).any()
    faint = np.zeros((5, 8), np.float32)
    faint[:, 3] = 2e-9
    assert not sink_places(faint).any()  # next to nothing is no sink


def test_relevancy_is_its_formula_by_differences():
    """The slope of the logit to one share of attention, by moving it a little through a hook."""
    word_case, place = words(3), 3
    vlm = untrained()
    image_features = vlm.encode_image(word_case.images)
    text = torch.tensor([[*word_case.words, *ANSWER_TOKENS[:place]]])
    out, prefix = vlm.prefill(image_features, text[:, :-1], RequestedOutputs())
    looks = vlm.step(text[:, -1], out.cache, RequestedOutputs(attention=(2,))).attention[2]

    def nudged(by):
        def hook(layer, shares):
            if layer != 2:
                return shares
            moved = shares.clone()
            moved[0, 1, 0, 20] += by
            return moved

        return vlm.step(text[:, -1], out.cache, attn_hook=hook).logits[0, ANSWER_TOKENS[place]]

    slope = (nudged(1e-2) - nudged(-1e-2)) / 2e-2
    whole = exact_slopes(word_case, place)
    assert whole[2][1, -1, 20].item() == pytest.approx(slope.item(), rel=2e-2, abs=1e-4)
    assert looks[0, 1, 0, 20] > 0
    assert relevancy(word_case, place).shape == prefix.image.shape
    steps = [
        (share[0] * slope).clamp(min=0).mean(0)
        for share, slope in zip(
            shares(word_case, place), exact_slopes(word_case, place), strict=True
        )
    ]
    eye = torch.eye(len(steps[0]))
    expected = ((eye + steps[2]) @ (eye + steps[1]) @ (eye + steps[0]))[-1, prefix.image]
    heat = Relevancy()(word_case)["map"].values
    assert heat[::8, ::8].ravel() == pytest.approx(expected.detach().numpy(), rel=1e-3, abs=1e-8)


def read(asked, place):
    """One pass over the words before: the attention of every layer, and the word's logit."""
    vlm = asked.vlm
    image_features = vlm.encode_image(asked.images).detach().requires_grad_()
    text = torch.tensor([[*asked.words, *asked.said[:place]]])
    out, _ = vlm.prefill(
        image_features, text, RequestedOutputs(attention=(0, 1, 2), rows="all", gradient=True)
    )
    return [out.attention[at] for at in range(3)], out.logits[0, asked.said[place]]


def shares(asked, place):
    return [layer_attention.detach() for layer_attention in read(asked, place)[0]]


def exact_slopes(asked, place):
    looks, logit = read(asked, place)
    return [gradient[0] for gradient in torch.autograd.grad(logit, looks)]


COUNT = 3
SHARE = 10  # one of so many tokens: some texts are a multiple of it long


@pytest.fixture(scope="module")
def result():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention_sinks, "FEW", SHARE)
        return AttentionSinks()(ScenesCase(load(HABIT), Greedy(), COUNT))


def place_of(position, prompt, words):
    if position == 0:
        return "beginning"
    if position < 65:
        return "image"
    if position < 65 + prompt:
        return "question"
    return "full stops" if words[position - 65 - prompt] == "." else "other words"


def test_shares_are_those_of_words_that_are_read_one_by_one(result):
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
                few = ceil(len(shares) / SHARE)
                sums[TOP][layer] += sum(sorted(shares)[-few:])
                for position, share in enumerate(shares):
                    sums[place_of(position, len(prompt), words)][layer] += share
            visible += len(shares)
    table = result["shares"]
    for name, total in sums.items():
        expected = [*(total / count), (total / count).mean()]
        assert table[name].tolist() == pytest.approx(expected, abs=1e-4), name
    assert table.rows == ("layer 1", "layer 2", "layer 3", ALL)
    assert result["read"]["tokens"][0] == pytest.approx(visible / count)
    assert result["read"]["words"][0] == pytest.approx(count / COUNT)


def test_places_hold_all_attention_and_none_is_there_without_captions(result, monkeypatch):
    shares = result["shares"]
    assert sum(shares[name] for name in PLACES).tolist() == pytest.approx([1.0] * 4, abs=1e-5)
    assert all(shares[TOP] > 0)
    assert all(shares[TOP] <= 1)
    case = ScenesCase(load(HABIT), Greedy(), COUNT)
    finding = AttentionSinks().finding(case, result)
    top = 100 * result["shares"].cell(ALL, TOP)
    assert f"tokens (two from 101 on) holds {top:.0f} % of the attention" in finding
    assert f"The beginning gets {100 * result['shares'].cell(ALL, 'beginning'):.0f} %" in finding
    case = ScenesCase(load(HABIT), MVP(), 2)
    assert "questions only" in AttentionSinks.unmet(case)
    silent = CaptionBatch([[], []], 0, 0, 0)
    monkeypatch.setattr(attention_sinks, "captions", lambda *_arguments, **_more: silent)
    case = ScenesCase(load(HABIT), Greedy(), 2)
    silent_result = AttentionSinks()(case)
    assert isnan(silent_result["shares"].cell(ALL, TOP))
    assert silent_result["read"]["words"][0] == 0
    assert "Nothing was said" in AttentionSinks().finding(case, silent_result)
