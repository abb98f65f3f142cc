"""Visual contrastive decoding: the contrast, its cut, the noise, both streams, the margins."""

from math import exp, log, sqrt

import numpy as np
import pytest
import torch

from engine.evaluation.language.greedy import Greedy
from engine.hallucination.decoding.contrast import contrast_logits, plausible
from engine.hallucination.decoding.sampling import Sampling
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.measures.noise_steps import DEPTHS, NoiseSteps, margins
from engine.vision.language.decoding.generate import generate
from engine.vision.language.decoding.meter import Meter
from engine.vision.language.decoding.noise import STEPS, alpha_bar, noise_for, noised
from tests.engine.hallucination.tiny import case, pictures, prompts, untrained


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
    plain, same = spoken(Greedy(length=8)), spoken(VCD(length=8, step=0, beta=0.0))
    assert torch.equal(plain.tokens, same.tokens)
    assert np.allclose(finals(plain), finals(same), atol=1e-2)
    for seed in range(3):
        plain = spoken(Sampling(length=20, temperature=0.7), seed)
        none = spoken(VCD(length=20, alpha=0.0, beta=0.0, temperature=0.7), seed)
        assert torch.equal(none.tokens, plain.tokens)


@pytest.mark.parametrize("alpha", [0.5, 1.5, 2.0])
def test_scores_are_the_contrast_of_two_full_passes(alpha):
    """Both streams read the chosen words: a pass over the whole text gives the same contrast."""
    vlm, method = untrained(), VCD(length=6, alpha=alpha, beta=0.0, step=700)
    result = spoken(method, seed=4)
    clear = pictures()
    copy = noised(clear, 700, noise_for(clear, 4))
    for step in range(6):
        text = torch.cat([prompts(), result.tokens[:, :step]], 1)
        strong, weak = (vlm.prefill(vlm.encode_image(x), text)[0].logits for x in (clear, copy))
        scores = ((1 + alpha) * strong - alpha * weak)[0]
        assert int(scores.argmax()) == result.tokens[0, step]
        best = scores.softmax(-1)[result.steps[0][step].final.tokens.tolist()]
        assert np.allclose(best, result.steps[0][step].final.shares, atol=1e-4)


def test_noise_is_laid_once_on_normalized_pixels_alike_in_a_batch(monkeypatch):
    question = case()
    noisy = VCD(length=1, step=500)(question)["noised"]
    copy = noised(question.images, 500, noise_for(question.images, question.seed))
    assert np.allclose(noisy.frames[0], (copy * 0.25 + 0.5).clamp(0, 1)[0].numpy(), atol=1e-3)
    assert noisy.values.tolist() == [500]
    together = spoken(VCD(length=2), seed=3, count=3)
    for row in range(3):
        alone = generate(untrained(), VCD(length=2), pictures(3)[row : row + 1], prompts(), seed=3)
        weak, single = together.steps[row][0].weak, alone.steps[0][0].weak
        assert weak.tokens.tolist() == single.tokens.tolist()
        assert np.allclose(weak.shares, single.shares, atol=1e-5)
    encoded = []
    plain = Meter.encode_image
    monkeypatch.setattr(Meter, "encode_image", lambda m, x: encoded.append(x) or plain(m, x))
    spoken(VCD(length=10))
    assert len(encoded) == 2
    assert torch.equal(encoded[1], noised(encoded[0], 900, noise_for(encoded[0], 0)))


STRONG = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
WEAK = torch.randn(3, 20, generator=torch.Generator().manual_seed(1))


def test_the_contrast_and_its_cut_are_the_identities():
    assert torch.equal(contrast_logits(STRONG, WEAK, 1.0, 0.0, 0.0), STRONG)
    for alpha in (0.5, 1.0, 3.0):
        same = contrast_logits(STRONG, STRONG, 1 + alpha, alpha, 0.0)
        assert torch.allclose(same, STRONG, atol=1e-5)
    plain = contrast_logits(STRONG, WEAK, 2.0, 1.0, 0.1).softmax(-1)
    moved = contrast_logits(STRONG + 3, WEAK - 7, 2.0, 1.0, 0.1).softmax(-1)
    assert torch.allclose(plain, moved, atol=1e-5)
    left = contrast_logits(STRONG, WEAK, 2.0, 1.0, 1.0).isfinite()
    assert left.sum(-1).tolist() == [1, 1, 1]
    assert left.float().argmax(-1).tolist() == STRONG.argmax(-1).tolist()
    shares = STRONG.softmax(-1)
    assert torch.equal(plausible(STRONG, 0.1), shares >= 0.1 * shares.amax(-1, keepdim=True))
    assert plausible(torch.tensor([0.0, log(0.2), log(0.05)]), 0.1).tolist() == [True, True, False]
    strong, weak = torch.tensor([4.0, 3.5, -4.0]), torch.tensor([4.0, 3.0, -40.0])
    assert contrast_logits(strong, weak, 2.0, 1.0, 0.0).argmax() == 2
    cut = contrast_logits(strong, weak, 2.0, 1.0, 0.1)
    assert cut[2] == -torch.inf
    assert cut.argmax() == 0
    assert cut[:2].tolist() == [4.0, 4.0]


@pytest.mark.parametrize(
    ("step", "signal", "noise"),
    [
        (300, 0.981, 0.194),
        (500, 0.863, 0.505),
        (700, 0.593, 0.805),
        (900, 0.365, 0.931),
        (999, 0.285, 0.959),
    ],
)
def test_signal_and_noise_are_the_published_factors(step, signal, noise):
    clear = torch.ones(1, 3, 2, 2)
    shown = noised(clear, step, torch.zeros_like(clear))
    hidden = noised(torch.zeros_like(clear), step, torch.ones_like(clear))
    assert shown[0, 0, 0, 0].item() == pytest.approx(signal, abs=6e-4)
    assert hidden[0, 0, 0, 0].item() == pytest.approx(noise, abs=6e-4)


def test_noise_is_that_of_the_schedule_and_of_each_image():
    left, slowly = 1.0, []
    for step in range(STEPS):
        beta = (0.5e-2 - 1e-5) / (1 + exp(6 - 12 * step / (STEPS - 1))) + 1e-5
        left *= 1 - beta
        slowly.append(left)
    assert torch.allclose(alpha_bar(), torch.tensor(slowly), atol=1e-5)
    assert (alpha_bar().diff() < 0).all()
    assert sqrt(1 - slowly[0]) == pytest.approx(0.005, abs=1e-3)
    images = torch.randn(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    both = noised(images, torch.tensor([0, 500, 999]), noise)
    for row, step in enumerate((0, 500, 999)):
        alone = noised(images[row : row + 1], step, noise[row : row + 1])
        assert torch.equal(both[row : row + 1], alone)
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    together = noise_for(images, 7)
    for at in (0, 2):
        assert torch.equal(together[at], noise_for(images[at : at + 1], 7)[0])
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together, noise_for(images, 8))
    assert torch.equal(noise_for(images.flip(0), 7), together.flip(0))


QUESTION = "is there a boat"


@pytest.mark.parametrize("step", [0, 500, 900])
def test_the_contrasted_margin_is_that_of_vcd_itself(step):
    question = case(QUESTION, seed=3)
    result = NoiseSteps(alpha=1.5, draws=2)(question)["margins"]
    vcd = VCD(alpha=1.5, beta=0.0, step=step, length=1)
    scores = {}

    class Watching(type(vcd)):
        def session(self, start):
            decoding_session = super().session(start)
            propose = decoding_session.propose

            def seen(now):
                proposal = propose(now)
                scores["first"] = proposal.scores[0]
                return proposal

            decoding_session.propose = seen
            return decoding_session

    watching = Watching(**vcd.settings())
    generate(question.vlm, watching, question.images, question.prompts, seed=question.seed)
    spec = question.vlm.spec
    z = scores["first"]
    margin = z[list(spec.yes)].logsumexp(-1) - z[list(spec.no)].logsumexp(-1)
    assert result["first"][DEPTHS.index(step)] == pytest.approx(float(margin), abs=1e-4)


def test_without_noise_or_strength_nothing_is_subtracted_and_margins_are_log_odds():
    result = NoiseSteps(draws=2)(case(QUESTION))["margins"]
    assert abs(result["hidden"][0] - result["clear"][0]) < 0.02
    assert abs(result["contrasted"][0] - result["clear"][0]) < 0.02
    assert np.ptp(result["clear"]) == 0
    result = NoiseSteps(alpha=0.0, draws=3)(case(QUESTION))["margins"]
    assert (result["lowest"] <= result["hidden"] + 1e-6).all()
    assert (result["hidden"] <= result["highest"] + 1e-6).all()
    assert (result["highest"] > result["lowest"])[-1]
    np.testing.assert_allclose(result["contrasted"], result["clear"], atol=1e-6)
    question = case(QUESTION)
    out, _ = question.vlm.prefill(question.vlm.encode_image(question.images), question.prompts)
    shares, spec = out.logits.softmax(-1)[0], question.vlm.spec
    odds = shares[list(spec.yes)].sum() / shares[list(spec.no)].sum()
    margin = margins(question.vlm, question.images, question.prompts)[0]
    torch.testing.assert_close(margin, odds.log(), atol=1e-5, rtol=1e-5)
