"""One scene under the audit: its answers by steps that are written out, and its sentence."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.hallucination import asking
from engine.hallucination.experiments.defenses import BLUR, JPEG, defense
from engine.hallucination.experiments.one_scene import AFTER, BEFORE, CONTROL, PerturbedAnswer
from engine.hallucination.experiments.phrases import GREEDY, PHRASES
from engine.hallucination.opening import PUSHED
from engine.hallucination.tiny_vlm.weights import HONEST
from engine.hallucination.tiny_vlm.words import tidy
from engine.run import answer

METHOD = PerturbedAnswer(epsilon=16, steps=40)


@pytest.fixture(scope="module")
def case():
    return asking.about_scene(HONEST, asking.scene("broken", PUSHED), "describe the image")


@pytest.fixture(scope="module")
def found(case):
    return answer(METHOD, case)


def test_the_answer_is_that_of_steps_written_out(case, found):
    vlm, clean = case.vlm, case.image
    text = [*vlm.tokenizer.encode("describe the image"), *vlm.tokenizer.encode(PHRASES[0]), 2]
    tokens, start = torch.tensor([[text]]), torch.tensor([[3]])
    noise = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))[0]
    radius = 16 / 255
    now = (clean + radius * (2 * noise - 1)).clamp(0, 1)
    trace = []
    for _ in range(41):
        leaf = now.clone().requires_grad_()
        loss = vlm.loss(vlm.encode_image(vlm.normalize(leaf[None])), tokens, start)
        trace.append(loss.item())
        (slope,) = torch.autograd.grad(loss, leaf)
        now = (now - slope.sign() / 255).clamp(clean - radius, clean + radius).clamp(0, 1)
    assert found["trace"].y[:5] == pytest.approx(trace[:5], rel=1e-3, abs=1e-3)
    assert found["trace"].y[-1] == pytest.approx(trace[-1], abs=0.5)
    assert found["numbers"].cell(AFTER, "says the phrase") == 1
    assert found["numbers"].cell(BEFORE, "says the phrase") == 0
    assert found["numbers"].cell(CONTROL, "says the phrase") == 0
    assert found["numbers"]["largest change"].tolist() == [0, 16, 16]


def test_the_words_are_those_of_greedy_decoding_about_both_8_bit_pictures(case, found):
    before, after = (torch.from_numpy(np.array(found["picture"].images[0, at])) for at in (0, 1))
    for name, picture in ((BEFORE, before), (AFTER, after)):
        image = (picture.permute(2, 0, 1) / 255).contiguous()
        decoded = GREEDY(replace(case, image=image))["answer"]
        assert found[name].words == decoded.words
        assert found[name].probability == pytest.approx(decoded.probability, abs=1e-4)
    assert found[AFTER].text == PHRASES[0]
    assert found["phrase"].rows[:2] == ("1. in", "2. the")
    assert found["phrase"].rows[-2:] == ("8. .", "9. end")
    assert found["phrase"][AFTER][:-1] == pytest.approx(found[AFTER].probability, abs=1e-4)


def test_without_room_the_answer_is_the_same(case):
    still = replace(METHOD, epsilon=0)(case)
    assert still[BEFORE].words == still[AFTER].words
    assert np.array_equal(still["picture"].images[0, 0], still["picture"].images[0, 1])
    assert PerturbedAnswer(epsilon=0).finding(case, still).startswith("Nothing is changed")


def test_a_defense_is_between_every_picture_and_the_model(case):
    result = replace(METHOD, against=BLUR, strength=4)(case)
    way = defense(BLUR, 4)
    decoded = GREEDY(replace(case, image=way(case.image[None])[0]))["answer"]
    assert result[BEFORE].words == decoded.words
    knows = replace(METHOD, against=JPEG, knows=True)(case)
    unaware = replace(METHOD, against=JPEG)(case)
    nats = [outcome["numbers"].cell(AFTER, "loss of the phrase") for outcome in (knows, unaware)]
    assert nats[0] < nats[1]


def test_the_sentence_says_what_happened_and_that_it_is_a_simulation(case, found):
    words = METHOD.finding(case, found)
    assert words.startswith(
        f"Moving each value by at most 16/255 makes it say “{tidy(PHRASES[0])}”"
    )
    assert "noise of that size does not" in words
    assert "simulation" in words
    none = replace(METHOD, epsilon=1, steps=10)
    words = none.finding(case, none(case))
    assert "does not make it say" in words
    assert "another attack may succeed" in words


def test_a_change_that_can_be_seen_or_ruins_the_picture_is_said_to(case, found):
    method, shares = replace(METHOD, epsilon=64, steps=10, step=4.0), []
    for chosen_method, result in ((METHOD, found), (method, method(case))):
        before, after = (picture.astype(float) for picture in result["picture"].images[0, :2])
        share = np.sqrt(np.mean((after - before) ** 2)) / before.std()
        warning = " The change can be seen" if share >= 0.15 else ""
        warning = " The image itself is ruined by then" if share >= 0.6 else warning
        figure = f" (the change is {share:.2f} of the image's contrast)." if warning else ""
        assert chosen_method.finding(case, result).endswith(f"{warning}{figure}")
        shares.append(share)
    assert shares[1] > max(shares[0], 0.15)
