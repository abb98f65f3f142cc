"""Whether φ is felt: from OPERA's own record, and how much attention it would take."""

import numpy as np
import pytest
import torch

from engine.hallucination.decoding.opera import OPERA, over_trust
from engine.hallucination.measures.over_trust import (
    FELT,
    attention_threshold,
    largest_penalty,
    walk,
)
from engine.result import Field, Table
from tests.engine.hallucination.tiny import case


@pytest.mark.parametrize("words", [4, 9, 20])
def test_with_the_needed_share_in_a_column_phi_is_one(words):
    share = attention_threshold(words, 50.0)
    window = torch.full((words, words), share)
    assert over_trust(window, 50.0)[0].item() == pytest.approx(0.0, abs=1e-4)


def answer(logs, column, share):
    count = len(logs)
    trust = Table.of(
        {
            "over-trust": (np.array(logs, np.float32), "nats"),
            "most trusted word": (np.full(count, column, np.float32), "words"),
        }
    )
    places = np.arange(count, dtype=np.float32)
    return {
        "trust": trust,
        "self": Field(np.full((count, count), share, np.float32), places, places, "", "", ""),
    }


def test_the_largest_phi_behind_the_early_words_is_what_counts():
    far = largest_penalty(
        OPERA(early=3, weight=2.0), answer([9.0, 9.0, 9.0, -8.0, -5.0, -7.0], 2, 0.3)
    )
    assert (far.word, far.column, far.words) == (4, 2, 3)
    assert far.log == -5.0
    assert far.share == pytest.approx(0.3)
    assert far.penalty == pytest.approx(2 * np.exp(-5))
    assert far.felt == (far.penalty >= FELT)
    assert largest_penalty(OPERA(early=6), answer([9.0] * 6, 2, 0.3)) is None


def test_of_a_real_answer_the_column_and_its_attention_give_phi():
    method = OPERA(length=10, early=2)
    far = largest_penalty(method, method(case()))
    slowly = np.log(1e-7) + far.words * np.log(method.scale * far.share)
    assert far.log == pytest.approx(slowly, abs=0.05)


def test_the_way_goes_up_to_each_going_back_and_ends_at_the_answer():
    back = Table.of({"said": ([10, 9], "words"), "taken back": ([4, 2], "words")})
    way = walk(back, 12)
    assert way["words chosen"].tolist() == [0, 10, 10, 13, 13, 18]
    assert way["length"].tolist() == [0, 10, 6, 9, 7, 12]
