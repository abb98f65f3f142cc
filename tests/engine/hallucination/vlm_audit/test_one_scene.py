"""One scene and one question under the audit: their answers by steps that are written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.commands.openings.hallucination import PUSHED
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination import asking
from engine.hallucination.ssr_audit.audited import SCENES, audited
from engine.hallucination.ssr_audit.network import LAYERS
from engine.hallucination.ssr_audit.one_question import EDITED, PLAIN, REROUTED, DeclinedQuestion
from engine.hallucination.ssr_audit.questions import DECLINE, NUMBER, EncodedQuestions
from engine.hallucination.vlm_audit.defenses import BLUR, JPEG, defense
from engine.hallucination.vlm_audit.one_scene import AFTER, BEFORE, CONTROL, PerturbedAnswer
from engine.hallucination.vlm_audit.phrases import GREEDY, PHRASES
from engine.vision import data as data_sets
from engine.vision.language.tiny_vlm.weights import HONEST
from engine.vision.language.tiny_vlm.words import tidy
from tests.engine.hallucination.steps import steps

METHOD = PerturbedAnswer(epsilon=16, steps=40)


@pytest.fixture(scope="module")
def case():
    return asking.about_scene(HONEST, asking.scene("broken", PUSHED), "describe the image")


@pytest.fixture(scope="module")
def result(case):
    return answer(METHOD, case)


def test_the_answer_is_that_of_steps_written_out(case, result):
    vlm = case.vlm
    text = [*vlm.tokenizer.encode("describe the image"), *vlm.tokenizer.encode(PHRASES[0]), 2]
    tokens, start = torch.tensor([[text]]), torch.tensor([[3]])
    noise = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))[0]

    def loss(pixels):
        return vlm.loss(vlm.encode_image(vlm.normalize(pixels[None])), tokens, start)

    trace = [value for value, _ in steps(loss, case.image, 16, 2 * noise - 1, 40)]
    assert result["trace"].y[:5] == pytest.approx(trace[:5], rel=1e-3, abs=1e-3)
    assert result["trace"].y[-1] == pytest.approx(trace[-1], abs=0.5)
    assert result["numbers"].cell(AFTER, "says the phrase") == 1
    assert result["numbers"].cell(BEFORE, "says the phrase") == 0
    assert result["numbers"].cell(CONTROL, "says the phrase") == 0
    assert result["numbers"]["largest change"].tolist() == [0, 16, 16]


def test_words_are_those_of_greedy_decoding_and_stay_without_room(case, result):
    before, after = (torch.from_numpy(np.array(result["picture"].images[0, at])) for at in (0, 1))
    for name, picture in ((BEFORE, before), (AFTER, after)):
        image = (picture.permute(2, 0, 1) / 255).contiguous()
        decoded = GREEDY(replace(case, image=image))["answer"]
        assert result[name].words == decoded.words
        assert result[name].probability == pytest.approx(decoded.probability, abs=1e-4)
    assert result[AFTER].text == PHRASES[0]
    assert result["phrase"].rows[:2] == ("1. in", "2. the")
    assert result["phrase"].rows[-2:] == ("8. .", "9. end")
    assert result["phrase"][AFTER][:-1] == pytest.approx(result[AFTER].probability, abs=1e-4)
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


def test_the_sentence_says_what_happened_and_whether_it_can_be_seen(case, result):
    words = METHOD.finding(case, result)
    assert words.startswith(
        f"Moving each value by at most 16/255 makes it say “{tidy(PHRASES[0])}”"
    )
    assert "noise of that size does not" in words
    assert "simulation" in words
    none = replace(METHOD, epsilon=1, steps=10)
    words = none.finding(case, none(case))
    assert "does not make it say" in words
    assert "another attack may succeed" in words
    method, shares = replace(METHOD, epsilon=64, steps=10, step=4.0), []
    for chosen_method, method_result in ((METHOD, result), (method, method(case))):
        before, after = method_result["picture"].images[0, :2].astype(float)
        share = np.sqrt(np.mean((after - before) ** 2)) / before.std()
        warning = " The change can be seen" if share >= 0.15 else ""
        warning = " The image itself is ruined by then" if share >= 0.6 else warning
        figure = f" (the change is {share:.2f} of the image's contrast)." if warning else ""
        assert chosen_method.finding(case, method_result).endswith(f"{warning}{figure}")
        shares.append(share)
    assert shares[1] > max(shares[0], 0.15)


SMALL = DeclinedQuestion(rounds=2, dial=-1.0, layer=4)


@pytest.fixture(scope="module")
def declined_case():
    return ExperimentCase(data_sets.load(SCENES))


def test_the_dial_adds_the_direction_to_the_state_of_the_last_word(declined_case):
    result, audit = answer(SMALL, declined_case), audited(declined_case)
    prompts = EncodedQuestions.of([SMALL.asked(declined_case)])
    hidden = audit.net.embed(prompts.ids)
    lens = []
    for at in range(LAYERS + 1):
        hidden = audit.net.stack[at - 1](hidden) if at else hidden
        if at == 4:
            hidden = hidden.clone()
            hidden[0, -1] -= audit.spaces.gaps[4] * audit.spaces.directions[4]
        lens.append(audit.net.logits(hidden[0, -1]).softmax(0)[DECLINE].item())
    assert result["lens"][EDITED].tolist() == pytest.approx(lens, abs=1e-4)
    plain = audit.net(prompts).softmax(1)[0]
    for word in result["answers"].rows:
        expected = plain[NUMBER[word]].item()
        assert result["answers"].cell(word, PLAIN) == pytest.approx(expected, abs=1e-4)


def test_rerouting_changes_the_note_and_the_answer_with_it(declined_case):
    result, audit = answer(SMALL, declined_case), audited(declined_case)
    note = result["notes"].rows[0].split()
    prompts = EncodedQuestions.of([SMALL.asked(declined_case)])
    other = prompts.noted(torch.tensor([[NUMBER[word] for word in note]]))
    chances = audit.net(other).softmax(1)[0]
    for word in result["answers"].rows:
        expected = chances[NUMBER[word]].item()
        assert result["answers"].cell(word, REROUTED) == pytest.approx(expected, abs=1e-4)
    losses = result["trace"].y
    assert (losses[1:] <= losses[:-1] + 1e-6).all()


def test_a_dial_at_zero_changes_nothing_and_no_note_is_sought_for_what_is_answered(declined_case):
    far, near = (SMALL.asked(declined_case), DeclinedQuestion(declined=False).asked(declined_case))
    assert far.declined
    assert near == far.twin()
    method = DeclinedQuestion(rounds=1, dial=0.0)
    result = answer(method, declined_case)
    table = result["answers"]
    assert table[EDITED].tolist() == pytest.approx(table[PLAIN].tolist(), abs=1e-6)
    assert method.asked(declined_case).text in method.finding(declined_case, result)
    method = DeclinedQuestion(rounds=2, declined=False)
    result = answer(method, declined_case)
    assert result["notes"]["tried"][0] == 1
    assert "no note is sought" in method.finding(declined_case, result)
    assert "no note was found" not in method.finding(declined_case, result)
