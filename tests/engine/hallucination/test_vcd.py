"""Visual contrastive decoding: its limits, its two streams, its one noise."""

import numpy as np
import pytest
import torch

from engine.hallucination.decoding.generate import generate
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.decoding.meter import Meter
from engine.hallucination.decoding.noise import noise_for, noised
from engine.hallucination.decoding.sampling import Sampling
from engine.hallucination.decoding.vcd import VCD
from tests.engine.hallucination.tiny import case, prompts, scenes, untrained


def pictures(count=1):
    return untrained().normalize(scenes()[:count])


def spoken(strategy, seed=0, count=1):
    return generate(untrained(), strategy, pictures(count), prompts(count=count), seed=seed)


def finals(found):
    return np.stack([step.final.shares for step in found.steps[0]])


def test_without_contrast_and_cut_it_is_greedy():
    plain, none = spoken(Greedy(length=20)), spoken(VCD(length=20, alpha=0.0, beta=0.0))
    assert torch.equal(none.tokens, plain.tokens)
    assert np.array_equal(finals(none), finals(plain))
    result = VCD(length=20, alpha=0.0, beta=0.0)(case())
    assert result["answer"].ids.tolist() == plain.tokens[0].tolist()
    assert np.array_equal(result["final"].values, finals(plain))
    plain, cut = spoken(Greedy(length=20)), spoken(VCD(length=20, alpha=3.0, beta=1.0))
    assert torch.equal(cut.tokens, plain.tokens)
    plain, same = spoken(Greedy(length=8)), spoken(VCD(length=8, step=0, beta=0.0))
    assert torch.equal(plain.tokens, same.tokens)
    assert np.allclose(finals(plain), finals(same), atol=1e-2)


def test_without_contrast_and_cut_drawing_is_sampling_with_the_same_seed():
    for seed in range(3):
        plain = spoken(Sampling(length=20, temperature=0.7), seed)
        none = spoken(VCD(length=20, alpha=0.0, beta=0.0, temperature=0.7), seed)
        assert torch.equal(none.tokens, plain.tokens)


def test_scores_are_the_contrast_of_two_full_passes():
    """Both streams read the chosen words: a pass over the whole text gives the same contrast."""
    vlm, method = untrained(), VCD(length=6, alpha=1.5, beta=0.0, step=700)
    result = spoken(method, seed=4)
    clear = pictures()
    copy = noised(clear, 700, noise_for(clear, 4))
    with torch.no_grad():
        for step in range(6):
            text = torch.cat([prompts(), result.tokens[:, :step]], 1)
            strong, weak = (
                vlm.prefill(vlm.encode_image(image), text)[0].logits for image in (clear, copy)
            )
            scores = (2.5 * strong - 1.5 * weak)[0]
            assert int(scores.argmax()) == result.tokens[0, step]
            best = scores.softmax(-1)[result.steps[0][step].final.tokens.tolist()]
            assert np.allclose(best, result.steps[0][step].final.shares, atol=1e-4)


def test_the_noise_is_drawn_once_for_an_image(monkeypatch):
    """Two images are encoded for a whole answer: the clear one and one noised copy."""
    encoded = []
    plain = Meter.encode_image
    monkeypatch.setattr(
        Meter, "encode_image", lambda self, image: encoded.append(image) or plain(self, image)
    )
    spoken(VCD(length=10))
    assert len(encoded) == 2
    assert torch.equal(encoded[1], noised(encoded[0], 900, noise_for(encoded[0], 0)))


def test_noise_is_laid_on_normalized_pixels_alike_alone_and_in_a_batch():
    question = case()
    noised_frames = VCD(length=1, step=500)(question)["noised"]
    copy = noised(question.images, 500, noise_for(question.images, question.seed))
    assert np.allclose(
        noised_frames.frames[0], (copy * 0.25 + 0.5).clamp(0, 1)[0].numpy(), atol=1e-3
    )
    assert noised_frames.values.tolist() == [500]
    together = spoken(VCD(length=2), seed=3, count=3)
    for row in range(3):
        images = pictures(3)[row : row + 1]
        alone = generate(untrained(), VCD(length=2), images, prompts(), seed=3)
        weak, single = together.steps[row][0].weak, alone.steps[0][0].weak
        assert weak.tokens.tolist() == single.tokens.tolist()
        assert np.allclose(weak.shares, single.shares, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_what_both_say_alike_is_not_preferred(alpha):
    """The word that gains most is the one whose logit the noise takes most from."""
    vlm, question = untrained(), case()
    result = VCD(length=1, alpha=alpha, beta=0.0)(question)
    with torch.no_grad():
        copy = noised(question.images, 900, noise_for(question.images, 0))
        strong, weak = (
            vlm.prefill(vlm.encode_image(image), question.prompts)[0].logits[0]
            for image in (question.images, copy)
        )
    assert result["answer"].ids[0] == int((strong + alpha * (strong - weak)).argmax())
