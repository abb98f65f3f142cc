"""LiMA against sums, against the plain greedy search written again, and on its own ends."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.heatmaps.partition import Partition
from engine.attribution.lima import LiMA, Seeing, Terms, Weights, effectiveness, naive_looks, search
from engine.attribution.lima.views import NEVER, STILL, highest, maps, refuse_still
from engine.core.errors import BlindspotError
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier
from tests import tiny

ALONE = Weights(1.0, 0.0, 0.0, 0.0)


def additive(values):
    """Terms of a score that is a sum: what is shown adds up."""

    def look(sets):
        shown_sums = sets.float() @ values
        return Terms(shown_sums, values.sum() - (~sets).float() @ values, torch.zeros(len(sets)))

    return look


@pytest.mark.parametrize("pending", [1, 3, 8, 20])
def test_an_additive_score_is_ordered_by_its_parts(pending):
    values = torch.randn(12, generator=tiny.seeded(pending))
    result = search(additive(values), torch.zeros(12, 12), ALONE, pending)
    assert result.order == values.argsort(descending=True).tolist()
    weight = tiny.linear_case().model.network.weight.detach() / 50  # so that p is never certain
    case = ImageCase(tiny.classifier(tiny.Linear(weight), 16), tiny.image(16), 1)
    sums = Partition.of(case, "grid", 16).sums(case.image * weight)
    order = replace(METHOD, pending=pending, confidence=0.0, effectiveness=0.0)(case)["order"]
    assert order["region"].tolist() == sums.argsort(descending=True).tolist()


def apart(members, distances):
    """The sum of each member's distance to the nearest other one."""
    if len(members) < 2:
        return 0.0
    return sum(min(float(distances[i, j]) for j in members if j != i) for i in members)


def plain_greedy(look, distances, weights):
    """Every region that is left, every time."""
    left, order, looks = [*range(len(distances))], [], 0
    while len(left) > 1:
        worth = []
        for region in left:
            members = [*order, region]
            sets = torch.zeros(1, len(distances), dtype=torch.bool)
            sets[0, members] = True
            spread = apart(members, distances)
            worth.append(float(weights.of(look(sets), torch.tensor([spread]))[0]))
            looks += 1
        order.append(left.pop(int(np.argmax(worth))))
    return order + left, looks


def test_with_all_pending_it_is_the_plain_greedy_search():
    generator = tiny.seeded(1)
    distances = torch.rand(9, 9, generator=generator)
    distances = (distances + distances.T) / 2
    bent = torch.randn(9, 9, generator=generator)

    def look(sets):
        membership = sets.float()
        shown_terms = (membership @ bent * membership).sum(1).tanh()
        return Terms(shown_terms, shown_terms.cos(), shown_terms.sin())

    weights = Weights(2.0, 0.5, 0.3, 0.4)
    result = search(look, distances, weights, pending=9)
    order, looks = plain_greedy(look, distances, weights)
    assert result.order == order
    assert result.looks == looks
    assert 2 * looks == naive_looks(9)


@pytest.mark.parametrize(("regions", "pending", "passes"), [(50, 8, 1666), (25, 5, 448)])
def test_it_looks_as_often_as_the_paper_counts(regions, pending, passes):
    values = torch.randn(regions, generator=tiny.seeded(0))
    result = search(additive(values), torch.zeros(regions, regions), ALONE, pending)
    assert 2 * result.looks == passes
    assert naive_looks(regions) + 2 == regions * (regions + 1)


def test_effectiveness_is_the_sum_of_nearest_distances():
    distances = torch.rand(6, 6, generator=tiny.seeded(2))
    distances = (distances + distances.T) / 2
    result = effectiveness([0, 3, 4], [1, 5], distances)
    slowly = [apart([0, 3, 4, new], distances) for new in (1, 5)]
    assert result.tolist() == pytest.approx(slowly, rel=1e-5)
    assert effectiveness([], [1, 5], distances).tolist() == [0, 0]
    pair = effectiveness([2], [4], distances)  # each is the other's nearest
    assert pair.item() == pytest.approx(2 * distances[2, 4].item())


class Spots(nn.Module):
    """Class 1 is the brightness of the upper left quarter, class 0 that of the rest."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2, bias=False)
        self.head.weight.data = torch.tensor([[0.0, 4.0], [12.0, 0.0]])

    def forward(self, images):
        bright = images.mean(1)
        corner = bright[:, :8, :8].mean((1, 2))
        rest = bright.mean((1, 2)) - corner / 4
        return self.head(torch.stack([corner, rest], 1))


@pytest.fixture
def case():
    model = Classifier(Spots(), "spots", "spots", side=16)
    image = torch.rand(3, 16, 16, generator=tiny.seeded(3)) * 0.5 + 0.5
    return ImageCase(model, image, target=1)


METHOD = LiMA(shape="grid", regions=16, pending=4)


def seeing_of(case):
    return Seeing(case, Partition.of(case, "grid", 16), "black")


def along_the_order(case, result):
    """Of class 1, with the first regions shown and with them hidden, (2, 17)."""
    seeing = seeing_of(case)
    sets = torch.zeros(17, 16, dtype=torch.bool)
    for step in range(17):
        sets[step, result["order"]["region"][:step].tolist()] = True
    return np.stack([seeing.probabilities(shown)[:, 1].numpy() for shown in (sets, ~sets)])


@pytest.mark.parametrize("pending", [2, 5, 16])
def test_every_point_of_the_curves_is_what_the_model_says(case, pending):
    """Also where the order was filled from the back and nothing was looked at by itself."""
    result = replace(METHOD, pending=pending)(case)
    curves = np.stack([result[name].y for name in ("insertion", "deletion")])
    assert curves == pytest.approx(along_the_order(case, result), abs=1e-6)


def test_the_map_falls_along_the_order_and_where_one_region_counts_it_stands_alone(case):
    """The authors' map, worked out from the curves: 1 for the first region, 0 for the last."""
    result = METHOD(case)
    value, step = result["map"].values, result["rank"].values
    falls = np.abs(np.diff(result["insertion"].y + 1 - result["deletion"].y))
    for k in range(16):
        expected = 1 - falls[1 : k + 1].sum() / falls[1:].sum()
        assert value[step == k] == pytest.approx(expected, abs=1e-5)
    assert value[step == 0] == pytest.approx(1)
    assert value[step == 15] == pytest.approx(0, abs=1e-6)
    seeing = SimpleNamespace(partition=SimpleNamespace(count=4, values=lambda values: values))
    flat = np.array([0.1, 0.9, 0.9, 0.9, 0.9], np.float32)
    views = maps(seeing, np.array([2, 0, 1, 3]), flat, 1 - flat)
    assert views["map"].values.tolist() == [0, 0, 1, 0]
    assert views["rank"].values.tolist() == [1, 2, 0, 3]
    assert not views["map"].signed
    assert not views["rank"].signed


@pytest.mark.parametrize(("effectiveness", "alone"), [(0.05, 16), (0.0, 0)])
def test_forward_passes_are_told_beside_those_of_the_plain_search(case, effectiveness, alone):
    """Every one that the model makes: each region alone, where distances count, and both ends."""
    case.model.pace("exact")  # tried before passes are counted
    passes = []
    handle = case.model.network.register_forward_hook(
        lambda _module, _inputs, logits: passes.append(len(logits))
    )
    ours, plain = replace(METHOD, effectiveness=effectiveness)(case)["looks"].values
    handle.remove()
    assert ours == sum(passes)
    assert plain == 16 * 17 - 2 + alone + 2
    assert ours < plain


def test_the_first_class_is_followed_along_the_same_steps(case):
    """Every point, for the class that the model sees, where another one is searched for."""
    wrong = ImageCase(case.model, case.image, target=0)
    assert int(case.model.logits(case.image[None])[0].argmax()) == 1
    result = replace(METHOD, pending=5)(wrong)
    insertion, gone = result["insertion of the first class"], result["deletion of the first class"]
    assert insertion.y_label == wrong.model.labels[1]
    curves = np.stack([insertion.y, gone.y])
    assert curves == pytest.approx(along_the_order(wrong, result), abs=1e-6)
    assert insertion.y == pytest.approx(1 - result["insertion"].y, abs=1e-6)  # of two classes


def test_areas_and_highest_probabilities_are_those_of_the_curves_and_found_by_hand(case):
    """The first class of the image is the one asked about, so its curves are the same."""
    result = METHOD(case)
    curve, table = result["insertion"], result["highest"]
    assert curve.x.tolist() == pytest.approx(np.arange(17) / 16)
    assert result["areas"].values[0] == pytest.approx(np.trapezoid(curve.y, curve.x), rel=1e-6)
    for name in ("insertion", "deletion"):
        assert result[f"{name} of the first class"].y == pytest.approx(result[name].y, abs=1e-6)
    for row, share in enumerate((0.25, 0.5, 0.75, 1.0)):
        inside = (curve.x <= share) & (curve.x > 0)
        assert table.values[row, 0] == curve.y[inside].max()
        assert curve.y[curve.x == table.values[row, 1]] == table.values[row, 0]
    # nothing shown does not count, more than the share does not either, its edge does
    area = np.array([0, 0.3, 0.5, 0.6, 1], np.float32)
    table = highest(area, np.array([0.9, 0.1, 0.5, 0.3, 0.7], np.float32))
    assert np.isnan(table.values[0]).all()
    assert table.values[1:].tolist() == pytest.approx(
        np.array([[0.5, 0.5], [0.5, 0.5], [0.7, 1]]), abs=1e-6
    )


class Still(nn.Module):
    def __init__(self, *logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, images):
        return self.logits.expand(len(images), -1) + 0 * images.mean((1, 2, 3))[:, None]


@pytest.mark.parametrize(
    ("logit", "words"), [(0.0, r"is 0\.5 whichever regions the model sees"), (-90.0, "never gives")]
)
def test_a_constant_model_is_refused(case, logit, words):
    model = tiny.classifier(Still(0.0, logit), 16)
    with pytest.raises(BlindspotError, match=words):
        METHOD(ImageCase(model, case.image, target=1))


def test_probabilities_are_none_up_to_never_and_move_from_still_on():
    for none in (0.0, NEVER):
        with pytest.raises(BlindspotError, match="never gives"):
            refuse_still(np.array([0, none, 0]), "cat")
    with pytest.raises(BlindspotError, match=r"is 0\.5 whichever"):
        refuse_still(np.array([0.5, 0.5 + 0.9 * STILL]), "cat")
    refuse_still(np.array([2 * NEVER, 2 * NEVER - STILL]), "cat")  # at the bound it moves
    refuse_still(np.array([0.5, 0.5 + 1.1 * STILL]), "cat")


def test_one_region_is_refused(case, monkeypatch):
    whole = Partition(torch.zeros(16, 16, dtype=torch.int64))
    monkeypatch.setattr(Partition, "of", classmethod(lambda *_: whole))
    with pytest.raises(BlindspotError, match="one single region"):
        METHOD(case)


@pytest.mark.parametrize("cover", ["black", "mean", "blur"])
def test_hidden_regions_become_the_cover_that_was_chosen(case, cover):
    result = replace(METHOD, cover=cover)(case)
    both = case.model.logits(torch.stack([case.baseline(cover), case.image]))
    ends = both.softmax(1)[:, 1].numpy()
    assert result["insertion"].y[[0, -1]] == pytest.approx(ends, abs=1e-6)
    assert result["deletion"].y[[-1, 0]] == pytest.approx(ends, abs=1e-6)
    is_shown = Partition.of(case, "grid", 16).labels == result["order"]["region"][0]
    blended = torch.where(is_shown, case.image, case.baseline(cover))
    p = case.model.logits(blended[None]).softmax(1)[0, 1].item()
    assert result["insertion"].y[1] == pytest.approx(p, abs=1e-6)


LAMBDAS = ("consistency", "collaboration", "confidence", "effectiveness")


class ByHand(dict):
    """Weights by name, and F written out: each times its own term."""

    def of(self, parts, effectiveness):
        score = self["consistency"] * parts.consistency + self["confidence"] * parts.confidence
        score = score + self["collaboration"] * parts.collaboration
        return score + self["effectiveness"] * effectiveness


def test_each_weight_weighs_its_own_term():
    """Alone, and all at once, the order is that of the plain search with just these weights."""
    case = ImageCase(tiny.cnn(), tiny.image(), target=1)
    seeing = seeing_of(case)
    orders, chosen = [], [*np.eye(4).tolist(), [3.0, 9.0, 1.0, 0.02]]
    for weights in (dict(zip(LAMBDAS, values, strict=True)) for values in chosen):
        result = replace(METHOD, pending=16, **weights)(case)
        order, _ = plain_greedy(seeing, seeing.distances(), ByHand(weights))
        assert result["order"]["region"].tolist() == order
        orders.append(tuple(order))
    assert len(set(orders)) == len(chosen)


@pytest.mark.parametrize(
    ("pending", "order"),
    [(1, [0, 1, 2, 3, 4, 5]), (3, [0, 2, 4, 5, 3, 1]), (4, [0, 2, 3, 4, 5, 1])],
)
def test_of_equal_regions_the_first_goes_first_at_both_ends(pending, order):
    assert search(additive(torch.zeros(6)), torch.zeros(6, 6), ALONE, pending).order == order


def test_terms_of_a_set_are_what_the_model_says_with_it_shown_and_hidden(case):
    """Confidence: one less the entropy, as a share of the highest that so many classes can have."""
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 5))
    tiny.random_weights(network, scale=2.0)
    image_case = ImageCase(Classifier(network, "five", "five", side=16), case.image, target=3)
    seeing = seeing_of(image_case)
    sets = torch.rand(6, 16, generator=tiny.seeded(0)) < 0.5
    parts = seeing(sets)
    shown, hidden = (seeing.probabilities(part).double().numpy() for part in (sets, ~sets))
    assert parts.consistency.numpy() == pytest.approx(shown[:, 3], abs=1e-6)
    assert parts.collaboration.numpy() == pytest.approx(1 - hidden[:, 3], abs=1e-6)
    entropy = -(shown * np.log(shown)).sum(1)
    assert parts.confidence.numpy() == pytest.approx(1 - entropy / np.log(5), abs=1e-5)
    first = int(seeing.probabilities(torch.ones(1, 16, dtype=torch.bool)).argmax())
    assert parts.first.numpy() == pytest.approx(np.stack([shown[:, first], hidden[:, first]], 1))


@pytest.mark.parametrize(("classes", "least"), [(1, 1.0), (2, 0.0)])
def test_a_model_is_fully_sure_of_its_only_class_and_not_at_all_between_two_alike(
    case, classes, least
):
    image_case = ImageCase(tiny.classifier(Still(*[0.5] * classes), 16), case.image, target=0)
    parts = seeing_of(image_case)(torch.eye(16).bool())
    assert parts.confidence.numpy() == pytest.approx(least, abs=1e-5)


def test_two_regions_are_enough_to_be_put_in_order(case, monkeypatch):
    halves = torch.zeros(16, 16, dtype=torch.int64)
    halves[:, 8:] = 1
    monkeypatch.setattr(Partition, "of", classmethod(lambda *_: Partition(halves)))
    assert METHOD(case)["order"]["region"].tolist() == [0, 1]


def test_regions_are_as_far_apart_as_the_angle_between_what_the_head_sees_of_them():
    """As a share of a half turn; none is apart from itself, however the product is rounded."""
    case = ImageCase(tiny.cnn(), tiny.image(), target=1)
    seeing = seeing_of(case)
    alone = [
        case.model.features(torch.where(seeing.partition.labels == region, case.image, 0.0)[None])
        for region in range(16)
    ]
    vectors = torch.cat(alone).double().numpy()
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    angles = np.degrees(np.arccos(np.minimum(vectors @ vectors.T, 1.0))) / 180
    assert seeing.distances().numpy() == pytest.approx(angles, abs=1e-3)
