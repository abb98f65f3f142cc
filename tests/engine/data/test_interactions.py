"""Simulated users: how many items they choose, in which turn, and by which interest."""

from __future__ import annotations

import numpy as np
import pytest

from engine import data as data_sets
from engine.data.interactions import Interactions
from engine.errors import BadSetting

SMALL = Interactions(count=120, items=210)


def test_every_user_chooses_twenty_to_forty_items_each_in_a_turn_of_its_own():
    turn = SMALL.make().truth["turn"]
    assert turn.shape == (120, 210)
    many = (turn > 0).sum(1)
    assert many.min() >= 20
    assert many.max() <= 40
    assert len(np.unique(many)) > 10
    for turns, count in zip(turn, many, strict=True):
        assert sorted(turns[turns > 0]) == list(range(1, count + 1))


def test_an_image_shows_what_was_chosen_and_its_class_is_the_interest():
    data = SMALL.make()
    flat = data.images.reshape(len(data), -1)
    assert (flat[:, :210] == 255 * (data.truth["turn"] > 0)).all()
    assert not flat[:, 210:].any()
    assert (np.bincount(data.labels) == 20).all()
    assert all(len(data.rows(split)) for split in ("train", "validation", "test"))


def test_users_keep_to_their_interest_as_far_as_they_are_focused():
    data = data_sets.load("interactions")
    chosen = data.truth["turn"] > 0
    kind = np.arange(400) * 6 // 400
    interest_share = (chosen & (kind == data.labels[:, None])).sum(1) / chosen.sum(1)
    focus = data.truth["focus"]
    assert np.corrcoef(interest_share, focus)[0, 1] > 0.7
    assert interest_share[focus > 0.85].mean() > 0.75
    assert 0.4 < interest_share[focus < 0.6].mean() < 0.65


def test_a_few_items_are_popular_and_turns_do_not_follow_popularity():
    turn = data_sets.load("interactions").truth["turn"]
    often = np.sort((turn > 0).sum(0))
    assert often[-40:].mean() > 4 * often[:100].mean()
    popular = np.argsort((turn > 0).sum(0))[-40:]
    many = turn.max(1, keepdims=True)
    place = (turn / many)[:, popular]
    assert place[place > 0].mean() == pytest.approx(0.52, abs=0.03)


def test_chances_of_first_choices_are_the_interest_s_and_the_rest():
    rng, focus = np.random.default_rng(0), np.array([0.9, 0.5])
    method = Interactions(items=200, groups=2)
    kind = np.arange(200) // 100
    chances = method.chances(rng, np.array([0, 1]), kind, focus)
    assert chances.sum(1) == pytest.approx(1)
    assert chances[0, :100].sum() == pytest.approx(0.9)
    assert chances[1, 100:].sum() == pytest.approx(0.5)
    first, second = np.sort(chances[0, :100])[:-3:-1]
    assert second / first == pytest.approx(2**-0.7)


def test_a_seed_is_a_draw_and_it_is_found_by_its_name_but_in_no_picker():
    assert (SMALL.make().truth["turn"] == SMALL.make().truth["turn"]).all()
    other = Interactions(count=120, items=210, seed=1).make()
    assert (other.truth["turn"] != SMALL.make().truth["turn"]).any()
    assert data_sets.load(SMALL.name).fingerprint == SMALL.make().fingerprint
    assert data_sets.title_of(SMALL.name).startswith("Simulated users and items (120 users")
    assert Interactions.word not in data_sets.names()
    with pytest.raises(BadSetting, match="Items"):
        data_sets.load("interactions:items=20")
