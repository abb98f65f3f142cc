"""OM and DMM: what they are taught, where that leads, and who is billed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine.core import run
from engine.core.run import answer
from engine.unlearning import DatamodelMatching, OracleMatching
from engine.unlearning.dmm import matching, trainings
from engine.unlearning.dmm.datamodel import shift_of
from engine.unlearning.dmm.matching import OutputMatching
from engine.unlearning.dmm.trainings import (
    ALL,
    STAYS,
    judges,
    logits_of,
    models_of,
    others,
    teachers,
    train_part,
)
from engine.unlearning.ways.network import own_copy
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import outputs
from tests import tiny
from tests.engine.unlearning.dmm.test_trainings import RECIPE
from tests.engine.unlearning.trained import class_case

LONG = {"steps": 250, "rate": 0.003, "batch": 512, "retained": 20}


@pytest.fixture(scope="module")
def case():
    base_case = class_case(recipe=replace(RECIPE, epochs=6))
    return replace(base_case, model=models_of(train_part(base_case, ALL, 0), "own")[0])


def off(model, case, wanted, rows):
    """How far logits are from others, a root mean square."""
    return float((outputs(model, case.data, rows) - wanted[rows]).square().mean().sqrt())


def test_om_comes_to_say_what_its_oracle_says(case):
    method = OracleMatching(**LONG)
    results = (answer(method, replace(case, seed=seed)) for seed in (0, 1))
    model, other = (rebuilt(result["model"]) for result in results)
    oracle, second, *_ = torch.from_numpy(logits_of(train_part(case, STAYS, teachers(0))).copy())
    for rows in (case.splits.forget, case.splits.retain, case.splits.test):
        assert off(model, case, oracle, rows) < 0.3 * off(case.model, case, oracle, rows)
    forget = case.splits.forget
    assert off(other, case, second, forget) < off(model, case, second, forget)


def test_dmm_is_taught_the_original_s_logits_and_what_the_datamodel_adds(case):
    result = answer(DatamodelMatching(networks=40, **LONG), case)
    gained, seconds = shift_of(case, 40, 10.0)
    every = np.arange(len(case.data))
    targets = outputs(case.model, case.data, every) + torch.from_numpy(gained).float()
    for rows in (case.splits.forget, case.splits.retain):
        moved = off(rebuilt(result["model"]), case, targets, rows)
        assert moved < 0.5 * off(case.model, case, targets, rows)
    assert result["run"]["seconds before"][0] == pytest.approx(seconds)
    assert result["run"]["seconds"][0] < result.record["seconds"]
    assert result["run"]["forward"][0] > 250 * len(case.splits.forget)


def test_without_a_change_to_be_taught_dmm_leaves_what_the_model_says(case, monkeypatch):
    monkeypatch.setattr(matching, "shift_of", lambda case, *_: (np.zeros((len(case.data), 10)), 0))
    method = DatamodelMatching(networks=40, steps=50)
    result = method(replace(case, seed=5))
    every = np.arange(len(case.data))
    before = outputs(case.model, case.data, every)
    assert off(rebuilt(result["model"]), case, before, every) < 1e-3


def test_what_is_taught_goes_over_the_forgotten_and_a_fresh_draw_and_teachers_do_not_judge(case):
    method = OracleMatching(retained=2)
    work = UnlearningRun(case, own_copy(case.model), method.sees)
    first, second = method.epoch(work), method.epoch(work)
    count = len(case.splits.forget)
    for rows in (first, second):
        assert set(rows[:count]) == set(case.splits.forget)
        assert len(set(rows[count:])) == 2 * count
        assert set(rows[count:]) <= set(case.splits.retain)
    assert set(first) != set(second)
    seeds = {kind(part) for kind in (teachers, judges, others) for part in range(5)}
    assert len(seeds) == 15
    assert max(seeds) <= 99  # the most that can be asked for
    assert trainings.SEEDS[ALL] + 100 * trainings.PART <= trainings.SEEDS[STAYS]


def test_what_can_be_had_before_is_no_part_of_the_seconds_and_is_not_made_anew(case, monkeypatch):
    train_part(case, STAYS, teachers(0))
    monkeypatch.setattr(trainings, "train_stacked", None)  # nothing is trained once more
    with run.recompute(lambda _: True):
        result = OracleMatching(steps=1)(case)
    now = iter(range(0, 10_000, 100))
    monkeypatch.setattr(matching.clock, "now", lambda _: next(now))
    timed = OracleMatching(steps=1)(case)["run"]
    assert result["run"]["seconds"][0] > 0
    assert timed["seconds"][0] == 100 * 3 - 100  # four looks at the clock, two of them around it


class Head(nn.Module):
    def __init__(self, side, classes):
        super().__init__()
        self.head = nn.Linear(side * side, classes)

    def forward(self, images):
        return self.head(images[:, 0].flatten(1))


class KnownLogits(OutputMatching):
    """Matching of logits that are known."""

    name = title = short = "Given"
    wanted = None

    def targets(self, work, progress):
        return self.wanted


def test_a_linear_model_that_is_taught_by_the_closed_form_becomes_its_refit():
    case = tiny.forget_case()
    data, ridge = case.data, 5.0
    pixels = data.pixels()[:, 0].flatten(1).double()
    x = torch.cat([pixels, torch.ones(len(data), 1, dtype=torch.float64)], 1)
    y = torch.eye(4, dtype=torch.float64)[data.targets()]
    train, forget = case.splits.train, case.splits.forget

    def inner(rows):
        return x[rows].T @ x[rows] + ridge * torch.eye(x.shape[1], dtype=torch.float64)

    parts = train, case.splits.retain
    whole, refit = (torch.linalg.solve(inner(rows), x[rows].T @ y[rows]) for rows in parts)
    influence = torch.linalg.solve(inner(train), x[forget].T)  # A⁻¹ X_Fᵀ
    hat = x[forget] @ influence
    residual = y[forget] - x[forget] @ whole
    block = whole - influence @ torch.linalg.solve(torch.eye(len(hat)).double() - hat, residual)
    torch.testing.assert_close(block, refit, atol=1e-8, rtol=0)
    network = Head(data.side, 4)
    model = Classifier(network, "head", "head", data.side, labels=case.model.labels)
    with torch.no_grad():
        network.head.weight.copy_(whole[:-1].T)
        network.head.bias.copy_(whole[-1])
    KnownLogits.wanted = (x @ block).float()
    method = KnownLogits(steps=1000, rate=0.003, batch=512, retained=20)
    work = UnlearningRun(replace(case, model=model), own_copy(model), method.sees)
    method.change(work)
    predictions = outputs(work.model, data, train).double()
    assert (x[train] @ whole - x[train] @ refit).abs().max() > 0.05
    torch.testing.assert_close(predictions, x[train] @ refit, atol=1e-4, rtol=0)
