"""Beam search against enumeration, against a plain version of itself, and against greedy."""

from itertools import product

import pytest
import torch

from engine.hallucination.decoding.beam import Beam
from engine.hallucination.decoding.generate import generate
from engine.hallucination.decoding.greedy import Greedy
from tests.engine.hallucination.scripted import EOS, Scripted, answered, table
from tests.engine.hallucination.tiny import case, prompts, scenes, untrained

PROMPT = torch.tensor([[3, 4]])
PICTURE = torch.zeros(1, 3, 2, 2)


def answer_tokens(spoken, row=0):
    """The words of an answer, the end included, as a list."""
    tokens = spoken.tokens[row].tolist()
    return tokens[: tokens.index(EOS) + 1] if EOS in tokens else tokens


def every_answer(speak, words, length):
    """Each possible answer with its sum of log-probabilities, by hand."""
    results = {}
    for tokens in product(range(2, words), repeat=length):
        cut = tokens.index(EOS) + 1 if EOS in tokens else length
        text, total = PROMPT.clone(), 0.0
        for token in tokens[:cut]:
            total += speak(text)[0].log_softmax(-1)[token].item()
            text = torch.cat([text, torch.tensor([[token]])], 1)
        results[tokens[:cut]] = total
    return results


@pytest.mark.parametrize("seed", range(6))
def test_nothing_likelier_can_be_said(seed):
    """Three words that may come and four steps: eight beams leave nothing out."""
    speak = table(5, seed)
    spoken = generate(Scripted(5, speak), Beam(beams=8, length=4, penalty=0.0), PICTURE, PROMPT)
    result = every_answer(speak, 5, 4)
    assert tuple(answer_tokens(spoken)) == max(result, key=result.get)
    beam_answer = answered(Beam(beams=8, length=4, penalty=0.0), Scripted(5, speak))["answer"]
    assert (*beam_answer.ids, *[EOS] * beam_answer.ended) == max(result, key=result.get)


def test_a_search_can_find_more_than_greedy():
    better = 0
    for seed in range(6):
        model, result = Scripted(5, table(5, seed)), every_answer(table(5, seed), 5, 4)
        greedy = tuple(answer_tokens(generate(model, Greedy(length=4), PICTURE, PROMPT)))
        search = Beam(beams=8, length=4, penalty=0.0)
        best = tuple(answer_tokens(generate(model, search, PICTURE, PROMPT)))
        assert result[best] >= result[greedy]
        better += result[best] > result[greedy]
    assert better


def plainly(speak, beams, length, penalty):
    """Beam search in lists, one answer at a time."""
    going, aside = [(0.0, [])], []
    for step in range(1, length + 1):
        grown = []
        for total, words in going:
            text = torch.cat([PROMPT, torch.tensor([words], dtype=torch.int64)], 1)
            shares = speak(text)[0].log_softmax(-1).tolist()
            grown += [(total + share, [*words, token]) for token, share in enumerate(shares)]
        grown = sorted(grown, key=lambda beam: -beam[0])[: 2 * beams]
        for total, words in grown[:beams]:
            if words[-1] == EOS:
                aside.append((total / step**penalty, words))
        aside = sorted(aside, key=lambda beam: -beam[0])[:beams]
        going = [beam for beam in grown if beam[1][-1] != EOS][:beams]
        if len(aside) == beams and aside[-1][0] >= grown[0][0] / step**penalty:
            return aside[0][1]
    aside += [(total / length**penalty, words) for total, words in going]
    return max(aside, key=lambda beam: beam[0])[1]


@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("beams", [1, 2, 3])
def test_it_is_the_search_written_plainly(beams, penalty):
    for seed in range(8):
        speak = table(12, seed, spread=1.5)
        search = Beam(beams=beams, length=9, penalty=penalty)
        spoken = generate(Scripted(12, speak), search, PICTURE, PROMPT)
        assert answer_tokens(spoken) == plainly(speak, beams, 9, penalty)


def test_three_pictures_at_once_are_searched_as_alone():
    vlm, search = untrained(), Beam(length=6)
    images = vlm.normalize(scenes()[:3])
    together = generate(vlm, search, images, prompts(count=3), record=False)
    for row in range(3):
        alone = generate(vlm, search, images[row : row + 1], prompts())
        assert answer_tokens(together, row) == answer_tokens(alone)


def test_the_answers_that_were_found_are_shown_best_first():
    result = Beam(length=5)(case())
    beams = result["beams"]
    assert len(beams) == 3
    assert sorted(beams["score"], reverse=True) == beams["score"].tolist()
    assert beams.notes[0] == result["answer"].text
    shares = result["answer"].probability
    assert beams["log-probability"][0] == pytest.approx(
        float(torch.log(torch.from_numpy(shares.copy())).sum()), abs=1e-4
    )
