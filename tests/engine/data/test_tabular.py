"""The cohort hangs together as said, and its class depends on the drivers alone."""

from __future__ import annotations

import numpy as np
import pytest

from engine.data.tabular import DRIVERS, Cohort
from engine.errors import BadSetting


@pytest.fixture(scope="module")
def table():
    return Cohort().make()


def test_it_has_its_columns_rows_and_splits(table):
    assert table.values.shape == (1200, 31)
    assert len(set(table.columns)) == 31
    assert [len(table.rows(split)) for split in ("train", "validation", "test")] == [600, 300, 300]
    assert (table.truth["site"] == (table.split == 2)).all()
    assert (table.values > 0)[:, :24].all()
    assert np.isfinite(table.values).all()


def test_volumes_of_one_process_are_tied_and_those_of_two_hardly(table):
    volumes = table.values[:900, :24] / table.column("head size")[:900, None]
    tied = np.corrcoef(volumes.T)
    same = table.origin[:24, None] == table.origin[:24]
    off = ~np.eye(24, dtype=bool)
    assert tied[same & off].mean() == pytest.approx(0.8, abs=0.05)
    assert np.abs(tied[~same]).mean() < 0.15
    loose = Cohort(tie=0.0).make().values[:900, :24] / Cohort(tie=0.0).make().values[:900, 29:30]
    assert np.abs(np.corrcoef(loose.T)[off]).mean() < 0.15


def test_the_chance_is_logistic_in_the_drivers(table):
    usual = table.truth["site"] == 0
    logit = np.full(1200, -0.3)
    for name, weight in DRIVERS.items():
        column = table.column(name)
        logit += weight * (column - column[usual].mean()) / column[usual].std()
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(table.truth["chance"])
    assert table.drivers == DRIVERS


def test_labels_follow_the_chance(table):
    for low in (0.0, 0.25, 0.5, 0.75):
        near = (table.truth["chance"] >= low) & (table.truth["chance"] < low + 0.25)
        gap = table.labels[near].mean() - table.truth["chance"][near].mean()
        assert abs(gap) < 3.5 * 0.5 / np.sqrt(near.sum())


def test_the_second_hospital_differs_by_as_much_as_is_said(table):
    same, far = Cohort(shift=0.0).make(), Cohort(shift=2.0).make()

    def gap(dataset):
        return (
            dataset.column("age")[dataset.rows("test")].mean() - dataset.column("age")[:600].mean()
        )

    assert abs(gap(same)) < 1.5
    assert gap(far) == pytest.approx(6, abs=1.5)


def test_it_is_the_same_for_the_same_seed_and_cannot_be_written(table):
    assert Cohort().make().fingerprint == table.fingerprint != Cohort(seed=1).make().fingerprint
    assert Cohort.read("shift=1.0").name == "cohort:shift=1"
    with pytest.raises(ValueError, match="read-only"):
        table.values[0] = 0
    with pytest.raises(BadSetting, match="Tie cannot be 2"):
        Cohort(tie=2.0)
