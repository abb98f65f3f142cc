"""Poisoning a fair representation: its rows, what leaks, controls that must not, the claims."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from engine.core.errors import BadData
from engine.core.keeping.memory import Memory
from engine.core.method import quiet
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import FairPoisoning
from engine.unlearning.eng import experiment as fair_poisoning
from engine.unlearning.eng import rows as fair_rows
from engine.unlearning.eng.claims import (
    ANCHORS,
    AUC,
    CLAIMS,
    CLEAN,
    ENTROPY,
    MATCHED,
    RANDOM,
    TASK,
    TRANSFER,
    U,
)
from engine.unlearning.eng.experiment import SLICES, TABLE
from engine.unlearning.eng.figures import anchored, leaking, mixed_up, plane, scattered
from engine.unlearning.eng.gradient_matching import FairVictim, bounds
from engine.vision import data as data_sets
from tests import tiny
from tests.outcomes import keep, margins_of
from tests.refusals import assert_refused

CASE = ExperimentCase(tiny.heights(), seed=3)


@pytest.fixture
def brief(monkeypatch):
    """Few epochs, and a curve of one share."""
    monkeypatch.setattr(FairPoisoning, "victim_epochs", 20)
    monkeypatch.setattr(FairPoisoning, "curve_shares", (0.05,))
    monkeypatch.setattr(fair_poisoning, "POISONS", Memory(4))
    return FairPoisoning(seeds=2, steps=10, rounds=2)


def test_matched_rows_make_it_leak_and_the_same_shifts_at_random_do_not(monkeypatch):
    monkeypatch.setattr(FairPoisoning, "curve_shares", ())
    method = FairPoisoning(seeds=1)
    result = method(CASE)["table"]
    before, after = result.cell(CLEAN, AUC), result.cell(MATCHED, AUC)
    assert before < 0.6
    assert after > before + 0.1
    assert result.cell(RANDOM, AUC) < before + 0.3 * (after - before)
    assert result.cell(MATCHED, U) > 3 * max(result.cell(CLEAN, U), result.cell(RANDOM, U))
    assert result.cell(MATCHED, ENTROPY) < result.cell(CLEAN, ENTROPY) - 0.03
    table, poison = method.table(CASE), method.poison(CASE)
    low, high = bounds(table, poison.rows)
    assert all(((delta >= low) & (delta <= high)).all() for delta in poison.deltas)
    for row in range(len(poison.rows)):  # copies of training rows, with their task and group
        same = (table.train.values == poison.rows.values[row]).all(1)
        assert same.any()
        for rows in poison.turns:
            assert (table.train.task[same] == rows.task[row]).all()
            assert (table.train.group[same] == rows.group[row]).all()


def test_without_poison_all_conditions_are_clean_training(brief):
    method = replace(brief, share=0.0)
    results = [method.condition(name, CASE, quiet)[0] for name in method.conditions(CASE)]
    assert all(result == results[0] for result in results)


def learned(victim, rows, epochs):
    """Adam by hand, at rates that fall as a cosine."""
    optimizer = torch.optim.Adam(victim.parameters(), 0.01)
    for step in range(epochs):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 + np.cos(np.pi * step / epochs)) / 2
        optimizer.zero_grad()
        victim.loss(rows, FairPoisoning().fairness).backward()
        optimizer.step()
    return victim


def test_the_figures_are_those_of_victims_taught_by_hand(brief):
    table, poison = brief.table(CASE), brief.poison(CASE)
    scattered_rows = scattered(table, poison, np.random.default_rng([CASE.seed, 63]))
    ways = {CLEAN: None, MATCHED: poison.turns, RANDOM: scattered_rows}
    for way, turns in ways.items():
        victim = learned(FairVictim(12, CASE.seed), table.train, 20)
        for turn in range(2):
            rows = table.train.joined(turns[turn]) if turns else table.train
            learned(victim, rows, 10)
        result, _ = brief.condition(way, CASE, quiet)
        expected = leaking(victim, table) | {TASK: victim.right(table.test)}
        assert result == pytest.approx(expected, rel=1e-6)
    rows = table.train.joined(poison.turns[-1])
    victim = learned(FairVictim(12, CASE.seed + 1_000_003), rows, 20)
    assert brief.condition(TRANSFER, CASE, quiet)[0][U] == pytest.approx(leaking(victim, table)[U])


def test_of_two_shifts_the_attacker_keeps_what_leaves_the_higher_u(brief):
    table, poison = brief.table(CASE), brief.poison(CASE)
    victim, before = learned(FairVictim(12, CASE.seed), table.train, 20), None
    for delta in poison.deltas:
        known = torch.zeros_like(delta) if before is None else before
        scores = {}
        for name, shift in (("kept", delta), ("before", known)):
            twin = FairVictim(12, 0)
            twin.load_state_dict(victim.state_dict())
            learned(twin, table.train.joined(fair_rows.shifted(poison.rows, shift)), 10)
            scores[name] = twin.separation(table.validation), twin
        assert scores["kept"][0] >= scores["before"][0] - 1e-9
        victim, before = scores["kept"][1], delta


def test_the_probe_tells_what_is_there_and_nothing_where_nothing_is():
    table = FairPoisoning().table(CASE)
    victim, blind = FairVictim(12, 0), FairVictim(12, 0)
    with torch.no_grad():
        blind.encoder[0].weight[:, :3] = 0  # the columns that are tied to the group
    result, nothing = leaking(victim, table), leaking(blind, table)
    z = victim.represented(table.test).numpy()
    best = max(roc_auc_score(table.test.group.numpy(), column) for column in z.T)
    assert result[AUC] > max(best, 0.65)
    assert abs(nothing[AUC] - 0.5) < 0.08
    assert nothing[ENTROPY] > 0.98


def test_controls_have_the_sizes_that_they_claim():
    table = FairPoisoning().table(CASE)
    rng = np.random.default_rng(0)
    delta = torch.from_numpy(rng.normal(size=(50, 12))) * table.numeric
    mixed = mixed_up(delta, table.numeric, rng)
    assert torch.allclose(mixed.abs().sum(1), delta.abs().sum(1))
    assert torch.allclose(mixed.square().sum(1), delta.square().sum(1))
    assert (mixed[:, ~table.numeric] == 0).all()
    assert not torch.equal(mixed, delta)
    anchors = anchored(table, 51, rng)
    assert len(anchors) == 51
    assert torch.equal(anchors.task, anchors.group)
    for group in (0, 1):
        group_anchors = anchors.values[anchors.group == group]
        middle = group_anchors.mean(0)
        nearest = (table.train.values - middle).square().sum(1).argmin()
        assert table.train.group[nearest] == group
        assert table.train.task[nearest] == 1 - group
        assert (group_anchors - middle).abs().max() < 0.5


def test_an_answer_has_the_curve_the_columns_and_a_plane_for_each_condition(brief):
    result = brief(CASE)
    assert result["curve"]["poison"].tolist() == [0.0, 0.05, 0.1]
    first = [result["runs"][AUC][at] for at in range(2)]  # of the first seed: clean, matched
    assert result["curve"][AUC][[0, 2]].tolist() == first
    assert result["planes"].columns == (CLEAN, MATCHED, TRANSFER, RANDOM, ANCHORS)
    poison = brief.poison(CASE)
    assert result["columns"].rows == brief.table(CASE).columns[:10]  # the last two are categories
    expected = poison.deltas[-1].abs().mean(0).numpy()[:10]
    assert result["columns"]["mean shift"] == pytest.approx(expected)
    assert result["threshold"].values[0] == pytest.approx(poison.threshold, nan_ok=True)
    assert "In a simulation, 10 % of matched rows" in brief.finding(CASE, result)


def test_the_picture_shows_columns_that_differ_and_dots_lie_where_group_and_task_are(brief):
    picture = brief.picture(CASE)
    assert {"tied 1", "task 4"} <= set(picture.columns)
    assert (picture.images < 255).any((2, 3, 4)).all()
    assert "rows of a drawn table" in picture.finding
    slices = replace(brief, rows=SLICES).picture(CASE)
    assert "upper and lower slices" in slices.finding
    table = FairPoisoning().table(CASE)
    image = plane(FairVictim(12, 0), table)
    blue = (image[..., 2] > image[..., 0]).any(0)
    orange = (image[..., 0] > image[..., 2]).any(0)
    assert np.flatnonzero(blue).mean() < np.flatnonzero(orange).mean()


def test_figures_as_the_sheet_wants_them_make_every_claim_hold_and_others_fail():
    sheet = {
        CLEAN: {AUC: 0.55, ENTROPY: 1.0, TASK: 0.8},
        MATCHED: {AUC: 0.8, ENTROPY: 0.8, TASK: 0.79},
        RANDOM: {AUC: 0.56},
        ANCHORS: {ENTROPY: 0.95},
    }
    assert margins_of(CLAIMS, sheet) == pytest.approx([0.05, 0.05, 0.02, 0.02, 0.15])
    noise = {
        CLEAN: {AUC: 0.7, ENTROPY: 0.9, TASK: 0.8},
        MATCHED: {AUC: 0.7, ENTROPY: 0.99, TASK: 0.7},
        RANDOM: {AUC: 0.8},
        ANCHORS: {ENTROPY: 0.9},
    }
    assert max(margins_of(CLAIMS, noise)) < 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rows", [TABLE, SLICES])
def test_what_the_paper_claims_is_measured_with_three_seeds(measure, rows):
    method = FairPoisoning(rows=rows)
    result = answer(method, ExperimentCase(data_sets.load(method.data[0])))
    table, curve = result["table"], result["curve"]
    where = keep(measure, method, result, f"poisoned fair representation, {rows}")
    points = zip(curve["poison"], curve[AUC], strict=True)
    words = [f"{share:.0%}: {auc:.3f}" for share, auc in points]
    words.append(f"{result['threshold'].values[0]:.1%}")
    measure(f"{where}; AUC by share, first seed; predicted threshold", "; ".join(words))
    assert table.cell(MATCHED, AUC) > table.cell(RANDOM, AUC)


def test_of_the_drawn_table_three_columns_know_the_group_and_four_the_task():
    table = fair_rows.drawn_table(0.3, 4)
    rows, parts = table.train, (table.train, table.validation, table.test)
    values, group, task = (tensor.numpy() for tensor in (rows.values, rows.group, rows.task))
    assert [len(part) for part in parts] == [1200, 400, 400]
    assert np.concatenate([part.group for part in parts]).mean() == 0.3
    by_group, by_task = (
        np.array([abs(roc_auc_score(truth, column) - 0.5) for column in values.T])
        for truth in (group, task)
    )
    assert by_group[:3].min() > 0.2
    assert by_group[3:].max() < 0.07
    assert by_task[3:7].min() > 0.15
    assert np.delete(by_task, [3, 4, 5, 6]).max() < 0.07
    assert abs(roc_auc_score(group, task) - 0.5) < 0.05
    assert table.numeric.tolist() == [True] * 10 + [False] * 2
    assert values.mean(0) == pytest.approx(np.zeros(12), abs=1e-12)
    assert values.std(0) == pytest.approx(np.ones(12))
    assert (fair_rows.drawn_table(0.3, 5).train.values != rows.values).any()


def test_measures_of_an_image_are_those_by_hand():
    image = np.array([[0.0, 0.2, 0.9, 0.0], [0.5, 0.1, 0.8, 0.0]])
    results = dict(zip(fair_rows.MEASURED, fair_rows.attributes(image[None])[0], strict=True))
    down, across = (0.5 + 0.1 + 0.1 + 0) / 4, (0.2 + 0.7 + 0.9 + 0.4 + 0.7 + 0.8) / 6
    expected = {
        "mean brightness": 2.5 / 8,
        "50 % level": 0.15,
        "size of the head": 5 / 8,
        "bright area": 2 / 8,
        "dark area": 2 / 8,
        "left against right": (0 + 0.7 + 0.5 + 0.7) * 2 / 8,
        "front against back": (1.1 - 1.4) / 4,
        "edges": down + across,
    }
    assert {name: results[name] for name in expected} == pytest.approx(expected)


def test_slices_are_grouped_by_height_their_task_is_a_bright_lesion_and_others_are_refused():
    data = tiny.heights()
    table = fair_rows.measured_slices(data, 0.25, 0)
    rows = data.some("test", 400, 0)
    edge = np.quantile(data.truth["height"][data.some("train", 1200, 0)], 0.75)
    assert table.test.group.tolist() == (data.truth["height"][rows] > edge).tolist()
    assert table.test.task.tolist() == (data.labels[rows] == 1).tolist()
    assert table.train.group.mean().item() == pytest.approx(0.25, abs=0.01)
    for other, words in (
        (tiny.squares(), "Choose Brain phantoms, or the drawn table"),
        (replace(data, labels=np.zeros_like(data.labels)), "the fewest are 0"),
        (data.take(data.rows("test")), "has no training images"),
    ):
        assert_refused(words, fair_rows.measured_slices, other, 0.5, 0, error=BadData)
