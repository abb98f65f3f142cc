"""OPERA: over-trust by closed form, going back on a written trace, and beam search as its limit."""

from collections import Counter
from math import log

import numpy as np
import pytest
import torch

from engine.core.result import Field, Table
from engine.hallucination.decoding.beam import Beam, Open
from engine.hallucination.decoding.opera import OPERA, CandidateRollout, Retrospecting, over_trust
from engine.hallucination.measures.over_trust import (
    FELT,
    attention_threshold,
    largest_penalty,
    walk,
)
from engine.vision.language.decoding.generate import generate
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.scripted import BOS, EOS, IMAGE, PAD, Scripted, answered, table
from tests.engine.hallucination.tiny import case, one_pass, pictures, prompts, scenes, untrained

PROMPT = torch.tensor([[3, 4]])
PICTURE = torch.zeros(1, 3, 2, 2)
FIRST = 1 + IMAGE + PROMPT.shape[1]  # the place of the answer's first word


def evenly(tokens):
    count = 1 + IMAGE + tokens.shape[1]
    return torch.full((len(tokens), count), 1 / count)


@pytest.mark.parametrize(("share", "count"), [(0.1, 5), (0.02, 7), (0.5, 3)])
def test_over_trust_of_equal_attention_is_the_closed_form(share, count):
    """φ_j = 10⁻⁷ (50 w)^(n − j): the first column has n entries, the last one."""
    result = over_trust(torch.full((count, count), share), 50.0)
    expected = [log(1e-7) + (count - place) * log(50 * share) for place in range(count)]
    assert np.allclose(result, expected, atol=1e-4)


def test_over_trust_is_the_product_written_plainly_and_nought_where_nobody_looks():
    window = torch.rand(6, 6, generator=torch.Generator().manual_seed(0)).tril()
    slowly = [1e-7 * np.prod([50 * window[i, j].item() for i in range(j, 6)]) for j in range(6)]
    assert np.allclose(over_trust(window, 50.0).exp(), slowly, rtol=1e-3)
    window[4, 1] = 0
    assert over_trust(window, 50.0)[1] == -torch.inf
    for words in (4, 9, 20):  # with the needed share in a column φ is 1
        window = torch.full((words, words), attention_threshold(words, 50.0))
        assert over_trust(window, 50.0)[0].item() == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
def test_with_every_word_a_candidate_and_no_penalty_it_is_beam_search(beams):
    for seed in range(5):
        model = Scripted(5, table(5, seed), evenly)
        search = OPERA(beams=beams, candidates=5, weight=0.0, threshold=None, length=8)
        result = generate(model, search, PICTURE, PROMPT)
        plain = generate(model, Beam(beams=beams, length=8), PICTURE, PROMPT)
        assert torch.equal(result.tokens, plain.tokens)
        for step, other in zip(result.steps[0], plain.steps[0], strict=True):
            assert np.allclose(step.final.shares, other.final.shares, atol=1e-6)


@pytest.mark.parametrize("candidates", [1, 2, 4])
def test_without_penalty_it_is_beam_search_among_the_best_few_words(candidates):
    """The same as a beam search on a model that gives −∞ to every other word."""
    for seed in range(5):
        speak = table(12, seed)

        def few(tokens, speak=speak):
            logits = speak(tokens)
            top = logits.topk(candidates, -1)
            return torch.full_like(logits, -torch.inf).scatter(1, top.indices, top.values)

        search = OPERA(candidates=candidates, weight=0.0, threshold=None, length=9)
        result = generate(Scripted(12, speak, evenly), search, PICTURE, PROMPT)
        plain = generate(Scripted(12, few), Beam(length=9), PICTURE, PROMPT)
        assert torch.equal(result.tokens, plain.tokens)


CALM, HUB, SAFE = 5, 6, 7


def clings(tokens):
    """Attention: with HUB as the answer's fifth word, all later words look at the fourth."""
    count = FIRST + tokens.shape[1] - PROMPT.shape[1]
    shares = torch.full((len(tokens), count), 1e-4)
    shares[:, 0] = 1.0
    answer = tokens[:, PROMPT.shape[1] :]
    if answer.shape[1] > 4:
        caught = answer[:, 4] == HUB
        shares[caught, 0] = 0.0
        shares[caught, FIRST + 3] = 1.0
    return shares / shares.sum(-1, keepdim=True)


def prefers(tokens):
    """Logits: HUB best as the fifth word, CALM everywhere else, SAFE always second."""
    logits = torch.full((len(tokens), 9), -8.0)
    logits[:, [PAD, BOS, EOS]] = -torch.inf
    fifth = tokens.shape[1] - PROMPT.shape[1] == 4
    logits[:, HUB if fifth else CALM] = 3.0
    logits[:, SAFE] = 2.0
    return logits


@pytest.mark.parametrize("beams", [1, 2])
def test_one_fixed_column_is_gone_back_to_once(beams):
    """The column is the fourth word (c = 3): back to place c + 1, where HUB may not come again."""
    search = OPERA(beams=beams, candidates=2, weight=0.0, threshold=4, early=0, column=3, length=16)
    model = Scripted(9, prefers, clings)
    spoken = generate(model, search, PICTURE, PROMPT)
    never = generate(model, OPERA(**search.settings() | {"threshold": None}), PICTURE, PROMPT)
    assert never.tokens[0, 4] == HUB
    assert len(spoken.back) == 1
    count, taken = spoken.back[0]
    assert count - taken == 4
    assert count == 7  # c = 3 was counted when 3, 4, 5, 6 and 7 words had been said: 5 > 4 times
    assert spoken.tokens[0].tolist() == [CALM] * 4 + [SAFE] + [CALM] * 11
    assert spoken.views["rejected"]["place"].tolist() == [4] * len(spoken.views["rejected"])
    assert str(HUB) in spoken.views["rejected"].rows
    assert answered(search, model)["answer"].ids.tolist() == [CALM] * 4 + [SAFE] + [CALM] * 11


def test_a_column_that_never_lets_go_is_gone_back_to_only_so_often():
    """Each place at most as often as there are candidates; a rejected word never comes again."""

    def always(tokens):
        shares = clings(tokens) * 0 + 1e-4
        if shares.shape[1] > FIRST + 3:
            shares[:, FIRST + 3] = 1.0
        else:
            shares[:, 0] = 1.0
        return shares / shares.sum(-1, keepdim=True)

    chosen = []

    class Heard(OPERA):
        def session(self, start):
            session = super().session(start)
            plain = session.choose

            def choose(proposal, now):
                move, place = plain(proposal, now), now.said.shape[1]
                if move.back:
                    chosen.append(("back", place - move.back))
                else:
                    assert move.tokens[0].item() not in session.rejected[place]
                    chosen.append(("word", place))
                return move

            session.choose = choose
            return session

    search = Heard(beams=1, candidates=2, weight=0.0, threshold=3, early=0, column=3, length=20)
    spoken = generate(Scripted(9, prefers, always), search, PICTURE, PROMPT)
    back = [place for what, place in chosen if what == "back"]
    assert back == [4, 4, 3, 3]
    assert spoken.tokens.shape == (1, 20)
    assert [count - taken for count, taken in spoken.back] == back


@pytest.mark.parametrize(("weight", "place"), [(0.0, None), (1.0, 4), (2.0, 3)])
def test_over_trust_lowers_the_word_that_leans_on_an_earlier_one(weight, place):
    """CALM leads SAFE by 1 and looks at the first word: φ = 10⁻⁷ · 50ⁿ at its n-th time."""

    def leans(tokens):
        shares = torch.full((len(tokens), 1 + IMAGE + tokens.shape[1]), 1e-5)
        shares[:, 0] = 1.0
        leaning = tokens[:, -1] == CALM
        shares[leaning, 0] = 0.0
        shares[leaning, FIRST if shares.shape[1] > FIRST else 0] = 1.0
        return shares / shares.sum(-1, keepdim=True)

    def calm(tokens):
        logits = torch.full((len(tokens), 9), -8.0)
        logits[:, CALM], logits[:, SAFE] = 3.0, 2.0
        return logits

    search = OPERA(beams=1, candidates=2, weight=weight, threshold=None, early=0, length=7)
    ids = generate(Scripted(9, calm, leans), search, PICTURE, PROMPT).tokens[0].tolist()
    assert (ids.index(SAFE) if SAFE in ids else None) == place


def test_early_words_are_rewarded_for_looking_at_the_image():
    def looks(tokens):
        shares = torch.zeros(len(tokens), 1 + IMAGE + tokens.shape[1])
        shares[:, 0] = 1.0
        seeing = tokens[:, -1] == SAFE
        shares[seeing, 0] = 0.0
        shares[seeing, 1 : 1 + IMAGE] = 1 / IMAGE
        return shares

    settings = {"beams": 1, "candidates": 2, "weight": 2.0, "threshold": None, "length": 6}
    model = Scripted(9, prefers, looks)
    result = generate(model, OPERA(early=4, **settings), PICTURE, PROMPT)
    assert result.tokens[0].tolist()[:4] == [SAFE] * 4  # 2 + 2 · 1 beats 3 + 2 · 0
    assert result.tokens[0, 5] == CALM
    assert generate(model, OPERA(early=0, **settings), PICTURE, PROMPT).tokens[0, 0] == CALM


def test_the_picture_and_the_cost_are_those_of_full_passes():
    """Last layer, largest over heads, each row over the whole sequence adding up to 1."""
    vlm, method = untrained(), OPERA(length=7, threshold=None)
    result = method(case())
    ids = torch.tensor([result["answer"].ids.tolist()])
    want = RequestedOutputs(attention=(2,), rows="all")
    rows = one_pass(vlm, scenes()[:1], torch.cat([prompts(), ids], 1), want).attention[2][0].amax(0)
    rows = (rows / rows.sum(-1, keepdim=True))[68:]
    count = ids.shape[1]
    below = np.tril(np.ones((count, count), bool))
    assert np.allclose(result["self"].values[below], rows[:, 68:].numpy()[below], atol=1e-5)
    assert np.isnan(result["self"].values[~below]).all()
    assert np.allclose(result["trust"]["to the image"], rows[:, 1:65].sum(-1), atol=1e-5)
    trust = over_trust(rows[:, 68:], method.scale)
    assert result["trust"]["over-trust"][-1] == pytest.approx(trust.max().item(), abs=1e-3)
    assert result["trust"]["most trusted word"][-1] == trust.argmax()
    spoken = generate(untrained(), OPERA(length=5, threshold=None), pictures(), prompts())
    assert spoken.calls == 1 + 5
    assert spoken.read == 68 + 5 * 3 * 3


def behind(most, counted, sums=(0.0, -1.0), column=2):
    """Where two open answers go back to, after eight words, of what each trusted most till now."""
    method = OPERA(beams=2, candidates=2, threshold=2, column=column)
    decoding = Retrospecting.__new__(Retrospecting)
    decoding.method, decoding.went = method, Counter()
    decoding.open = Open(torch.tensor([sums]), [[]], [False])
    decoding.columns = torch.tensor(counted)
    nothing = torch.zeros(2, 2)
    decoding.ahead = CandidateRollout(None, nothing, nothing, torch.tensor(most))
    return decoding.place_behind(8)


def test_it_goes_back_only_when_every_open_answer_leans_on_the_same_word():
    both, single = [[3, 3], [3, 3]], [[3, 3], [3, 4]]
    assert behind([3, 3], both) == 4
    assert behind([3, 3], single) is None  # three times in one, twice in the other
    assert behind([3, 3], single, sums=(0.0, -torch.inf)) == 4  # the other is no longer open
    assert behind([3, 3], single, sums=(-torch.inf, 0.0)) is None
    assert behind([3, 3], both, column=3) == 4
    assert behind([3, 3], both, column=4) is None


def answer(logs, column, share):
    count = len(logs)
    trust = {"over-trust": (logs, "nats"), "most trusted word": ([column] * count, "words")}
    places = np.arange(count, dtype=np.float32)
    shares = Field(np.full((count, count), share, np.float32), places, places, "", "", "")
    return {"trust": Table.of(trust), "self": shares}


def test_the_largest_phi_is_that_of_its_column_and_the_way_goes_back():
    trusted = answer([9.0, 9.0, 9.0, -8.0, -5.0, -7.0], 2, 0.3)
    far = largest_penalty(OPERA(early=3, weight=2.0), trusted)
    assert (far.word, far.column, far.words) == (4, 2, 3)
    assert far.log == -5.0
    assert far.share == pytest.approx(0.3)
    assert far.penalty == pytest.approx(2 * np.exp(-5))
    assert far.felt == (far.penalty >= FELT)
    assert largest_penalty(OPERA(early=6), answer([9.0] * 6, 2, 0.3)) is None
    method = OPERA(length=10, early=2)
    far = largest_penalty(method, method(case()))
    slowly = np.log(1e-7) + far.words * np.log(method.scale * far.share)
    assert far.log == pytest.approx(slowly, abs=0.05)
    way = walk(Table.of({"said": ([10, 9], "words"), "taken back": ([4, 2], "words")}), 12)
    assert way["words chosen"].tolist() == [0, 10, 10, 13, 13, 18]
    assert way["length"].tolist() == [0, 10, 6, 9, 7, 12]
