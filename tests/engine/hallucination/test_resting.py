"""What attention costs: counted again in loops, and nothing where all of it rests."""

import pytest
import torch

from engine.hallucination.tiny_vlm.packed import prefix, states
from engine.hallucination.tiny_vlm.training.resting import PAST, STOP, unrest
from engine.hallucination.tiny_vlm.words import PAD, Tokenizer
from tests.engine.hallucination.tiny import untrained

IMAGE = 4  # tokens


def texts():
    """Two rows of one text: two sentences and a bit; one sentence, padded."""
    first, second = map(Tokenizer().encode, ("it is red . there is a boat . yes", "a boat ."))
    rows = torch.full((2, 1, len(first)), PAD)
    rows[0, 0], rows[1, 0, : len(second)] = torch.tensor(first), torch.tensor(second)
    return rows


def slowly(looks, tokens):
    """The same by the definition, word by word."""
    paid = []
    for row, words in enumerate(tokens[:, 0].tolist()):
        for layer in looks:
            shares = layer[0][row]  # (heads, L, I + 1 + L)
            for place, word in enumerate(words):
                if word == PAD:
                    continue
                behind = words[:place].count(STOP)
                for head, result in enumerate(shares[:, place].tolist()):
                    last = head == len(shares) - 1
                    cost = result[0] * (last and behind > 0) + sum(result[1 : 1 + IMAGE])
                    for at, share in enumerate(result[1 + IMAGE :]):
                        earlier = words[:at].count(STOP) < behind
                        price = 0 if words[at] == STOP else PAST if earlier else 1
                        cost += price * share
                    paid.append(cost)
    return sum(paid) / len(paid)


def test_the_price_is_that_of_every_share_alone():
    decoder = untrained().parts.decoder
    image = torch.randn(2, IMAGE, 128, generator=torch.Generator().manual_seed(0))
    looks = []
    states(decoder, image, [texts()], None, looks)
    assert len(looks) == 3
    assert torch.allclose(looks[0][0].sum(-1), torch.ones(()), atol=1e-5)
    assert unrest(looks, [texts()]).item() == pytest.approx(slowly(looks, texts()), abs=1e-5)
    assert prefix(decoder, image).shape[1] == 1 + IMAGE


def resting(*, on_stops):
    """All attention on <bos>, of the last head on the first full stop once it is behind."""
    tokens = texts()
    shares = torch.zeros(2, 4, tokens.shape[-1], 1 + IMAGE + tokens.shape[-1])
    shares[..., 0] = 1
    if on_stops:
        for row, stop in ((0, 3), (1, 2)):
            shares[row, -1, stop + 1 :, 0] = 0
            shares[row, -1, stop + 1 :, 1 + IMAGE + stop] = 1
    return [[shares]], tokens


def test_attention_that_rests_costs_nothing():
    looks, tokens = resting(on_stops=True)
    assert unrest(looks, [tokens]).item() == 0
    looks, tokens = resting(on_stops=False)  # 6 words of row 0 have a sentence behind them
    assert unrest(looks, [tokens]).item() == pytest.approx(6 / (10 + 3) / 4)
