"""The audit's steps stay in their ball exactly, follow the phrase alone, and leave ε = 0 alone."""

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from engine.evaluation.measures.levels import levels_of, levels_to_pixels
from engine.hallucination.vlm_audit import defenses, perturb, phrases
from engine.vision.language.tiny_vlm.weights import HONEST, load
from engine.vision.language.tiny_vlm.words import EOS, PAD
from tests.engine.hallucination import tiny
from tests.in_memory import written

PROMPT = "describe the image"


@pytest.fixture(scope="module")
def vlm():
    return load(HONEST)


@pytest.fixture(scope="module")
def levels():
    return levels_of(tiny.scenes(3, "broken", 1000))


@pytest.fixture(scope="module")
def moved(vlm, levels):
    return pushed(vlm, levels, perturb.Bound(16, 60, 1.0))


def pushed(vlm, levels, bound):
    loss = perturb.of_phrases(vlm, phrases.taught([PROMPT] * 3, phrases.PHRASES[:3]))
    return perturb.perturbed(levels, loss, bound, torch.Generator().manual_seed(0))


def test_every_phrase_is_of_the_models_own_words_and_none_is_said_of_itself(vlm, levels):
    for phrase in (*phrases.PHRASES, *phrases.COLORED):
        assert vlm.tokenizer.decode(vlm.tokenizer.encode(phrase)) == phrase
    spoken = phrases.answers(vlm, levels_to_pixels(levels), [PROMPT] * 3)
    assert not any(any(phrases.matches_phrase(spoken, [phrase] * 3)) for phrase in phrases.PHRASES)


def test_the_loss_is_that_of_the_answer_and_its_end_alone(vlm, levels):
    targets = phrases.taught([PROMPT, PROMPT], ["unknown", "a white cup on the table"])
    assert [int(count) for count in (targets.tokens == EOS).sum((1, 2))] == [1, 1]
    both = phrases.losses(vlm, levels_to_pixels(levels[:2]), targets)
    for row in range(2):
        alone = targets.take(torch.tensor([row]))
        assert not (alone.tokens == PAD).any()
        image = vlm.encode_image(vlm.normalize(levels_to_pixels(levels[row : row + 1])))
        expected = vlm.loss(image, alone.tokens, alone.start).item()
        assert both[row].item() == pytest.approx(expected, abs=1e-4)
        out, _ = vlm.prefill(image, alone.tokens[0, :, : int(alone.start)])
        nats = []
        for token in alone.tokens[0, 0, int(alone.start) :].tolist():
            nats.append(-out.logits.log_softmax(-1)[0, token].item())
            out = vlm.step(torch.tensor([token]), out.cache)
        assert both[row].item() == pytest.approx(sum(nats) / len(nats), abs=1e-4)


def test_the_change_stays_in_the_ball_the_loss_falls_and_without_room_nothing_moves(
    levels, moved, vlm
):
    assert moved.change.dtype == torch.int16
    assert moved.change.abs().max() == 16
    changed = levels + moved.change
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert torch.equal(levels_of(levels_to_pixels(changed)), changed)
    means = perturb.block_means(moved.trace[:60], 20)
    assert len(means) == 3
    assert (means[1:] <= means[:-1]).all()
    assert moved.trace[-1] < 0.5 * moved.trace[0]
    targets = phrases.taught([PROMPT] * 3, phrases.PHRASES[:3])
    still = pushed(vlm, levels, perturb.Bound(0, 10, 1.0))
    assert not still.change.any()
    expected = [phrases.losses(vlm, levels_to_pixels(levels), targets).mean().item()]
    assert still.trace.tolist() == pytest.approx(expected, abs=1e-5)


def test_many_images_are_passed_in_parts_and_the_slope_is_the_same(vlm, levels, monkeypatch):
    loss = perturb.of_phrases(vlm, phrases.taught([PROMPT] * 3, phrases.PHRASES[:3]))
    given = loss, levels_to_pixels(levels), [defenses.defense(defenses.BLUR, 3)]
    whole = perturb.losses_and_slopes(*given)
    monkeypatch.setattr(perturb, "TOGETHER", 2)
    parts = perturb.losses_and_slopes(*given)
    assert torch.allclose(whole[0], parts[0], atol=1e-5)
    assert torch.allclose(whole[1], parts[1], atol=1e-6)


def test_noise_and_defenses_grow_with_their_strength_and_jpeg_is_the_file_s(levels):
    noise = perturb.noisy(levels, 8, torch.Generator().manual_seed(0))
    changed = levels + noise
    assert ((noise.abs() == 8) | (changed == 0) | (changed == 255)).all()
    assert abs((noise > 0).double().mean() - 0.5) < 0.1
    pixels = levels_to_pixels(levels)
    assert torch.equal(defenses.defense(defenses.DEFENSES[0], 5)(pixels), pixels)
    for name in (defenses.JPEG, defenses.BLUR):
        lost = [(defenses.defense(name, at)(pixels) - pixels).abs().mean() for at in range(1, 6)]
        assert lost == sorted(lost)
        assert lost[0] > 0
    assert torch.equal(defenses.defense(defenses.BLUR, 3)(pixels), defenses.blurred(pixels, 0.8))
    pixels = levels_to_pixels(levels).requires_grad_()
    recoded_pixels = defenses.defense(defenses.JPEG, 3)(pixels)
    image = Image.fromarray(levels[1].numpy().astype(np.uint8).transpose(1, 2, 0))
    file = BytesIO(written(image.save, "JPEG", quality=defenses.QUALITY[2]))
    back = np.asarray(Image.open(file)).transpose(2, 0, 1) / np.float32(255)
    assert np.allclose(recoded_pixels[1].detach().numpy(), back, atol=1e-6)
    weights = torch.rand(recoded_pixels.shape, generator=torch.Generator().manual_seed(0))
    (slope,) = torch.autograd.grad((weights * recoded_pixels).sum(), pixels)
    assert torch.equal(slope, weights)


def test_the_detector_asks_how_much_less_likely_the_own_answer_is_after_jpeg(vlm, levels):
    pixels = levels_to_pixels(levels)
    spoken = phrases.answers(vlm, pixels, [PROMPT] * 3)
    scores = defenses.disagreement(vlm, pixels, [PROMPT] * 3, spoken)
    targets = phrases.taught([PROMPT] * 3, [" ".join(words) for words in spoken])
    again = defenses.recoded(pixels, defenses.QUALITY[1])
    expected = phrases.losses(vlm, again, targets) - phrases.losses(vlm, pixels, targets)
    assert scores == pytest.approx(expected.numpy(), abs=1e-5)
