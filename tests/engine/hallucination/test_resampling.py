"""Scenes are drawn again with all that belongs to them, in little memory."""

import tracemalloc

import numpy as np
import pytest

from engine.hallucination.measures import resampling
from engine.hallucination.measures.before_after import beaf_figures
from engine.hallucination.measures.resampling import middle_interval, resampled_sums
from engine.result import Table

MEGABYTES = 64  # for the figures of two thousand scenes, the most that can be asked about


@pytest.mark.parametrize("at_once", [1, 30, 10_000])
def test_sums_are_those_of_scenes_drawn_one_by_one(at_once, monkeypatch):
    monkeypatch.setattr(resampling, "BOUND", at_once)
    counts = np.random.default_rng(3).integers(0, 9, (7, 4))
    rows = np.random.default_rng(5).integers(0, 7, (50, 7))
    slowly = [[sum(counts[row, column] for row in draw) for column in range(4)] for draw in rows]
    assert resampled_sums(counts, seed=5, draws=50).tolist() == slowly
    assert resampled_sums(counts[:0], draws=3).tolist() == [[0] * 4] * 3


def test_the_middle_leaves_out_what_is_no_number():
    values = np.array([*range(101), np.nan, np.inf])
    assert middle_interval(values, 90) == (5, 95)
    assert middle_interval(values, 95) == (2.5, 97.5)
    assert np.isnan(middle_interval(np.full(3, np.nan), 90)).all()


def test_the_figures_of_many_scenes_need_little_memory():
    scenes = np.repeat(np.arange(2000), 4)
    says = np.random.default_rng(0).integers(0, 2, (2, len(scenes))).astype(np.float32)
    columns = {
        "scene": scenes,
        "removed": np.zeros(len(scenes), int),
        "asked": np.tile(np.arange(4), 2000),
        "there": np.ones(len(scenes), int),
        "says before": says[0],
        "says after": says[1],
    }
    records = Table.of({name: (column, "") for name, column in columns.items()})
    tracemalloc.start()
    try:
        result = beaf_figures(records)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result["pairs"][0] == 2000
    assert peak < MEGABYTES * 2**20
