"""The loop: what is said, what is recorded, what it costs, and that neutral settings are greedy."""

from itertools import product

import numpy as np
import pytest
import torch

from engine.evaluation.language.greedy import Greedy
from engine.hallucination.decoding.beam import Beam
from engine.hallucination.decoding.dola import DoLa
from engine.hallucination.decoding.opera import OPERA
from engine.hallucination.decoding.sampling import Sampling, nucleus
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.vasparse.strategy import VASparse
from engine.vision.language.decoding.generate import generate
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.parts import parts_copy
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.scripted import EOS, PAD, Scripted, answered, table
from tests.engine.hallucination.tiny import case, pictures, prompts, untrained

PROMPT = torch.tensor([[3, 4]])
PICTURE = torch.zeros(1, 3, 2, 2)
NEUTRAL = [
    Beam(beams=1),
    VCD(alpha=0.0, beta=0.0),
    VCD(beta=1.0),
    DoLa(cut=1.0),
    OPERA(beams=1, weight=0.0, threshold=None),
    VASparse(keep=1.0, visual=0.0, eta=0.0, gamma=0.0),
    OPERA(beams=1, candidates=1, threshold=None),
]
"""Settings with which a method does nothing."""


def script(text, words=8):
    """A model that always says the same words, whatever was asked."""
    prompt_length = 2

    def speak(tokens):
        logits = torch.zeros(len(tokens), words)
        logits[:, text[min(tokens.shape[1] - prompt_length, len(text) - 1)]] = 5.0
        return logits

    return Scripted(words, speak)


def test_greedy_takes_the_likeliest_word():
    vlm, prompt = untrained(), prompts()
    image = vlm.encode_image(pictures())
    text, shares = prompt, []
    for _ in range(12):
        share, best = vlm.prefill(image, text)[0].logits.softmax(-1).max(-1)
        text, shares = torch.cat([text, best[:, None]], 1), [*shares, share.item()]
    spoken = generate(vlm, Greedy(length=12), pictures(), prompt)
    assert spoken.tokens.tolist() == text[:, prompt.shape[1] :].tolist()
    result = Greedy(length=12)(case())["answer"]
    assert result.ids.tolist() == text[0, prompt.shape[1] :].tolist()
    assert result.probability.tolist() == pytest.approx(shares, rel=1e-4)


@pytest.mark.parametrize("neutral", NEUTRAL, ids=repr)
def test_with_neutral_settings_a_method_is_greedy(neutral):
    for row, prompt in enumerate(("describe the image", "is there a boat", "describe closely")):
        question = case(prompt, row)
        other = type(neutral)(**neutral.settings() | {"length": 24})(question)
        plain = Greedy(length=24)(question)
        assert other["answer"].ids.tolist() == plain["answer"].ids.tolist()
        assert np.allclose(other["strong"].values, plain["strong"].values, atol=1e-6)


def test_words_are_drawn_by_their_probability():
    """χ² of 4000 first words, and of 960 words of answers, lies below its 99.99 % point."""
    probabilities = torch.tensor([0.4, 0.3, 0.2, 0.1])
    logits = torch.full((8,), -torch.inf)
    logits[3:7] = probabilities.log()
    model = Scripted(8, lambda tokens: logits.expand(len(tokens), -1))
    images, prompt = torch.zeros(4000, 3, 2, 2), torch.tensor([[3, 4]]).repeat(4000, 1)
    spoken = generate(model, Sampling(length=1), images, prompt, record=False, seed=3)
    counts = torch.bincount(spoken.tokens[:, 0], minlength=8)[3:7]
    assert counts.sum() == 4000
    assert ((counts - 4000 * probabilities).square() / (4000 * probabilities)).sum() < 21.1
    drawn = [answered(Sampling(length=48), model, seed)["answer"].ids for seed in range(20)]
    counts = torch.bincount(torch.tensor(np.concatenate(drawn)), minlength=8)[3:7]
    assert counts.sum() == 960
    assert ((counts - 960 * probabilities).square() / (960 * probabilities)).sum() < 21.1
    vlm = untrained()
    cold = generate(vlm, Sampling(length=10, temperature=0.1, top=0.05), pictures(), prompts())
    plain = generate(vlm, Greedy(length=10), pictures(), prompts())
    assert cold.tokens.tolist() == plain.tokens.tolist()
    drawn = {
        tuple(
            generate(vlm, Sampling(length=6), pictures(), prompts(), seed=seed).tokens[0].tolist()
        )
        for seed in (0, 0, 1, 2)
    }
    assert len(drawn) == 3


@pytest.mark.parametrize(("share", "left"), [(0.3, 1), (0.4, 1), (0.5, 2), (0.95, 4), (1.0, 4)])
def test_the_nucleus_is_the_fewest_words_that_reach_the_share(share, left):
    logits = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log()
    filtered = nucleus(logits, share)[0]
    assert int(filtered.isfinite().sum()) == left
    order = [1, 3, 2, 0][:left]
    assert torch.equal(filtered[order], logits[0, order])


@pytest.mark.parametrize("kind", [Greedy, Beam, VCD, DoLa], ids=lambda kind: kind.name)
def test_three_pictures_at_once_are_answered_as_alone(kind):
    vlm, strategy = untrained(), kind(length=8)
    images = pictures(3)
    together = generate(vlm, strategy, images, prompts(count=3), record=False)
    for row in range(3):
        alone = generate(vlm, strategy, images[row : row + 1], prompts(), record=False)
        assert together.tokens[row].tolist() == alone.tokens[0].tolist()


def test_the_record_holds_the_best_words_and_where_they_looked():
    result = Greedy(length=4)(case())
    spoken = generate(untrained(), Greedy(length=4), pictures(), prompts())
    expected = tuple(untrained().tokenizer.convert_ids_to_tokens(spoken.tokens[0].tolist()))
    assert result["answer"].words == expected
    assert result["strong"].classes[:, 0].tolist() == spoken.tokens[0].tolist()
    assert np.array_equal(result["final"].values, result["strong"].values)
    assert np.allclose(result["strong"].values[:, 0], result["answer"].probability)
    image = untrained().encode_image(pictures())
    shares = untrained().prefill(image, prompts())[0].logits[0].softmax(-1)
    assert result["answer"].probability[0] == pytest.approx(shares.max().item(), abs=1e-6)
    assert result["answer"].entropy[0] == pytest.approx(
        float(-(shares * shares.log()).sum()), abs=1e-5
    )
    assert "weak" not in result
    assert "weak" in VCD(length=2)(case())
    vlm, prompt = untrained(), prompts()
    spoken = generate(vlm, Greedy(length=3), pictures(), prompt)
    text = torch.cat([prompt, spoken.tokens[:, :2]], 1)
    image = vlm.encode_image(pictures())
    full = vlm.prefill(image, text, RequestedOutputs(attention=(0, 1, 2), rows="all"))[0].attention
    for step, place in enumerate(range(67, 70)):
        attention = torch.stack([full[layer][0, :, place, 1:65] for layer in range(3)])
        assert np.allclose(spoken.steps[0][step].looks, attention.numpy(), atol=1e-5)


def test_what_an_answer_costs_is_counted_and_a_long_winded_one_is_twice_as_long():
    """Four words: the image and prompt at once, then three words of one token each."""
    spoken = generate(untrained(), Greedy(length=4), pictures(), prompts())
    assert spoken.calls == 4
    assert spoken.read == 68 + 3
    assert spoken.looked == 3 * (68 * 68 + 69 + 70 + 71)
    twice = generate(untrained(), VCD(length=4), pictures(), prompts())
    assert (twice.calls, twice.read) == (8, 2 * 71)
    long = TinyVLM(parts_copy(untrained().parts, wordy=2), "long", "long")
    plain, twice = (
        generate(vlm, Greedy(length=6), pictures(), prompts()).tokens[0].tolist()
        for vlm in (untrained(), long)
    )
    assert (len(plain), len(twice)) == (6, 12)
    assert twice[:6] == plain
    room = long.spec.context - 1 - 64 - prompts().shape[1]
    most = generate(long, Greedy(length=64), pictures(), prompts()).tokens
    assert most.shape[1] == min(128, room)


def test_an_answer_ends_with_its_end_or_the_context_and_is_padded_behind():
    spoken = generate(script([5, 6, EOS, 7]), Greedy(), PICTURE, PROMPT)
    assert spoken.tokens.tolist() == [[5, 6, EOS]]
    assert spoken.ended.tolist() == [True]
    assert [step.token for step in spoken.steps[0]] == [5, 6]
    assert spoken.calls == 3
    cut = generate(script([5, 6, EOS, 7]), Greedy(length=2), PICTURE, PROMPT)
    assert cut.tokens.tolist() == [[5, 6]]
    assert cut.ended.tolist() == [False]
    model = script([5])
    spoken = generate(Scripted(8, model.speak, context=10), Greedy(), PICTURE, PROMPT)
    assert spoken.tokens.shape == (1, 10 - 7)
    shares = []
    report = lambda done, _words="", _partial=None: shares.append(done)  # noqa: E731
    generate(script([5, EOS]), Greedy(), PICTURE, PROMPT, progress=report)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    speak = table(9, seed=2, spread=3.0)
    model, prompt = Scripted(9, speak), torch.tensor([[3, 4], [4, 7], [5, 6], [8, 8]])
    spoken = generate(model, Greedy(length=20), torch.zeros(4, 3, 2, 2), prompt)
    assert spoken.ended.any()
    for row, tokens in enumerate(spoken.tokens.tolist()):
        words = tokens[: tokens.index(EOS)] if EOS in tokens else tokens
        assert all(token == PAD for token in tokens[len(words) + 1 :])
        assert [step.token for step in spoken.steps[row]] == words


def answer_tokens(spoken, row=0):
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


def test_a_search_can_find_more_than_greedy_and_shows_the_best_first():
    better = 0
    for seed in range(6):
        model, result = Scripted(5, table(5, seed)), every_answer(table(5, seed), 5, 4)
        greedy = tuple(answer_tokens(generate(model, Greedy(length=4), PICTURE, PROMPT)))
        search = Beam(beams=8, length=4, penalty=0.0)
        best = tuple(answer_tokens(generate(model, search, PICTURE, PROMPT)))
        assert result[best] >= result[greedy]
        better += result[best] > result[greedy]
    assert better
    result = Beam(length=5)(case())
    beams = result["beams"]
    assert len(beams) == 3
    assert sorted(beams["score"], reverse=True) == beams["score"].tolist()
    assert beams.notes[0] == result["answer"].text
    expected = float(torch.log(torch.from_numpy(result["answer"].probability.copy())).sum())
    assert beams["log-probability"][0] == pytest.approx(expected, abs=1e-4)


def plainly(speak, beams, length, penalty):
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
