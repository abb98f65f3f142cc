"""BPR's gradient, noise, batches and optimizer by hand and by torch; users, fakes and figures."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import BadData
from engine.unlearning.vat import recommender
from engine.unlearning.vat.factors import (
    BATCH,
    SIZE,
    START,
    AdamWTable,
    EmbeddingNoise,
    batches,
    factorized,
    gradient_ascent,
    losses,
    slope_of,
    slopes,
    triples_of,
    vulnerability,
)
from engine.vision.data.interactions import Interactions
from tests import tiny
from tests.refusals import assert_refused, reports_until_stopped

RNG = np.random.default_rng(0)
TRIPLES = RNG.normal(size=(3, 7, 4))
KNOWN = RNG.random((30, 50)) < 0.3


def table_of(rows: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, SIZE))


def test_loss_and_gradient_of_a_triple_are_those_by_hand_and_of_torch():
    user, chosen, other = np.array([[1.0, 2.0]]), np.array([[0.5, 0.0]]), np.array([[0.0, 1.0]])
    triple = np.stack([user, chosen, other])
    assert losses(triple)[0] == pytest.approx(math.log(1 + math.exp(2.0 - 0.5)))
    pull = 1 / (1 + math.exp(-1.5))
    by_user, by_chosen, by_other = slopes(triple)[:, 0]
    assert by_user == pytest.approx(pull * (other - chosen)[0])
    assert by_chosen == pytest.approx([-pull, -2 * pull])
    assert by_other == pytest.approx([pull, 2 * pull])
    triples = torch.tensor(TRIPLES, requires_grad=True)
    F.softplus((triples[0] * (triples[2] - triples[1])).sum(1)).sum().backward()
    assert slopes(TRIPLES) == pytest.approx(triples.grad.numpy())


def test_each_embedding_is_moved_by_its_own_length_in_its_own_direction_and_the_loss_grows():
    lengths = np.linspace(0.1, 0.7, 7)
    result = gradient_ascent(TRIPLES, lengths)
    step = result - TRIPLES
    assert np.linalg.norm(step, axis=2) == pytest.approx(np.stack([lengths] * 3))
    user, chosen, other = TRIPLES
    along = (other - chosen) / np.linalg.norm(other - chosen, axis=1, keepdims=True)
    assert step[0] == pytest.approx(lengths[:, None] * along)
    up = user / np.linalg.norm(user, axis=1, keepdims=True)
    assert step[2] == pytest.approx(lengths[:, None] * up)
    assert step[1] == pytest.approx(-step[2])
    assert (losses(result) > losses(TRIPLES)).all()
    zero = np.zeros_like(TRIPLES)
    assert (gradient_ascent(zero, lengths) == 0).all()  # nothing to move along


def test_weights_by_hand():
    by_hand = [2 / (1 + math.exp(-score)) for score in (1.0, 0.0, -1 / 3)]
    assert vulnerability(np.array([1.0, 2.0, 3.0]), 2.0) == pytest.approx(by_hand, abs=1e-9)
    assert vulnerability(np.array([0.0, 1.0, 1.0]), 2.0)[0] == 2.0
    huge = vulnerability(np.array([1e9, *[0.1] * 999]), 4.0)[0]
    assert huge == pytest.approx(4 / (1 + math.e), abs=1e-2)


def test_with_equal_losses_and_a_bound_of_two_vat_is_apr_bit_for_bit():
    table = table_of()
    table[0:4], table[4:8], table[8:12] = table[0], table[4], table[8]
    rows = np.arange(12).reshape(3, 4)
    apr, vat, other = (
        slope_of(table, rows, noise, RNG)
        for noise in (EmbeddingNoise(0.5), EmbeddingNoise(0.5, 2.0), EmbeddingNoise(0.5, 3.0))
    )
    assert np.array_equal(apr, vat)
    assert not np.array_equal(apr, other)
    noises = EmbeddingNoise(0.5), EmbeddingNoise(0.5, 2.0)
    apr, vat = (slope_of(table_of(seed=1), rows, noise, RNG) for noise in noises)
    assert not np.array_equal(apr, vat)


def test_losses_of_a_user_are_summed_and_shuffled_weights_are_the_same_ones_on_other_users():
    users = np.repeat(np.arange(6), 2)
    loss = np.repeat(np.arange(1.0, 7.0), 2)
    plain, other = (
        EmbeddingNoise(1.0, 2.0, shuffled).lengths(loss, users, np.random.default_rng(0))
        for shuffled in (False, True)
    )
    assert sorted(plain) == sorted(other)
    assert (plain != other).any()
    assert (other[::2] == other[1::2]).all()  # one user, one weight
    noise = EmbeddingNoise(0.5, 2.0)
    users, loss = np.array([4, 4, 9]), np.array([0.3, 0.7, 1.0])
    assert noise.lengths(loss, users, RNG).tolist() == [0.5, 0.5, 0.5]
    less = noise.lengths(np.array([0.1, 0.1, 1.0]), users, RNG)
    assert less[0] == less[1]
    assert less[0] > 0.5 > less[2]


@pytest.mark.parametrize("noise", [EmbeddingNoise(), EmbeddingNoise(0.4), EmbeddingNoise(0.4, 3.0)])
def test_the_gradient_of_a_batch_is_torch_s_where_a_user_and_an_item_come_twice(noise):
    rows = np.array([[0, 0, 1, 2], [5, 6, 5, 7], [7, 8, 9, 5]])
    table = table_of()
    embeddings = torch.tensor(table, requires_grad=True)
    parts = [embeddings[row] for row in rows]

    def mean(user, chosen, other):
        return F.softplus((user * other).sum(1) - (user * chosen).sum(1))

    loss = mean(*parts)
    total = loss.mean() + 1e-4 * sum(part.norm(dim=1).pow(2).mean() for part in parts)
    if noise.epsilon:
        weights = torch.ones(4, dtype=torch.float64)
        if noise.bound:
            a, b, c, d = loss.detach()
            sums, average = torch.stack([a + b, a + b, c, d]), ((a + b + c + d) / 3).item()
            weights = noise.bound * torch.sigmoid(average / sums - 1)
        steps = torch.autograd.grad(loss.mean(), parts, retain_graph=True)
        steps = [F.normalize(step, dim=1) * weights[:, None] * noise.epsilon for step in steps]
        total = total + mean(*(a + b for a, b in zip(parts, steps, strict=True))).mean()
    total.backward()
    assert slope_of(table, rows, noise, RNG) == pytest.approx(embeddings.grad.numpy(), abs=1e-12)


def test_the_optimizer_is_torch_s():
    ours, theirs = AdamWTable(table_of(), 0.003), torch.nn.Parameter(torch.tensor(table_of()))
    adam = torch.optim.AdamW([theirs], lr=ours.rate)
    for seed in range(20):
        slope = table_of(seed=seed) * 10.0 ** -(seed % 4)
        slope[seed % 12] = 0
        theirs.grad = torch.tensor(slope)
        adam.step()
        ours.step(slope)
    assert ours.values == pytest.approx(theirs.detach().numpy(), abs=1e-12)


def test_triples_are_of_items_chosen_and_not_and_an_epoch_has_as_many_as_choices():
    (user, chosen, other) = triples_of(KNOWN, np.arange(30).repeat(400), RNG)
    assert KNOWN[user, chosen].all()
    assert not KNOWN[user, other].any()
    for index in (0, 17):
        assert set(chosen[user == index]) == set(np.flatnonzero(KNOWN[index]))  # each comes up
        others = np.isin(np.arange(50), other[user == index])
        assert (others == ~KNOWN[index]).mean() > 0.95
    almost = ~np.eye(3, dtype=bool)  # one item is left for each
    user, _, other = triples_of(almost, np.array([0, 1, 2]), RNG)
    assert (user == other).all()
    drawn = np.stack(list(batches(KNOWN, np.random.default_rng(1))))
    assert drawn.shape == (-(-int(KNOWN.sum()) // BATCH), 3, BATCH)
    many = np.concatenate([np.bincount(triples[0], minlength=30) for triples in drawn])
    assert many.reshape(-1, 30).sum(0).min() > 0


def test_noise_begins_in_its_epoch_and_what_is_drawn_does_not_depend_on_it():
    noise = EmbeddingNoise(0.5, 2.0)
    for epochs, same in ((START - 1, True), (START, False)):
        plain, other = (factorized(KNOWN, kind, epochs, 3)[0] for kind in (EmbeddingNoise(), noise))
        assert np.array_equal(plain, other) is same
    first, again, second = (factorized(KNOWN, noise, START, seed) for seed in (3, 3, 4))
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[0], second[0])
    assert [table.shape for table in first] == [(30, SIZE), (50, SIZE)]


def test_it_learns_what_users_chose_and_can_be_stopped():
    blocks = np.kron(np.eye(3, dtype=bool), np.ones((10, 12), dtype=bool))
    blocks[np.arange(30), RNG.integers(0, 36, 30)] = False
    users, items = factorized(blocks, EmbeddingNoise(), 100, 0)
    scores = users @ items.T
    assert scores[blocks].mean() > scores[~blocks].mean() + 1

    reports_until_stopped(partial(factorized, blocks, EmbeddingNoise(), 100, 0))


@pytest.fixture(scope="module")
def data():
    return Interactions(count=80, items=200).make()


@pytest.fixture(scope="module")
def train(data):
    return recommender.choices_of(data).train


def test_the_first_seven_tenths_are_learned_the_last_two_tested_and_no_users_are_refused(data):
    choices = recommender.choices_of(data)
    for user in (0, 41):
        turn = data.truth["turn"][user]
        ordered = np.argsort(turn)[(turn == 0).sum() :]
        learned, tested = int(0.7 * len(ordered)), int(0.2 * len(ordered))
        assert set(np.flatnonzero(choices.train[user])) == set(ordered[:learned])
        assert set(np.flatnonzero(choices.validation[user])) == set(ordered[learned:-tested])
        assert set(np.flatnonzero(choices.test[user])) == set(ordered[-tested:])
    assert (choices.every == (data.truth["turn"] > 0)).all()
    assert not (choices.seen & choices.test).any()
    words = "no users who choose items: take the simulated users"
    assert_refused(words, recommender.choices_of, tiny.columns(8, ("a", "b")), error=BadData)


def test_of_ninety_choices_sixty_three_are_learned():
    """As floats, 90 times 0.7 is 62.999…"""
    data = tiny.columns(8, ("a", "b"))
    turns = np.tile(np.arange(1, 91), (len(data), 1))
    choices = recommender.choices_of(replace(data, truth={"turn": turns}))
    for part, count in ((choices.train, 63), (choices.validation, 9), (choices.test, 18)):
        assert (part.sum(1) == count).all()


def test_targets_are_different_items_that_few_chose(train):
    often = train.sum(0)
    targets = recommender.targets_of(train, np.random.default_rng(0))
    assert len(set(targets.tolist())) == recommender.TARGETS
    assert often[targets].max() <= np.sort(often)[49]
    assert set(targets) != set(recommender.targets_of(train, np.random.default_rng(1)))


@pytest.mark.parametrize("profile", [recommender.BANDWAGON, recommender.RANDOM])
def test_a_fake_user_chooses_all_targets_and_fills_up_by_profile(train, profile):
    rng = np.random.default_rng(0)
    targets = recommender.targets_of(train, rng)
    result = recommender.fake_users(train, targets, 40, profile, rng)
    assert (result.sum(1) == recommender.PROFILE).all()
    assert result[:, targets].all()
    assert len(np.unique(result, axis=0)) == 40
    popular = np.argsort(train.sum(0), kind="stable")[-20:]
    share, others = result[:, popular].sum(1), recommender.PROFILE - recommender.TARGETS
    if profile == recommender.BANDWAGON:
        assert (share >= others // 2).all()
    else:
        assert share.mean() == pytest.approx(others * 20 / 195, abs=1)
    assert recommender.fake_users(train, targets, 0, profile, rng).shape == (0, 200)


def test_ranks_recall_ndcg_and_targets_reached_are_those_by_hand():
    ranks = np.array([[1, 2, 3, 4], [4, 3, 2, 1], [1, 2, 3, 4]])
    test = np.array([[True, False, True, True], [True, False, False, False], [False] * 4])
    assert recommender.recall(ranks, test, 3) == pytest.approx(2 / 3 / 2)  # the third has none
    first = (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3) + 1 / math.log2(4))
    assert recommender.ndcg(ranks, test, 3) == pytest.approx((first + 0) / 2)
    assert recommender.ndcg(ranks, test, 4) == pytest.approx(
        ((1 + 1 / 2 + 1 / math.log2(5)) / (1 + 1 / math.log2(3) + 1 / 2) + 1 / math.log2(5)) / 2
    )
    assert recommender.gains(np.array([1, 3, 4]), 3).tolist() == [1, 0.5, 0]
    scores = np.array([[0.1, 0.9, 0.5, 0.7], [3.0, 2.0, 1.0, 0.0]])
    is_seen = np.array([[False, True, False, False], [False] * 4])
    assert recommender.ranks_of(scores, is_seen).tolist() == [[3, 4, 2, 1], [1, 2, 3, 4]]
    reached = np.array([[True, True], [True, False], [False, True]])
    chosen = np.array([[True, False], [False, False], [False, False]])
    share = recommender.over_strangers(reached, np.array([0, 1]), chosen)
    assert share == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert recommender.over_strangers(reached, np.array([0]), np.ones((3, 2), bool)) == 0
