"""The plain unlearners, each against its definition or the limit where it is another."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.run import answer
from engine.unlearning import SCRUB, FineTune, GradientAscent, L1Sparse, NegGradPlus, NoOp, Retrain
from engine.unlearning.protocol.metrics import gap
from engine.unlearning.ways.network import own_copy, untrained
from engine.unlearning.ways.scrub import TEMPERATURE, distillation_losses
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import train
from tests.engine.unlearning.trained import assert_weights, loss_on, same, scores, weights

SEEN = frozenset({"retain", "forget"})


def test_doing_nothing_gives_the_original(case):
    result = answer(NoOp(), case)
    assert rebuilt(result["model"]).fingerprint == case.model.fingerprint
    assert result["run"]["samples"][0] == 0
    again = scores(answer(Retrain(), case))
    assert gap(scores(result), again) > 0.25
    assert scores(result)["UA"] < 0.05


def test_retraining_is_the_recipe_on_what_stays_bit_for_bit(case):
    model = untrained(case.model, case.seed)
    train(model, case.data, case.recipe, case.seed, rows=case.splits.retain)
    result = answer(Retrain(), case)
    assert rebuilt(result["model"]).fingerprint == model.fingerprint
    assert scores(result)["UA"] == 1  # it was never told of that class
    assert gap(scores(result), scores(Retrain()(case))) == 0
    assert result["run"]["share of retraining"][0] == 1


def test_fine_tuning_is_sgd_on_what_stays(case):
    result = answer(FineTune(epochs=1, batch=512), case)
    model, rng = own_copy(case.model).train(), np.random.default_rng([case.seed, 21])
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    for rows in np.array_split(rng.permutation(case.splits.retain), 2):
        optimizer.zero_grad()
        loss_on(model, case.data, rows).backward()
        optimizer.step()
    assert_weights(result, model, atol=1e-6)
    assert not same(result, answer(FineTune(epochs=1, batch=512), replace(case, seed=1)))


def test_ascent_at_no_rate_is_doing_nothing(case):
    little = answer(GradientAscent(rate=1e-6, epochs=1), case)
    assert_weights(little, case.model, atol=1e-5)
    much = answer(GradientAscent(rate=0.02, epochs=10, clip=None, stop=False), case)
    assert scores(much)["UA"] > scores(little)["UA"] + 0.3


def test_ascent_follows_short_gradients_and_ends_at_a_guess_or_as_published_does_neither(case):
    model, rng = own_copy(case.model).train(), np.random.default_rng([case.seed, 21])
    optimizer = torch.optim.SGD(model.parameters(), 0.03, momentum=0.9, weight_decay=5e-4)
    steps = 0
    for _ in range(50):
        for rows in np.array_split(rng.permutation(case.splits.forget), 2):
            loss = loss_on(model, case.data, rows)
            if loss > math.log(10):
                break
            optimizer.zero_grad()
            (-loss).backward()
            size = torch.sqrt(sum((parameter.grad**2).sum() for parameter in model.parameters()))
            for parameter in model.parameters():
                parameter.grad /= max(size, 1)
            optimizer.step()
            steps += 1
        else:
            continue
        break
    result = answer(GradientAscent(), case)
    assert 0 < steps == result["run"]["steps"][0] < 100
    assert_weights(result, model, atol=1e-3)
    assert answer(GradientAscent(epochs=4, stop=False), case)["run"]["steps"][0] == 8


def test_without_its_pull_l1_sparse_is_fine_tuning_bit_for_bit(case):
    plain = answer(FineTune(epochs=2), case)
    assert same(plain, answer(L1Sparse(epochs=2, rate=0.01, pull=None), case))
    assert same(plain, answer(L1Sparse(epochs=2, rate=0.01, free=2), case))
    pulled = answer(L1Sparse(epochs=2, rate=0.01), case)
    assert not same(plain, pulled)
    sizes = [sum(np.abs(w).sum() for w in weights(made).values()) for made in (pulled, plain)]
    assert sizes[0] < sizes[1]
    method = L1Sparse(epochs=4, pull=0.004, free=1)  # it fades to nothing
    pulls = [method.pull_in(epoch) for epoch in range(4)]
    assert pulls == pytest.approx([0.004, 0.004 * 2 / 3, 0.004 / 3, 0.0])


def test_negative_gradients_with_a_balance_of_one_are_fine_tuning(case):
    assert same(answer(NegGradPlus(epochs=2, balance=1.0), case), answer(FineTune(epochs=2), case))
    less = answer(NegGradPlus(epochs=5, balance=0.9, cap=None), case)
    assert scores(less)["UA"] > scores(answer(FineTune(epochs=5), case))["UA"] + 0.3


def test_a_forgotten_image_s_loss_counts_up_to_the_cap_and_has_no_slope_above(case):
    work = UnlearningRun(case, own_copy(case.model), SEEN)
    model, rows, most = work.model, case.splits.forget[:20], 2 * math.log(10)
    with torch.no_grad():
        sure = model(case.data.pixels(rows))
        margin = sure[:, 3] - sure[:, [0, 1, 2, *range(4, 10)]].logsumexp(1)
        model.network.head.bias[3] -= margin.median() + most  # about half are above it
    losses = loss_on(model, case.data, rows, "none")
    assert 0 < (losses > most).sum() < len(losses)
    capped = NegGradPlus().climbing(work)(rows)
    assert capped.item() == pytest.approx(losses.clamp(max=most).mean().item(), rel=1e-5)
    above = np.asarray(rows)[(losses > most).numpy()]
    slope = torch.autograd.grad(NegGradPlus().climbing(work)(above), model.network.head.bias)[0]
    assert not slope.any()
    plain = NegGradPlus(cap=None).climbing(work)(rows)
    assert plain.item() == pytest.approx(losses.mean().item(), rel=1e-5)


def test_scrub_climbs_first_and_then_mends(case):
    work, rows = UnlearningRun(case, own_copy(case.model), SEEN), case.splits.forget[:20]
    distance, loss = distillation_losses(work, rows)
    assert distance.item() == pytest.approx(0, abs=1e-5)
    assert loss.item() == pytest.approx(loss_on(case.model, case.data, rows).item(), abs=1e-5)
    unlearned = rebuilt(answer(SCRUB(), case)["model"])
    work, gone = UnlearningRun(case, own_copy(unlearned), SEEN), case.splits.forget
    away, stayed = (distillation_losses(work, part)[0] for part in (gone, case.splits.retain))
    assert away > 5 * stayed
    p, q = (
        model.logits(case.data.pixels(gone)).div(TEMPERATURE).softmax(1)
        for model in (case.model, unlearned)
    )
    assert away.item() == pytest.approx((p * (p / q).log()).sum(1).mean().item() * 16, rel=1e-3)
    stages = [len(SCRUB(climbs=2).stages(work, epoch)) for epoch in range(4)]
    assert stages == [2, 2, 1, 1]
