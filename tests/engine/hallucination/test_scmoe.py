"""Self-contrast of a mixture: its limits, its two routings, and who was asked."""

import numpy as np
import pytest
import torch

from engine.errors import DoesNotFit
from engine.hallucination.case import CaptionCase
from engine.hallucination.decoding.generate import generate
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.decoding.sampling import Sampling
from engine.hallucination.decoding.scmoe import SCMoE, divergence
from engine.hallucination.measures.rates import ScenesCase
from engine.hallucination.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import case, mixture, prompts, scenes, untrained


def caption_case(prompt="describe the image"):
    return CaptionCase(mixture(), scenes()[0], prompt)


def spoken(strategy, seed=0, count=1):
    vlm = mixture()
    images = vlm.normalize(scenes()[:count])
    return generate(vlm, strategy, images, prompts(count=count), seed=seed)


def finals(found):
    return np.stack([step.final.shares for step in found.steps[0]])


def logits(text, ranks=None):
    """Of the next word, by a full pass."""
    vlm = mixture()
    with torch.no_grad():
        image = vlm.encode_image(vlm.normalize(scenes()[:1]))
        return vlm.prefill(image, text, RequestedOutputs(ranks=ranks))[0].logits[0]


@pytest.mark.parametrize(
    "none", [{"beta": 0.0}, {"rank": None, "beta": 2.0}, {"alpha": 1.0}], ids=str
)
def test_without_strength_or_with_one_routing_or_one_word_it_is_greedy(none):
    plain, result = spoken(Greedy(length=20)), spoken(SCMoE(length=20, **none))
    assert torch.equal(result.tokens, plain.tokens)
    assert (
        SCMoE(length=20, **none)(caption_case())["answer"].ids.tolist() == plain.tokens[0].tolist()
    )


def test_without_strength_and_cut_drawing_is_sampling_with_the_same_seed():
    for seed in range(3):
        plain = spoken(Sampling(length=12, temperature=0.7), seed)
        none = spoken(SCMoE(length=12, beta=0.0, alpha=0.0, temperature=0.7), seed)
        assert torch.equal(none.tokens, plain.tokens)


@pytest.mark.parametrize("rank", [0, 2, 7])
def test_scores_are_the_contrast_of_two_routings(rank):
    """Each routing has a cache of its own, of the words that the contrast chose."""
    method = SCMoE(length=6, beta=1.5, rank=rank, alpha=0.01)
    result = method(caption_case())
    text = prompts()
    for step, token in enumerate(result["answer"].ids.tolist()):
        strong, weak = logits(text), logits(text, (rank,))
        scores = 2.5 * strong - 1.5 * weak
        scores[strong < strong.max() + np.log(0.01)] = -torch.inf
        assert int(scores.argmax()) == token
        assert result["answer"].probability[step] == pytest.approx(
            scores.softmax(-1).max().item(), abs=1e-4
        )
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


def test_images_answered_together_are_answered_as_alone():
    together = spoken(SCMoE(length=6, beta=1.0), count=3)
    for row in range(3):
        picture = CaptionCase(mixture(), scenes()[row], "describe the image")
        alone = SCMoE(length=6, beta=1.0)(picture)
        assert [step.token for step in together.steps[row]] == alone["answer"].ids.tolist()


def test_a_model_without_experts_is_refused_with_the_reason():
    assert "no experts to choose among" in SCMoE.unmet(case())
    assert not SCMoE.unmet(caption_case())
    with pytest.raises(DoesNotFit, match="no experts"):
        SCMoE()(case())
    with pytest.raises(DoesNotFit, match="SCMoE: untrained TinyVLM has no experts"):
        ScenesCase(untrained(), SCMoE(), 3)
