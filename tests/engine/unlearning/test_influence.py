"""Newton's step where it is exact, the published shortcut where it is not; Fisher forgetting."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional as F

from engine.core.run import answer
from engine.unlearning import IU, FisherForgetting, IUExact, forget_case, request
from engine.unlearning.ways.fisher import BATCH, CLASS_VARIANCE, fisher
from engine.unlearning.ways.influence import conjugate_gradients, gauss_newton, summed, wood_fisher
from engine.unlearning.ways.network import in_parts, own_copy
from engine.unlearning.ways.unlearner import UnlearningRun
from engine.vision import data as data_sets
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe
from tests import tiny
from tests.engine.unlearning.trained import loss_on

RIDGE = 0.01


class Flat(nn.Module):
    def __init__(self, side, classes):
        super().__init__()
        self.fc = nn.Linear(side * side, classes)

    def forward(self, images):
        return self.fc(images.mean(1).flatten(1))


def fitted(data, rows):
    """The minimum of the mean loss with a ridge, of the bias too, by scikit-learn."""
    pixels = data.pixels().mean(1).flatten(1).double().numpy()
    x = np.hstack([pixels, np.ones((len(pixels), 1))])[rows]
    peer = LogisticRegression(
        C=1 / (RIDGE * len(rows)), fit_intercept=False, tol=1e-8, max_iter=5000
    )
    weights = peer.fit(x, data.labels[rows]).coef_
    network = Flat(8, 10)
    tiny.fill(network.fc.weight, weights[:, :-1])
    tiny.fill(network.fc.bias, weights[:, -1])
    return Classifier(network, "flat", "flat", 8, labels=data.classes, architecture="flat")


def row(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def change(method, case):
    weights, was = method(case)["model"].weights, case.model.network.state_dict()
    return torch.cat([(torch.tensor(weights[name]) - was[name]).flatten() for name in was])


@pytest.fixture(scope="module")
def line():
    data = data_sets.load("digits")
    forget_request = request.at_random(data, 0.05, seed=1)
    original = fitted(data, data.rows("train"))
    case = forget_case(original, data, forget_request, Recipe("mlp"))
    return case, fitted(data, case.splits.retain)


def test_one_exact_step_brings_a_linear_model_to_its_retrained_self(line):
    case, retrained = line
    before = (row(case.model) - row(retrained)).norm()
    assert before > 0.02
    for options in ({"step": 1.0}, {}):
        result = row(case.model) + change(IUExact(damping=RIDGE, rounds=200, **options), case)
        assert (result - row(retrained)).norm() < 0.1 * before


def test_the_curvature_of_a_linear_model_is_its_hessian_and_conjugate_gradients_solve(line):
    case, _ = line
    model = own_copy(case.model)
    pixels, targets = case.data.pixels(np.arange(20)), case.data.targets(np.arange(20))
    vector, weights = torch.randn(650, generator=tiny.seeded()), list(model.parameters())
    loss = F.cross_entropy(model(pixels), targets)
    first = torch.autograd.grad(loss, weights, create_graph=True)
    flat = torch.cat([gradient.flatten() for gradient in first])
    second = torch.autograd.grad(flat @ vector, weights)
    slow = torch.cat([derivative.flatten() for derivative in second])
    torch.testing.assert_close(gauss_newton(model, pixels, vector), slow, rtol=1e-4, atol=1e-6)
    generator = tiny.seeded()
    root = torch.randn(12, 12, generator=generator, dtype=torch.float64)
    matrix, v = root @ root.T + torch.eye(12), torch.randn(12, generator=generator).double()
    result = conjugate_gradients(lambda x: matrix @ x, v, 50)
    torch.testing.assert_close(matrix @ result, v, rtol=1e-6, atol=1e-6)
    assert not conjugate_gradients(lambda x: matrix @ x, torch.zeros_like(v), 5).any()


def test_the_reference_never_leaves_the_first_gradient(line):
    generator = tiny.seeded(1)
    v = torch.randn(30, generator=generator)
    gradients = [10 * torch.randn(30, generator=generator) for _ in range(40)]
    result = wood_fisher(v, gradients)
    first = gradients[0] / gradients[0].norm()
    rest = (result - v) - ((result - v) @ first) * first
    assert rest.norm() < 1e-4 * (result - v).norm()
    k, o = v.double(), gradients[0].double()
    for g in (gradient.double() for gradient in gradients[1:]):
        t = float(o @ g)
        k = k - float(k @ g) / (1000 + t) * o
        o = o - t / (1000 + t) * o
    torch.testing.assert_close(result, k.float(), rtol=1e-3, atol=1e-3)
    case, _ = line
    moved = change(IU(step=1.0), case)
    torch.testing.assert_close(2 * moved, change(IU(step=2.0), case), atol=1e-5, rtol=0)
    work = UnlearningRun(case, own_copy(case.model), frozenset({"retain", "forget"}))
    v = IU().direction(work)
    first = summed(work, IU().sample(work)[:1])
    plane, _ = torch.linalg.qr(torch.stack([v, first], 1).double())
    residual = moved.double() - plane @ (plane.T @ moved.double())
    assert residual.norm() < 1e-3 * moved.norm()


def test_the_step_is_taken_from_the_gradients_of_both_sets(line):
    case, _ = line
    few = replace(case, request=request.of_ids(case.data, case.data.ids[case.splits.forget[:3]]))
    work = UnlearningRun(few, own_copy(few.model), frozenset({"retain", "forget"}))
    v = IU().direction(work)
    model, total = own_copy(few.model), len(few.splits.train)
    slow = torch.zeros(650)
    for rows, factor in (
        (few.splits.forget, 1 / total),
        (few.splits.retain, -3 / (total * len(few.splits.retain))),
    ):
        model.zero_grad()
        (factor * loss_on(model, few.data, rows, "sum")).backward()
        slow += torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
    torch.testing.assert_close(v, slow, rtol=1e-3, atol=1e-6)


def test_its_importance_is_that_of_a_slow_sum(case):
    result = fisher(UnlearningRun(case, own_copy(case.model), frozenset({"retain"})))["head.weight"]
    parts = in_parts(case.splits.retain, BATCH, np.random.default_rng([case.seed, 21]))
    model, slow = own_copy(case.model), torch.zeros_like(result)
    for rows in parts:
        pixels = case.data.pixels(rows)
        shares = model(pixels).softmax(1).mean(0).detach()
        for label in range(10):
            model.zero_grad()
            F.cross_entropy(model(pixels), torch.full((len(rows),), label)).backward()
            slow += shares[label] * model.network.head.weight.grad**2 / len(parts)
    torch.testing.assert_close(result, slow, rtol=1e-3, atol=1e-9)
    method = FisherForgetting(noise=1e-7)
    was = case.model.network.head.weight.detach()
    moved = torch.tensor(method(case)["model"].weights["head.weight"]) - was
    drawn = (moved / method.variance(slow, is_head=True).sqrt())[torch.arange(10) != 3]
    assert float(drawn.std()) == pytest.approx(1, abs=0.15)  # the noise that this importance asks
    assert float(drawn.mean()) == pytest.approx(0, abs=0.2)


def test_the_variance_is_clamped_averaged_and_larger_for_head_and_biases():
    method = FisherForgetting(noise=1e-3)
    flat = torch.tensor([[1e-12, 1.0], [2.0, 4.0]])
    body, head = (method.variance(flat, is_head=is_head) for is_head in (False, True))
    assert body.tolist() == [[pytest.approx(1e-3 * m)] * 2 for m in ((1e3 + 1) / 2, 0.375)]
    assert head[0].tolist() == pytest.approx([1e-2 * (1e2 + 1) / 2] * 2)
    bias = method.variance(torch.tensor([2.0]), is_head=False)
    torch.testing.assert_close(bias, torch.tensor([1e-2 / 2]))


def test_the_rows_of_several_classes_are_drawn_around_nothing(case):
    both = replace(case, request=request.of_classes(case.data, (3, 5)))
    weights = answer(FisherForgetting(noise=1e-9), both)["model"].weights
    was = case.model.network.state_dict()
    for name in ("head.weight", "head.bias"):
        assert np.abs(weights[name][[3, 5]]).max() < 5 * CLASS_VARIANCE**0.5
        others = [label for label in range(10) if label not in {3, 5}]
        np.testing.assert_allclose(weights[name][others], was[name].numpy()[others], atol=0.02)
