"""The descent loop is the one of PyTorch's own documentation, to the bit."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.vision.training import Diverged, descend
from tests import tiny


def problem(count=6):
    """A small network and the batches it learns from."""
    network = tiny.random_weights(nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)))
    inputs = torch.randn(count, 4, 5, generator=tiny.seeded(1))
    targets = torch.randint(3, (count, 4), generator=tiny.seeded(2))
    return network, list(zip(inputs, targets, strict=True))


def losses(network, batches):
    return [lambda b=b: F.cross_entropy(network(b[0]), b[1]) for b in batches]


def same(network, other):
    return all(map(torch.equal, network.parameters(), other.parameters()))


def test_it_is_the_loop_written_out_to_the_bit():
    network, batches = problem()
    plainly, _ = problem()
    optimizer = torch.optim.AdamW(plainly.parameters(), 1.0, weight_decay=0.1)
    expected = []
    for number, (inputs, target) in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (1 + number)
        optimizer.zero_grad()
        loss = F.cross_entropy(plainly(inputs), target)
        loss.backward()
        nn.utils.clip_grad_norm_(plainly.parameters(), 0.3)
        optimizer.step()
        expected.append(loss.item())
    result = descend(
        torch.optim.AdamW(network.parameters(), 1.0, weight_decay=0.1),
        losses(network, batches),
        rate=lambda number: 0.1 / (1 + number),
        before_step=lambda: nn.utils.clip_grad_norm_(network.parameters(), 0.3),
    )
    assert list(result) == expected
    assert same(network, plainly)


def test_without_a_rate_the_optimizer_has_its_own():
    network, batches = problem()
    plainly, _ = problem()
    list(descend(torch.optim.SGD(network.parameters(), 0.2), losses(network, batches)))
    for inputs, target in batches:
        weights, loss = list(plainly.parameters()), F.cross_entropy(plainly(inputs), target)
        for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.data.sub_(0.2 * slope)
    for parameter, other in zip(network.parameters(), plainly.parameters(), strict=True):
        assert torch.allclose(parameter, other, atol=1e-6)


def test_the_step_of_a_loss_that_is_no_number_is_not_taken():
    network, batches = problem()
    plainly, _ = problem()
    bad = [*losses(network, batches[:3]), lambda: network(batches[0][0]).sum() * torch.inf]
    taken = []
    with pytest.raises(Diverged, match="choose a lower rate"):
        taken.extend(descend(torch.optim.SGD(network.parameters(), 0.2), bad))
    list(descend(torch.optim.SGD(plainly.parameters(), 0.2), losses(plainly, batches[:3])))
    assert len(taken) == 3
    assert same(network, plainly)


def test_a_loss_is_asked_for_when_the_step_before_it_is_over():
    network, batches = problem(2)
    happened = []

    def asked():
        for number, loss in enumerate(losses(network, batches)):
            happened.append(f"asked {number}")
            yield loss

    steps = descend(torch.optim.SGD(network.parameters(), 0.2), asked())
    happened.extend("taken" for _ in steps)
    assert happened == ["asked 0", "taken", "asked 1", "taken"]
