"""What an unlearning costs is counted in passes through the network, forward and backward."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine import unlearning
from engine.core.run import answer
from engine.unlearning.ways.influence import gauss_newton
from engine.unlearning.ways.network import in_parts, named_weights, own_copy
from engine.vision.models.passes import Passes, counting_passes
from engine.vision.training import Recipe, outputs, train
from tests.engine.unlearning.trained import columns_case


@pytest.fixture(scope="module")
def case():
    return columns_case(Recipe("mlp", epochs=3, batch=12))


def cost(method, case):
    run = answer(method, case)["run"]
    return int(run["forward"][0]), int(run["backward"][0])


@pytest.mark.parametrize("steps", [0, 2])
def test_a_training_takes_the_passes_that_its_recipe_says_those_of_its_attack_too(steps):
    attacked = {"epsilon": 0.1, "attack_steps": steps} if steps else {}
    case = columns_case(Recipe("mlp", epochs=3, batch=12, **attacked))
    rows = case.splits.retain
    with counting_passes(passes := Passes()):
        train(own_copy(case.model), case.data, case.recipe, 0, rows=rows)
    assert passes.forward == passes.backward == len(rows) * 3 * (1 + steps)
    assert passes.forward == len(rows) * case.recipe.passes
    assert cost(unlearning.Retrain(), case) == (passes.forward, passes.backward)
    assert answer(unlearning.Retrain(), case)["run"]["share of retraining"][0] == 1


def test_each_way_is_billed_what_it_does_as_a_share_of_retraining_s_passes(case):
    """Fisher forgetting looks at each image once and derives its answer once for each class."""
    run = answer(unlearning.FisherForgetting(), case)["run"]
    stay, gone, classes = len(case.splits.retain), len(case.splits.forget), len(case.model.labels)
    assert run["samples"][0] == run["forward"][0] == stay
    assert run["backward"][0] == classes * stay
    whole = 3 * stay * case.recipe.epochs  # a backward pass counts as two
    assert run["share of retraining"][0] == pytest.approx((stay + 2 * classes * stay) / whole)
    assert cost(unlearning.NoOp(), case) == (0, 0)
    assert cost(unlearning.FineTune(epochs=2), case) == (2 * stay, 2 * stay)
    student = 2 * stay + gone  # its teacher looks too
    assert cost(unlearning.SCRUB(epochs=2, climbs=1), case) == (2 * student, student)
    assert cost(unlearning.SSD(ratio=10.0), case) == (stay + 2 * gone, stay + 2 * gone)
    assert cost(unlearning.SalUn(epochs=1), case) == (stay + 2 * gone,) * 2  # saliency is first
    batches = len(in_parts(case.splits.retain, 64, np.random.default_rng(0)))
    assert cost(unlearning.NegGradPlus(epochs=1), case) == (stay + batches * min(64, gone),) * 2


def test_a_derivative_that_is_derived_once_more_is_another_pass(case):
    model = own_copy(case.model)
    pixels = case.data.pixels(np.arange(5))
    vector = torch.ones(sum(parameter.numel() for parameter in named_weights(model).values()))
    with counting_passes(passes := Passes()):
        gauss_newton(model, pixels, vector)
    assert (passes.forward, passes.backward) == (5, 15)
    stay, gone = len(case.splits.retain), len(case.splits.forget)
    expected = (2 * stay + gone, 4 * stay + gone)
    assert cost(unlearning.IUExact(rounds=1, step=1.0), case) == expected


def test_what_only_measures_is_on_no_bill_and_an_inner_bill_is_not_on_the_outer(case):
    model = own_copy(case.model)
    with counting_passes(outer := Passes()):
        outputs(model, case.data, case.splits.test)
        model.logits(case.data.pixels(case.splits.test))
        with counting_passes(inner := Passes()):
            F.cross_entropy(model(case.data.pixels(np.arange(4))), torch.zeros(4).long()).backward()
        with torch.no_grad():
            model(case.data.pixels(np.arange(3)))
    assert (inner.forward, inner.backward, inner.work) == (4, 4, 12)
    assert (outer.forward, outer.backward) == (3, 0)
