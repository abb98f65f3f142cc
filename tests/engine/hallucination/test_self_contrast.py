"""Contrasts of a model with itself: of two routings (SCMoE) and of two layers (DoLa)."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import DoesNotFit
from engine.evaluation.language.greedy import Greedy
from engine.hallucination.decoding.dola import DoLa, jensen_shannon, repeated
from engine.hallucination.decoding.sampling import Sampling
from engine.hallucination.scmoe.strategy import SCMoE, divergence
from engine.vision.language.case import CaptionCase
from engine.vision.language.decoding.generate import generate
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import case, mixture, one_pass, prompts, scenes, untrained


def caption_case(prompt="describe the image"):
    return CaptionCase(mixture(), scenes()[0], prompt)


def spoken(strategy, seed=0, count=1):
    vlm = mixture()
    return generate(vlm, strategy, vlm.normalize(scenes()[:count]), prompts(count=count), seed=seed)


def logits(text, ranks=None):
    """Of the next word, by a full pass."""
    return one_pass(mixture(), scenes()[:1], text, RequestedOutputs(ranks=ranks)).logits[0]


@pytest.mark.parametrize(
    "none", [{"beta": 0.0}, {"rank": None, "beta": 2.0}, {"alpha": 1.0}], ids=str
)
def test_without_strength_or_with_one_routing_or_one_word_it_is_greedy(none):
    plain, result = spoken(Greedy(length=20)), spoken(SCMoE(length=20, **none))
    assert torch.equal(result.tokens, plain.tokens)
    expected = plain.tokens[0].tolist()
    assert SCMoE(length=20, **none)(caption_case())["answer"].ids.tolist() == expected


def test_drawing_and_batches_are_those_of_sampling_and_of_single_images():
    for seed in range(3):
        plain = spoken(Sampling(length=12, temperature=0.7), seed)
        none = spoken(SCMoE(length=12, beta=0.0, alpha=0.0, temperature=0.7), seed)
        assert torch.equal(none.tokens, plain.tokens)
    together = spoken(SCMoE(length=6, beta=1.0), count=3)
    for row in range(3):
        picture = CaptionCase(mixture(), scenes()[row], "describe the image")
        alone = SCMoE(length=6, beta=1.0)(picture)
        assert [step.token for step in together.steps[row]] == alone["answer"].ids.tolist()


@pytest.mark.parametrize("rank", [0, 2, 7])
def test_scores_are_the_contrast_of_two_routings(rank):
    """Each routing has a cache of its own, of the words that the contrast chose."""
    result = SCMoE(length=6, beta=1.5, rank=rank, alpha=0.01)(caption_case())
    text = prompts()
    for step, token in enumerate(result["answer"].ids.tolist()):
        strong, weak = logits(text), logits(text, (rank,))
        scores = 2.5 * strong - 1.5 * weak
        scores[strong < strong.max() + np.log(0.01)] = -torch.inf
        assert int(scores.argmax()) == token
        expected = scores.softmax(-1).max().item()
        assert result["answer"].probability[step] == pytest.approx(expected, abs=1e-4)
        kl = (strong.softmax(-1) * (strong.log_softmax(-1) - weak.log_softmax(-1))).sum()
        assert result["routings"]["KL"][step] == pytest.approx(float(kl), abs=1e-4)
        text = torch.cat([text, torch.tensor([[token]])], 1)


def test_who_was_asked_is_shown_and_one_routing_is_no_distance_from_itself():
    result = SCMoE(length=5, rank=3)(caption_case())
    for layer in range(3):
        table = result[f"experts {layer + 1}"]
        strong, weak = (
            np.stack([table[f"{side} {index}"] for index in range(1, 9)], 1)
            for side in ("strong", "weak")
        )
        assert ((strong > 0).sum(1) == 2).all()
        assert np.allclose(strong.sum(1), 1)
        assert (np.sort(weak, 1)[:, -1] == 1).all()
        assert (weak.sum(1) == 1).all()
        if layer == 0:  # above, what the two routings read has parted
            assert not ((strong > 0) & (weak > 0)).any()
    assert np.allclose(SCMoE(length=5, rank=None)(caption_case())["routings"]["KL"], 0, atol=1e-6)
    first, second = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[2.0, 1.0, 0.0]])
    p, q = first.softmax(-1)[0], second.softmax(-1)[0]
    assert divergence(first, second)[0] == pytest.approx(float((p * (p / q).log()).sum()), rel=1e-5)


ALL = RequestedOutputs(hidden=(0, 1, 2, 3))


def states(text):
    """Logits of the last layer and normed logits of the others, by a full pass."""
    vlm = untrained()
    out = one_pass(vlm, scenes()[:1], text, ALL)
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
        expected = scores.softmax(-1).max().item()
        assert result["answer"].probability[step] == pytest.approx(expected, abs=1e-4)
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


def test_a_fixed_layer_is_the_chosen_one_and_the_last_leaves_words_alike():
    auto = DoLa(length=1)(case())
    fixed = DoLa(length=1, layer=str(int(auto["layers"]["early layer"][0])))(case())
    assert np.array_equal(auto["final"].values, fixed["final"].values)
    vlm = untrained()
    spoken = generate(vlm, DoLa(length=1, layer="3"), vlm.normalize(scenes()[:1]), prompts())
    late, _ = states(prompts())
    left = int((late >= late.max() + np.log(0.1)).sum())
    assert np.allclose(spoken.steps[0][0].final.shares[:left], 1 / left)


def test_the_lens_reads_layers_as_the_model_and_as_the_released_code():
    result = DoLa(length=5)(case())
    assert np.allclose(result["lens 3"].values, result["strong"].values[:, :3], atol=1e-6)
    assert result["lens 3"].classes.tolist() == result["strong"].classes[:, :3].tolist()
    _, early = states(prompts())
    for layer, logits in enumerate(early):
        shares = logits.softmax(-1).topk(3)
        assert np.allclose(result[f"lens {layer}"].values[0], shares.values, atol=1e-4)
    vlm = untrained()
    raw = one_pass(vlm, scenes()[:1], prompts(), ALL).hidden[1][0, -1]
    shares = (raw @ vlm.parts.decoder.words.weight.T * 0.5).softmax(-1)
    top_shares = DoLa(length=1, norm=False)(case())["lens 1"].values[0]
    assert np.allclose(top_shares, shares.topk(3).values, atol=1e-5)


def test_an_answer_without_a_word_has_tables_without_a_row():
    views = DoLa().shown(case(), SimpleNamespace(steps=[[]]))
    assert list(views) == ["lens 0", "lens 1", "lens 2", "lens 3", "layers"]
    assert [len(views["layers"][f"from layer {at}"]) for at in range(3)] == [0, 0, 0]


def test_layers_are_those_that_the_model_has():
    spec = untrained().spec
    for layer in ("-1", "4", "x"):
        with pytest.raises(DoesNotFit, match=f"layers 0 to 3, not {layer}"):
            DoLa(layer=layer).wanted(spec)
    assert DoLa(layer="3").wanted(spec).hidden == (0, 1, 2, 3)


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
