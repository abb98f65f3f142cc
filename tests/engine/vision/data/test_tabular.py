"""Tables and simulated users: drivers of a class, and which items a user chooses."""

import numpy as np
import pytest

from engine.core.errors import BadSetting
from engine.vision import data as data_sets
from engine.vision.data.interactions import Interactions
from engine.vision.data.tabular import DRIVERS, Cohort


@pytest.fixture(scope="module")
def table():
    return Cohort().make()


def test_it_has_its_columns_rows_and_splits_and_the_same_for_the_same_seed(table):
    assert table.values.shape == (1200, 31)
    assert len(set(table.columns)) == 31
    assert [len(table.rows(split)) for split in ("train", "validation", "test")] == [600, 300, 300]
    assert (table.truth["site"] == (table.split == 2)).all()
    assert (table.values > 0)[:, :24].all()
    assert np.isfinite(table.values).all()
    assert Cohort().make().fingerprint == table.fingerprint != Cohort(seed=1).make().fingerprint
    assert Cohort.read("shift=1.0").name == "cohort:shift=1"
    with pytest.raises(ValueError, match="read-only"):
        table.values[0] = 0
    with pytest.raises(BadSetting, match="Tie cannot be 2"):
        Cohort(tie=2.0)


def test_volumes_of_one_process_are_tied_and_the_second_hospital_differs_as_is_said(table):
    volumes = table.values[:900, :24] / table.column("head size")[:900, None]
    tied = np.corrcoef(volumes.T)
    same = table.origin[:24, None] == table.origin[:24]
    off = ~np.eye(24, dtype=bool)
    assert tied[same & off].mean() == pytest.approx(0.8, abs=0.05)
    assert np.abs(tied[~same]).mean() < 0.15
    loose = Cohort(tie=0.0).make().values[:900, :24] / Cohort(tie=0.0).make().values[:900, 29:30]
    assert np.abs(np.corrcoef(loose.T)[off]).mean() < 0.15
    same, far = Cohort(shift=0.0).make(), Cohort(shift=2.0).make()

    def gap(dataset):
        ages = dataset.column("age")
        return ages[dataset.rows("test")].mean() - ages[:600].mean()

    assert abs(gap(same)) < 1.5
    assert gap(far) == pytest.approx(6, abs=1.5)


def test_the_class_is_drawn_by_a_chance_that_is_logistic_in_the_drivers(table):
    usual = table.truth["site"] == 0
    logit = np.full(1200, -0.3)
    for name, weight in DRIVERS.items():
        column = table.column(name)
        logit += weight * (column - column[usual].mean()) / column[usual].std()
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(table.truth["chance"])
    assert table.drivers == DRIVERS
    for low in (0.0, 0.25, 0.5, 0.75):
        near = (table.truth["chance"] >= low) & (table.truth["chance"] < low + 0.25)
        gap = table.labels[near].mean() - table.truth["chance"][near].mean()
        assert abs(gap) < 3.5 * 0.5 / np.sqrt(near.sum())


SMALL = Interactions(count=120, items=210)


def test_users_choose_items_in_turns_and_an_image_shows_them():
    turn = SMALL.make().truth["turn"]
    assert turn.shape == (120, 210)
    many = (turn > 0).sum(1)
    assert 20 <= many.min() <= many.max() <= 40
    assert len(np.unique(many)) > 10
    for turns, count in zip(turn, many, strict=True):
        assert sorted(turns[turns > 0]) == list(range(1, count + 1))
    data = SMALL.make()
    flat = data.images.reshape(len(data), -1)
    assert (flat[:, :210] == 255 * (data.truth["turn"] > 0)).all()
    assert not flat[:, 210:].any()
    assert (np.bincount(data.labels) == 20).all()
    assert all(len(data.rows(split)) for split in ("train", "validation", "test"))


def test_users_keep_to_their_interest_and_a_few_items_are_popular():
    data = data_sets.load("interactions")
    chosen = data.truth["turn"] > 0
    kind = np.arange(400) * 6 // 400
    interest_share = (chosen & (kind == data.labels[:, None])).sum(1) / chosen.sum(1)
    focus = data.truth["focus"]
    assert np.corrcoef(interest_share, focus)[0, 1] > 0.7
    assert interest_share[focus > 0.85].mean() > 0.75
    assert 0.4 < interest_share[focus < 0.6].mean() < 0.65
    turn = data.truth["turn"]
    often = (turn > 0).sum(0)
    assert np.sort(often)[-40:].mean() > 4 * np.sort(often)[:100].mean()
    popular = np.argsort(often)[-40:]
    many = turn.max(1, keepdims=True)
    place = (turn / many)[:, popular]
    assert place[place > 0].mean() == pytest.approx(0.52, abs=0.03)


def test_chances_of_first_choices_are_the_interest_s_and_the_rest():
    rng, focus = np.random.default_rng(0), np.array([0.9, 0.5])
    method = Interactions(items=200, groups=2)
    chances = method.chances(rng, np.array([0, 1]), np.arange(200) // 100, focus)
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
