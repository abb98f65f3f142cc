"""One question: the dial, the lens and the note."""

import pytest
import torch

from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.hallucination.experiments.one_question import EDITED, PLAIN, REROUTED, DeclinedQuestion
from engine.hallucination.refusal.audited import SCENES, audited
from engine.hallucination.refusal.network import LAYERS
from engine.hallucination.refusal.questions import DECLINE, NUMBER, EncodedQuestions
from engine.run import answer

SMALL = DeclinedQuestion(rounds=2, dial=-1.0, layer=4)


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(data_sets.load(SCENES))


def test_the_dial_adds_the_direction_to_the_state_of_the_last_word(case):
    result, audit = answer(SMALL, case), audited(case)
    prompts = EncodedQuestions.of([SMALL.asked(case)])
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


def test_rerouting_changes_the_note_and_the_answer_with_it(case):
    result, audit = answer(SMALL, case), audited(case)
    note = result["notes"].rows[0].split()
    prompts = EncodedQuestions.of([SMALL.asked(case)])
    other = prompts.noted(torch.tensor([[NUMBER[word] for word in note]]))
    chances = audit.net(other).softmax(1)[0]
    for word in result["answers"].rows:
        expected = chances[NUMBER[word]].item()
        assert result["answers"].cell(word, REROUTED) == pytest.approx(expected, abs=1e-4)
    losses = result["trace"].y
    assert (losses[1:] <= losses[:-1] + 1e-6).all()


def test_a_dial_at_zero_changes_nothing_and_the_other_side_is_to_be_answered(case):
    far, near = SMALL.asked(case), DeclinedQuestion(declined=False).asked(case)
    assert far.declined
    assert near == far.twin()
    method = DeclinedQuestion(rounds=1, dial=0.0)
    result = answer(method, case)
    table = result["answers"]
    assert table[EDITED].tolist() == pytest.approx(table[PLAIN].tolist(), abs=1e-6)
    assert method.asked(case).text in method.finding(case, result)


def test_no_note_is_sought_for_what_is_answered_and_the_sentence_says_so(case):
    method = DeclinedQuestion(rounds=2, declined=False)
    result = answer(method, case)
    assert result["notes"]["tried"][0] == 1
    assert "no note is sought" in method.finding(case, result)
    assert "no note was found" not in method.finding(case, result)
