"""What is certified holds, on random models, under random changes and under attack."""

import math

import pytest
import torch

from engine.attribution.cbc.attack import AttackBudget, lead_of
from engine.attribution.cbc.certificate import Leads
from engine.attribution.cbc.networks import INDEFINITE, NEGATIVE, POSITIVE, RBF, PrototypeHead
from tests.tiny import seeded as chance

INSIDE = 0.999


def model(seed, reasoning=NEGATIVE, images=1, side=4, count=6, classes=3):
    """Random images, places and weights, in float64."""
    rng = chance(seed)
    points = torch.rand(images, side * side, generator=rng, dtype=torch.float64)
    places = torch.rand(count, side * side, generator=rng, dtype=torch.float64)
    widths = 0.3 + torch.rand(count, generator=rng, dtype=torch.float64)
    head = PrototypeHead(count, classes, reasoning).double()
    with torch.no_grad():
        head.theta.copy_(2 * torch.randn(head.theta.shape, generator=rng))

    def scores(given):
        distances = (given.flatten(1)[:, None] - places).square().sum(2).sqrt()
        return head((-distances / widths).exp())

    detections = (-torch.cdist(points, places) / widths).exp()
    labels = head(detections).argmax(1)
    return points, scores, Leads.of(detections, head.linear(), widths, labels)


@pytest.mark.parametrize(
    ("reasoning", "models"), [(NEGATIVE, 300), (POSITIVE, 50), (INDEFINITE, 50), (RBF, 50)]
)
def test_no_random_change_within_the_radius_flips_any_model(reasoning, models):
    with torch.no_grad():
        for seed in range(models):
            points, scores, stand = model(seed, reasoning)
            closed, bound = stand.closed_form().amin(1), stand.own_widths()
            assert bound >= closed - 1e-9
            for radius in (closed, bound):
                reach = min(float(radius), 50.0)
                away = torch.randn(200, 16, generator=chance(seed), dtype=torch.float64)
                away = INSIDE * reach * away / away.norm(dim=1, keepdim=True)
                assert (scores(points + away).argmax(1) == stand.own).all()


def test_attacks_of_the_certified_size_never_succeed_and_larger_ones_do():
    points, scores, stand = model(7, images=200, count=12, classes=5)
    with torch.no_grad():
        radius = stand.own_widths()
    images = points.view(-1, 1, 4, 4)
    inside, _ = AttackBudget(restarts=5, box=False)(scores, images, stand.own, INSIDE * radius, 0)
    outside, _ = AttackBudget(restarts=2, box=False)(scores, images, stand.own, 5 * radius, 0)
    assert inside.shape == (5, 200)
    assert (inside > 0).all()
    assert (outside.amin(0) < 0).float().mean() > 0.3


def test_with_one_width_the_closed_form_is_where_the_bound_reaches_zero():
    for seed in range(50):
        *_, stand = model(seed)
        with torch.no_grad():
            small = Leads(
                0.3 * stand.detections,
                stand.gains,
                stand.ahead,
                torch.full((6,), 0.7, dtype=torch.float64),
                stand.own,
            )
            radius = small.closed_form()
            for label in range(3):
                limit = float(radius[0, label])
                grown = math.exp(limit / 0.7)
                if label == stand.own or not 0 < limit < math.inf or 0.3 * grown > 1:
                    continue
                gains = small.gains[0, :, label]
                speak = (gains.relu() * small.detections[0]).sum()
                against = ((-gains).relu() * small.detections[0]).sum()
                least = speak / grown - against * grown + small.ahead[0, label]
                assert float(least) == pytest.approx(0, abs=1e-9)


def stand_of(gains, ahead, seen=0.5):
    gains = torch.tensor(gains, dtype=torch.float64)
    both = torch.stack([torch.zeros_like(gains), gains], -1)[None]
    unit_widths = torch.ones(len(gains), dtype=torch.float64)
    lead = torch.tensor([[0.0, ahead]], dtype=torch.float64)
    return Leads(seen * unit_widths[None], both, lead, unit_widths, torch.tensor([0]))


@pytest.mark.parametrize(
    ("gains", "ahead", "wanted"),
    [
        ([1.0, 0.5], 0.1, math.inf),  # nothing speaks against it
        ([1.0, 0.5], 0.0, math.inf),
        ([1.0, 0.5], -0.25, math.log(0.75 / 0.25)),
        ([1.0, -1.0], 0.0, 0.0),  # level
        ([0.2, -1.0], 0.1, 0.0),  # behind
        ([1.0, -0.5], 0.0, math.log(math.sqrt(2))),
    ],
)
def test_the_closed_form_at_its_limits(gains, ahead, wanted):
    stand = stand_of(gains, ahead)
    assert float(stand.closed_form().amin()) == pytest.approx(wanted, abs=1e-9)
    assert float(stand.own_widths()) >= wanted - 1e-9


def test_what_is_nearly_seen_cannot_be_seen_more_than_wholly():
    stand = stand_of([1.0, -0.2], 0.0, seen=0.9)  # the other can add no more than 0.2 · 0.1
    with torch.no_grad():
        radius = float(stand.own_widths())
    assert radius == pytest.approx(math.log(0.9 / 0.2), abs=1e-6)
    assert radius > float(stand.closed_form().amin())


def on_a_line(at, places, widths):
    """Two prototypes on a line, for and against the first class, met from one place."""
    at, places, widths = (
        torch.tensor(coordinates, dtype=torch.float64) for coordinates in (at, places, widths)
    )
    detections = (-(at - places).abs() / widths).exp()[None]
    weights = torch.tensor([[0.6, 0.0], [0.0, 0.4]], dtype=torch.float64)
    label = torch.tensor([0])
    linear = weights, torch.zeros(2, dtype=torch.float64)
    return Leads.of(detections, linear, widths, label), float(
        detections[0] @ (weights[:, 0] - weights[:, 1])
    )


@pytest.mark.parametrize("width", [0.1, 0.01, 0.001])
def test_a_prototype_that_is_hardly_seen_may_still_be_met_on_the_way(width):
    places, widths = (-30.0, 10.0), (30.0, width)
    stand, lead = on_a_line(0.0, places, widths)
    assert lead > 0
    assert on_a_line(10.0, places, widths)[1] < 0  # 10 away, another answer
    assert float(stand.own_widths()) < 10
    assert float(stand.closed_form().amin()) < 10
    assert float(stand.least(torch.tensor(10.0, dtype=torch.float64)).amin()) < 0


def test_an_attack_finds_the_distance_to_a_line_and_keeps_to_its_ball():
    weights = torch.randn(16, generator=chance(), dtype=torch.float64)
    images = 0.5 + torch.zeros(1, 1, 4, 4, dtype=torch.float64)

    def scores(given):
        value = (given.flatten(1) - 0.5) @ weights + 0.1
        return torch.stack([value, torch.zeros_like(value)], 1)

    away = 0.1 / float(weights.norm())
    label = torch.zeros(1, dtype=torch.int64)
    for share, flips in ((0.97, False), (1.03, True)):
        leads, result = AttackBudget(steps=40)(
            scores, images, label, torch.tensor([share * away]), 0
        )
        assert bool((leads < 0).all()) is flips
        assert float((result - images).norm()) <= share * away + 1e-9
    points, scores, stand = model(3, images=30)
    images, radii = points.view(-1, 1, 4, 4), torch.linspace(0, 2, 30, dtype=torch.float64)
    leads, result = AttackBudget(restarts=3)(scores, images, stand.own, radii, 0)
    assert ((result - images).flatten(1).norm(dim=1) <= radii + 1e-9).all()
    assert 0 <= result.min() <= result.max() <= 1
    with torch.no_grad():
        assert torch.allclose(lead_of(scores(result), stand.own), leads.amin(0))
        assert (leads.amin(0) <= lead_of(scores(images), stand.own) + 1e-12).all()
