"""Contrast of layers: its limits, its choice of a layer, and the lens."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.errors import DoesNotFit
from engine.hallucination.decoding.dola import DoLa, jensen_shannon, repeated
from engine.hallucination.decoding.generate import generate
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import case, prompts, scenes, untrained

ALL = RequestedOutputs(hidden=(0, 1, 2, 3))


def states(text):
    """Logits of the last layer and normed logits of the others, by a full pass."""
    vlm = untrained()
    with torch.no_grad():
        image = vlm.encode_image(vlm.normalize(scenes()[:1]))
        out = vlm.prefill(image, text, ALL)[0]
        return out.logits[0], [vlm.unembed(out.hidden[at][0, -1]) for at in range(3)]


@pytest.mark.parametrize("layer", ["0", "1", "2"])
def test_scores_are_the_contrast_of_two_layers(layer):
    result = DoLa(length=6, layer=layer)(case())
    text = prompts()
    for step, token in enumerate(result["answer"].ids.tolist()):
        late, early = states(text)
        late, early = late.log_softmax(-1), early[int(layer)].log_softmax(-1)
        scores = late - early
        scores[late < late.max() + np.log(0.1)] = -torch.inf
        assert int(scores.argmax()) == token
        assert result["answer"].probability[step] == pytest.approx(
            scores.softmax(-1).max().item(), abs=1e-4
        )
        text = torch.cat([text, torch.tensor([[token]])], 1)


def test_by_itself_it_takes_the_layer_that_differs_most():
    """The divergence is that of the definition, KL to the mean of both distributions."""
    result = DoLa(length=5)(case())
    text = prompts()
    for step, token in enumerate(result["answer"].ids.tolist()):
        late, early = states(text)
        results = []
        for early_logits in early:
            mean = (late.softmax(-1) + early_logits.softmax(-1)) / 2
            sides = [
                F.kl_div(mean.log(), side.softmax(-1), reduction="sum")
                for side in (late, early_logits)
            ]
            results.append(sum(sides).item() / 2)
        layer_scores = [result["layers"][f"from layer {at}"][step] for at in range(3)]
        assert np.allclose(layer_scores, results, atol=1e-4)
        assert result["layers"]["early layer"][step] == np.argmax(results)
        text = torch.cat([text, torch.tensor([[token]])], 1)


def test_when_only_the_best_is_plausible_it_is_greedy_and_a_fixed_layer_is_the_chosen_one():
    auto = DoLa(length=1)(case())
    fixed = DoLa(length=1, layer=str(int(auto["layers"]["early layer"][0])))(case())
    assert np.array_equal(auto["final"].values, fixed["final"].values)
    plain, cut = Greedy(length=15)(case()), DoLa(length=15, cut=1.0)(case())
    assert cut["answer"].ids.tolist() == plain["answer"].ids.tolist()


def test_against_the_last_layer_all_plausible_words_are_alike():
    vlm = untrained()
    method = DoLa(length=1, layer="3")
    spoken = generate(vlm, method, vlm.normalize(scenes()[:1]), prompts())
    late, _ = states(prompts())
    left = int((late >= late.max() + np.log(0.1)).sum())
    shares = spoken.steps[0][0].final.shares
    assert np.allclose(shares[:left], 1 / left)


def test_the_lens_of_the_last_layer_is_the_models_own_distribution():
    result = DoLa(length=5)(case())
    assert np.allclose(result["lens 3"].values, result["strong"].values[:, :3], atol=1e-6)
    assert result["lens 3"].classes.tolist() == result["strong"].classes[:, :3].tolist()
    _, early = states(prompts())
    for layer, logits in enumerate(early):
        shares = logits.softmax(-1).topk(3)
        assert np.allclose(result[f"lens {layer}"].values[0], shares.values, atol=1e-4)


def test_early_states_can_be_read_as_the_released_code_does():
    vlm = untrained()
    with torch.no_grad():
        image = vlm.encode_image(vlm.normalize(scenes()[:1]))
        raw = vlm.prefill(image, prompts(), ALL)[0].hidden[1][0, -1]
        shares = (raw @ vlm.parts.decoder.words.weight.T * 0.5).softmax(-1)
    top_shares = DoLa(length=1, norm=False)(case())["lens 1"].values[0]
    assert np.allclose(top_shares, shares.topk(3).values, atol=1e-5)


def test_repeated_words_become_worse_and_the_distance_is_that_of_its_definition():
    scores = torch.tensor([[1.0, -1.0, 2.0, -torch.inf]])
    result = repeated(scores, torch.tensor([[0, 1, 3, 0]]), 2.0)
    assert result.tolist() == [[0.5, -2.0, 2.0, -torch.inf]]
    assert torch.equal(repeated(scores, torch.empty(1, 0, dtype=torch.int64), 2.0), scores)
    first, second = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(0))
    assert jensen_shannon(first, first).abs().max() < 1e-6
    assert ((jensen_shannon(first, second) > 0) & (jensen_shannon(first, second) < np.log(2))).all()
    assert torch.allclose(jensen_shannon(first, second), jensen_shannon(second, first), atol=1e-6)
    far = jensen_shannon(torch.tensor([[99.0, 0.0]]), torch.tensor([[0.0, 99.0]]))
    assert far.item() == pytest.approx(np.log(2), abs=1e-5)


def test_a_layer_that_is_not_there_is_refused_in_words():
    with pytest.raises(DoesNotFit, match="layers 0 to 3"):
        replace(DoLa(length=1), layer="7")(case())
