"""The model's own map: the last layer at every pixel, or the mask that the model sees through."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.run import answer
from engine.evaluation.maps.own_map import KEEPS, TAKES, OwnMap, in_percent
from engine.evaluation.measures import located
from engine.evaluation.measures.outlines import dice, outlined
from engine.vision import data as data_sets
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.data.lesions import COMPACT, RING
from engine.vision.data.phantoms import SLICES, SPLIT, Phantoms
from engine.vision.models.embedded import load
from engine.vision.models.small import NetworkShape, build
from engine.vision.models.small.comet import SHARE_KEPT
from tests import tiny


def case_of(architecture="gp_unet", target=2, classes=4):
    network = build(architecture, NetworkShape(3, 16, classes), 0)
    if architecture == "gp_unet":
        with torch.no_grad():  # class 2 is what it sees
            network.head.weight[2 % classes].abs_()
            network.head.bias.zero_()
    target = Target(target) if isinstance(target, int) else target
    return ImageCase(tiny.classifier(network, 16), tiny.image(16), target)


def by_hand(network, image):
    """The published network, convolution by convolution: features (C, H, W) of an image."""

    def two(part, maps):
        for conv in (part[0], part[2]):
            maps = F.conv2d(maps, conv.weight, conv.bias, padding=1).clamp(min=0)
        return maps

    fine = two(network.down1, image[None])
    middle = two(network.down2, F.avg_pool2d(fine, 2))
    deep = two(network.deep, F.avg_pool2d(middle, 2))
    up = deep.repeat_interleave(2, 2).repeat_interleave(2, 3)
    middle = two(network.up2, torch.cat([up, middle], 1))
    up = middle.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return two(network.up1, torch.cat([up, fine], 1))[0]


def test_the_map_is_the_last_layer_at_every_pixel_of_features_worked_out_by_hand():
    case = case_of()
    network = case.model.network
    result = answer(OwnMap(), case)
    with torch.no_grad():
        features = by_hand(network, case.image)
        weight, bias = network.head.weight, network.head.bias
        maps = (weight[:, :, None, None] * features).sum(1) + bias[:, None, None]
        expected = maps[2] - maps.mean(0)
        score = weight[2] @ features.amax((1, 2)) + bias[2]
    np.testing.assert_allclose(result["map"].values, expected.numpy(), rtol=1e-4, atol=1e-5)
    published = answer(OwnMap(relative=False), case)["map"].values
    np.testing.assert_allclose(published, maps[2].numpy(), rtol=1e-4, atol=1e-5)
    assert (result["map"].unit, result["map"].signed) == ("logit", True)
    assert result["level"].values[1] == pytest.approx(expected.max().item(), rel=1e-4)
    assert result["level"].values[2] == pytest.approx(score.item(), rel=1e-4)
    inside = result["outline"].values > 0
    assert (inside == (result["map"].values > result["level"].values[0])).all()
    assert 0 < inside.mean() < 1


def test_a_contrast_is_the_difference_of_two_maps_and_a_probability_is_read_at_each_pixel():
    def map_of(target):
        return OwnMap(relative=False)(case_of(target=target))["map"].values

    maps = np.stack([map_of(Target(index)) for index in range(4)])
    np.testing.assert_allclose(map_of(Target(2, versus=1)), maps[2] - maps[1], atol=1e-5)
    relative = OwnMap()(case_of(target=Target(2, versus=1)))["map"].values
    np.testing.assert_allclose(relative, maps[2] - maps[1], atol=1e-5)
    odds = np.exp(maps - maps.max(0))
    chance = map_of(Target(2, reading="probability"))
    np.testing.assert_allclose(chance, (odds / odds.sum(0))[2], atol=1e-5)
    rival = np.delete(maps, 2, 0).max(0)
    np.testing.assert_allclose(map_of(Target(2, reading="margin")), maps[2] - rival, atol=1e-5)


def test_comet_s_map_is_its_mask_whichever_class_is_asked_about():
    case = case_of("comet")
    result = OwnMap()(case)
    network = case.model.network
    with torch.no_grad():
        mask = network.selector.own_maps(case.image[None]).sigmoid()
        inside = network.predictor(mask * case.image).softmax(1)[0, 2].item()
        rest = network.detector((1 - mask) * case.image).softmax(1)[0, 2].item()
    np.testing.assert_allclose(result["map"].values, mask[0, 0].numpy(), atol=1e-6)
    assert (result["map"].unit, result["map"].signed) == (SHARE_KEPT, False)
    assert (result["outline"].values == (mask[0, 0].numpy() > 0.5)).all()
    assert result["watched"].values == pytest.approx([inside, rest], abs=1e-5)
    other = OwnMap()(replace(case, target=Target(0)))
    assert np.array_equal(other["map"].values, result["map"].values)
    assert OwnMap().finding(case, result) == (
        f"The mask keeps {100 * mask.mean().item():.0f} % of the image: “class 2” "
        f"{100 * inside:.0f} % {KEEPS}, {100 * rest:.0f} % {TAKES}."
    )


def name_it_none(model):
    model.labels = ("compact", "ring", "none", "diffuse")


def lower_everything(model):
    model.network.head.bias.fill_(-1000.0)


def see_no_place(model):
    model.network.head.weight.zero_()
    model.network.head.bias.copy_(torch.tensor([0.0, 0.0, 4.0, 0.0]))


@pytest.mark.parametrize(
    ("change", "target", "relative", "words"),
    [
        (None, 1, True, "outlined: the model does not see “class 1” here, but “class 2”."),
        (name_it_none, 2, True, "outlined: “none” is no finding that could be outlined."),
        (lower_everything, 2, False, "found: the map of “class 2” is nowhere above 0."),
        (see_no_place, 2, True, "found: the map of “class 2” is the same everywhere."),
    ],
)
def test_where_nothing_can_be_outlined_the_reason_is_a_sentence(change, target, relative, words):
    case, method = case_of(target=target), OwnMap(relative=relative)
    if change:
        with torch.no_grad():
            change(case.model)
    result = method(case)
    assert (result["map"].values.std() > 0) == (change is not see_no_place)
    assert not result["outline"].values.any()
    assert method.finding(case, result) == f"Nothing is {words}"


def test_what_stands_out_is_said_and_a_class_that_is_not_seen_outlined_against_another():
    against = case_of(target=Target(1, versus=2))
    assert "Nothing is outlined" not in OwnMap().finding(against, OwnMap()(against))
    case = case_of()
    result = OwnMap()(case)
    share, edge = result["outline"].values.mean(), result["level"].values[0]
    finding = OwnMap().finding(case, result)
    number = f"{100 * share:.0f}" if share >= 0.1 else f"{100 * share:.1f}"
    assert finding.startswith(f"“class 2” stands out in {number} % of the image, up to ")
    assert finding.endswith(f" logit; the outline is at {edge:.2g}.")
    assert [in_percent(fraction) for fraction in (0.1, 0.0625)] == ["10 %", "6.2 %"]


@pytest.mark.parametrize("target", [Target(2), Target(2, versus=0)])
def test_the_logit_is_the_sum_of_what_each_feature_adds_at_its_highest_pixel(target):
    case = case_of(target=target)
    network, peaks = case.model.network, answer(OwnMap(relative=False), case)["peaks"]
    with torch.no_grad():
        features, weight = by_hand(network, case.image), network.head.weight
        logits = network.head(features.amax((1, 2)))
    class_weight = weight[2] - (0 if target.versus is None else weight[target.versus])
    for at, feature in enumerate(features):
        row, column = divmod(int(feature.argmax()), 16)
        place = (column + 0.5) / 16, (row + 0.5) / 16
        assert (peaks["left"][at], peaks["top"][at]) == place
        assert peaks["part"][at] == pytest.approx(float(class_weight[at] * feature.max()), abs=1e-5)
    assert peaks["part"].sum() == pytest.approx(float(target.of(logits[None])[0]), abs=1e-4)


def test_parts_sum_to_zero_over_the_classes_and_only_a_plain_logit_is_such_a_sum():
    parts = [answer(OwnMap(), case_of(target=label))["peaks"]["part"] for label in range(4)]
    assert np.sum(parts, 0) == pytest.approx(np.zeros(len(parts[0])), abs=1e-5)
    alone = answer(OwnMap(), case_of(classes=1, target=0))
    assert alone["map"].values.shape == (16, 16)
    assert np.isfinite(alone["map"].values).all()
    assert alone["peaks"]["part"].any()  # one class shares nothing with others
    others = [case_of(target=Target(2, reading=reading)) for reading in ("probability", "margin")]
    for case in (*others, case_of("mean_unet"), case_of("comet")):
        assert "peaks" not in answer(OwnMap(), case)


PHANTOM_MODELS = ("gp-unet", "gp-shuffle-unet", "gp-recon-resnet", "comet")
SMALL_DATA = {  # of what a model learned from, with few images
    **{f"phantom-{name}": "phantoms:count=100,side=64+classes:count=3" for name in PHANTOM_MODELS},
    "scene-gp-unet": "scenes:count=100,kind=ood,clean=yes,side=32",
    "twice-comet": "twice:count=100",
    "twice-selector": "twice:count=100",
}


@pytest.mark.parametrize("name", SMALL_DATA)
def test_a_model_that_ships_answers_about_its_own_data(name):
    model, data = load(name), data_sets.load(SMALL_DATA[name])
    assert model.labels == data.classes
    row = data.rows("test")[-1]
    case = ImageCase(model, data.pixels(row[None])[0].contiguous(), int(data.labels[row]))
    assert not OwnMap.unmet(case)
    result = OwnMap()(case)
    assert result["map"].values.std() > 0
    assert OwnMap().finding(case, result)


@cache
def slices():
    """Some slices of test patients, compact and ring-enhancing lesions by turns."""
    recipe = Phantoms(count=1500, side=64, size=1.6)
    rows = np.arange(recipe.count)
    rows = rows[(SPLIT[rows // SLICES % len(SPLIT)] == 2) & np.isin(rows % 4, (1, 2))]
    return [recipe.slice(int(row)) for row in rows[::3]]


def asked(name, **settings):
    """Each slice with its answer."""
    for phantom in slices():
        pixels = torch.from_numpy(phantom.image / np.float32(255)).expand(3, -1, -1).contiguous()
        yield phantom, OwnMap(**settings)(ImageCase(load(name), pixels, phantom.kind))


def scores_of(name, **settings):
    """Dice of the outline and whether the highest value lies inside, by kind of lesion."""
    result = {COMPACT: [], RING: []}
    for phantom, views in asked(name, **settings):
        values = views["map"].values
        scores = dice(outlined(values).inside, phantom.mask), located(values, phantom.mask).hit
        result[phantom.kind].append(scores)
    assert min(map(len, result.values())) > 10
    return {kind: np.array(slice_scores) for kind, slice_scores in result.items()}


def test_the_network_that_ships_outlines_compact_lesions_of_unseen_patients_and_not_rings():
    """What it was never shown: no mask took part in its training. Of a ring it sees a part only."""
    scores = scores_of("phantom-gp-unet")
    raw = scores_of("phantom-gp-unet", relative=False)
    assert np.median(scores[COMPACT][:, 0]) > 0.55
    assert np.median(raw[COMPACT][:, 0]) < 0.15  # as published, without the other classes
    assert scores[COMPACT][:, 1].mean() > 0.85
    assert np.median(scores[RING][:, 0]) < 0.4


def test_the_other_two_that_ship_point_at_compact_lesions_and_outline_worse():
    """One points well and outlines next to nothing; the other outlines half, and misses rings."""
    shuffle, recon = scores_of("phantom-gp-shuffle-unet"), scores_of("phantom-gp-recon-resnet")
    assert shuffle[COMPACT][:, 1].mean() > 0.8
    assert np.median(shuffle[COMPACT][:, 0]) < 0.3
    assert np.median(recon[COMPACT][:, 0]) > 0.35
    assert recon[RING][:, 1].mean() < 0.2


def test_the_mask_of_phantoms_keeps_lesions_and_much_beside_them():
    """Counted over unseen patients: what is kept fills no more than its bound, a seventh."""
    pairs = [
        (views["outline"].values > 0, phantom.mask) for phantom, views in asked("phantom-comet")
    ]
    inside, masks = (np.stack(pictures) for pictures in zip(*pairs, strict=True))
    assert inside.mean() < 0.15
    assert inside[masks].mean() > 0.4
    assert masks[inside].mean() < 0.5


def test_the_network_of_scenes_points_at_things_it_was_never_shown():
    """A theme is all that it was told; things fill an eighth of a scene."""
    model = load("scene-gp-unet")
    data = data_sets.load("scenes:count=400,kind=ood,clean=yes,side=32")
    rows = data.rows("test")
    pixels, labels, masks = data.pixels(rows), data.labels[rows], data.truth["mask"][rows]
    inside = []
    for image, label, mask in zip(pixels, labels, masks, strict=True):
        heat = OwnMap()(ImageCase(model, image.contiguous(), int(label)))["map"]
        inside.append(located(heat.values, mask).hit)
    assert masks.mean() < 0.15
    assert np.mean(inside) > 0.75
    assert (model.logits(pixels).argmax(1).numpy() == labels).mean() > 0.5
