"""Fake users, parts of users' choices, and figures of recommendations counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.data.interactions import Interactions
from engine.errors import BadData
from engine.unlearning.experiments.recommender import (
    BANDWAGON,
    PROFILE,
    RANDOM,
    TARGETS,
    choices_of,
    fake_users,
    gains,
    ndcg,
    over_strangers,
    ranks_of,
    recall,
    targets_of,
)
from tests import tiny


@pytest.fixture(scope="module")
def data():
    return Interactions(count=80, items=200).make()


@pytest.fixture(scope="module")
def train(data):
    return choices_of(data).train


def test_the_first_seven_tenths_are_learned_and_the_last_two_are_tested(data):
    choices = choices_of(data)
    for user in (0, 41):
        turn = data.truth["turn"][user]
        ordered = np.argsort(turn)[(turn == 0).sum() :]
        learned, tested = int(0.7 * len(ordered)), int(0.2 * len(ordered))
        assert set(np.flatnonzero(choices.train[user])) == set(ordered[:learned])
        assert set(np.flatnonzero(choices.validation[user])) == set(ordered[learned:-tested])
        assert set(np.flatnonzero(choices.test[user])) == set(ordered[-tested:])
    assert (choices.every == (data.truth["turn"] > 0)).all()
    assert not (choices.seen & choices.test).any()


def test_of_ninety_choices_sixty_three_are_learned():
    """As floats, 90 times 0.7 is 62.999…"""
    data = tiny.columns(8, ("a", "b"))
    choices = choices_of(replace(data, truth={"turn": np.tile(np.arange(1, 91), (len(data), 1))}))
    for part, count in ((choices.train, 63), (choices.validation, 9), (choices.test, 18)):
        assert (part.sum(1) == count).all()


def test_data_without_users_are_refused_in_words():
    with pytest.raises(BadData, match="no users who choose items: take the simulated users"):
        choices_of(tiny.columns(8, ("a", "b")))


def test_targets_are_different_items_that_few_chose(train):
    often = train.sum(0)
    targets = targets_of(train, np.random.default_rng(0))
    assert len(set(targets.tolist())) == TARGETS
    assert often[targets].max() <= np.sort(often)[49]
    assert set(targets) != set(targets_of(train, np.random.default_rng(1)))


@pytest.mark.parametrize("profile", [BANDWAGON, RANDOM])
def test_a_fake_user_chooses_all_targets_and_fills_up_by_profile(train, profile):
    rng = np.random.default_rng(0)
    targets = targets_of(train, rng)
    result = fake_users(train, targets, 40, profile, rng)
    assert (result.sum(1) == PROFILE).all()
    assert result[:, targets].all()
    assert len(np.unique(result, axis=0)) == 40
    popular = np.argsort(train.sum(0), kind="stable")[-20:]
    share = result[:, popular].sum(1)
    if profile == BANDWAGON:
        assert (share >= (PROFILE - TARGETS) // 2).all()
    else:
        assert share.mean() == pytest.approx((PROFILE - TARGETS) * 20 / 195, abs=1)
    assert fake_users(train, targets, 0, profile, rng).shape == (0, 200)


def test_ranks_begin_at_one_and_what_was_seen_comes_last():
    scores = np.array([[0.1, 0.9, 0.5, 0.7], [3.0, 2.0, 1.0, 0.0]])
    is_seen = np.array([[False, True, False, False], [False] * 4])
    assert ranks_of(scores, is_seen).tolist() == [[3, 4, 2, 1], [1, 2, 3, 4]]


def test_recall_and_ndcg_by_hand():
    ranks = np.array([[1, 2, 3, 4], [4, 3, 2, 1], [1, 2, 3, 4]])
    test = np.array([[True, False, True, True], [True, False, False, False], [False] * 4])
    assert recall(ranks, test, 3) == pytest.approx((2 / 3 + 0) / 2)  # the third has none
    first = (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3) + 1 / math.log2(4))
    assert ndcg(ranks, test, 3) == pytest.approx((first + 0) / 2)
    assert ndcg(ranks, test, 4) == pytest.approx(
        ((1 + 1 / 2 + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 1 / 2) + 1 / math.log2(5)) / 2
    )
    assert gains(np.array([1, 3, 4]), 3).tolist() == [1, 0.5, 0]


def test_targets_are_counted_among_those_who_never_chose_them():
    reached = np.array([[True, True], [True, False], [False, True]])
    chosen = np.array([[True, False], [False, False], [False, False]])
    assert over_strangers(reached, np.array([0, 1]), chosen) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert over_strangers(reached, np.array([0]), np.ones((3, 2), bool)) == 0
