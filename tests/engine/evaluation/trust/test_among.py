"""Where an image stands among others of its kind, by how well a map's outline meets the truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.study import study_case
from engine.core.errors import BadData
from engine.core.result import HeatMap
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures.outlines import outlined
from engine.evaluation.trust import AmongOthers, TrustCase, among
from engine.evaluation.trust.controls import PLAIN, SHUFFLED, STUDIED, controls
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.data import load as load_data
from engine.vision.models.catalog import data_of, load
from engine.vision.models.embedded import plan
from tests import tiny

FEW = 10


@pytest.fixture(scope="module")
def phantoms():
    return load_data("phantoms")


@pytest.fixture(scope="module")
def model():
    return load("phantom-cnn")


def rows_with_a_finding(data):
    return [row for row in data.rows("test").tolist() if data.truth["mask"][row].any()]


def about(model, data, row):
    image = data.pixels(np.array([row]))[0].contiguous()
    image_case = ImageCase(model, image, Target(int(data.labels[row])))
    return TrustCase(image_case, GradCam(), data.truth["mask"][row], "phantoms")


def by_hand(model, data, row):
    """Dice, IoU, whether the highest value lies inside, and the mask's share, from pixels."""
    case = about(model, data, row)
    values = GradCam()(case.asked)["map"].values
    inside = outlined(values).inside
    both, either = (inside & case.mask).sum(), (inside | case.mask).sum()
    highest = np.argwhere(values == values.max())
    hit = np.mean([case.mask[tuple(place)] for place in highest])
    dice = (2 * both + 1) / (inside.sum() + case.mask.sum() + 1)
    return dice, (both + 1) / (either + 1), hit, case.mask.sum() / case.mask.size


def rows_of(table):
    return np.stack([table[name] for name in (*among.MEASURES, among.CHANCE)], 1)


def test_every_dice_is_that_of_a_map_asked_for_and_cut_by_hand(model, phantoms):
    rows = rows_with_a_finding(phantoms)
    result = AmongOthers(images=FEW)(about(model, phantoms, rows[1]))
    here = by_hand(model, phantoms, rows[1])
    np.testing.assert_allclose(rows_of(result["here"]), [here], atol=1e-6)
    rest = [row for row in rows if row != rows[1]]
    others = [rest[at] for at in np.linspace(0, len(rest) - 1, FEW).astype(int)]
    expected = np.array([by_hand(model, phantoms, row) for row in others])
    np.testing.assert_allclose(rows_of(result["others"]), expected, atol=1e-6)
    assert list(result["others"].rows) == [phantoms.classes[phantoms.labels[row]] for row in others]
    assert len(set(expected[:, 0])) > FEW // 2  # they could not be told apart otherwise
    assert 0 < expected[:, 2].mean() < 1


def test_the_image_itself_and_classes_of_another_kind_are_not_compared(model, phantoms):
    asked = about(model, phantoms, rows_with_a_finding(phantoms)[0]).asked
    rest = [other.image for other, _ in AmongOthers(images=FEW).others(asked, phantoms)]
    assert len(rest) == FEW  # another one is taken
    assert not any(torch.equal(image, asked.image) for image in rest)
    renamed = replace(phantoms, classes=("a", "b", "c", "d"))
    assert not list(AmongOthers().others(asked, renamed))


def test_it_says_why_there_is_nothing_to_compare_with(model, phantoms):
    case = about(model, phantoms, rows_with_a_finding(phantoms)[0])
    assert not AmongOthers.unmet(case)
    assert "nobody knows where" in AmongOthers.unmet(replace(case, mask=None))
    nothing = replace(case, mask=np.zeros_like(case.mask))
    assert "needs a finding" in AmongOthers.unmet(nothing)
    with pytest.raises(BadData, match="nothing is there"):
        AmongOthers(images=FEW)(nothing)
    photographs = tiny.trust_case()  # a network that nothing is known of
    assert "needs other images to compare with" in AmongOthers.unmet(photographs)
    assert "name the data" in AmongOthers.unmet(replace(case, others=""))
    for name in ("bars", "phantoms:count=9"):  # without masks, out of range
        assert "whose masks are known" in AmongOthers.unmet(replace(case, others=name))
    question = replace(case.asked, target=replace(case.asked.target, versus=0))
    assert "one class" in AmongOthers.unmet(replace(case, asked=question))
    with pytest.raises(BadData, match="No truth is known"):
        AmongOthers(images=FEW)(replace(case, mask=None))


def test_where_nothing_is_outlined_dice_and_iou_are_0_and_the_map_points_all_the_same():
    mask, values = np.zeros((8, 8), np.bool_), np.zeros((8, 8), np.float32)
    mask[2, 2], values[2, 2] = True, 3.0
    heat = HeatMap(values, "logit", signed=True)
    nothing = HeatMap(np.zeros_like(values), "inside", signed=False)
    assert among.outline_scores({"map": heat, "outline": nothing}, mask) == (0, 0, 1, 1 / 64)
    assert among.outline_scores({"map": heat, "outline": heat}, mask) == (1, 1, 1, 1 / 64)
    off = HeatMap(np.roll(values, 1), "logit", signed=True)
    assert among.outline_scores({"map": off, "outline": nothing}, mask)[2] == 0


def result_of(own_dice, others, hits=(1, 0, 1, 1), chances=(0.5, 0.25, 0.5, 0.75)):
    measures = zip(others, hits, chances, strict=True)
    rows = [(value, value / 2, hit, chance) for value, hit, chance in measures]
    return {
        "here": among.image_table([(own_dice, own_dice / 2, 1.0, 0.5)], [among.THIS_IMAGE]),
        "others": among.image_table(rows, "abcd"),
    }


def test_the_sentence_counts_those_with_a_lower_value_and_how_often_a_map_points_inside():
    result = result_of(0.41, (0.1, 0.4, 0.4, 0.9))
    assert [among.rank_sentence(result, name) for name in (among.DICE, among.IOU)] == [
        "Dice 0.41: higher than on 3 of 4 other images (median 0.40).",
        "IoU 0.20: higher than on 3 of 4 other images (median 0.20).",
    ]
    not_lower = result_of(0.4, (0.1, 0.4, 0.4, 0.9))
    assert "higher than on 1 of 4" in among.rank_sentence(not_lower, among.DICE)
    words = "points inside here, and inside on 3 of 4 other images (by chance on 2)."
    assert among.rank_sentence(result, among.POINTS) == words
    both = AmongOthers().finding(None, result)
    assert both == f"{among.rank_sentence(result, among.DICE)} Its map {words}"


def test_a_question_is_another_one_with_other_images_and_those_of_trials_stay(model, phantoms):
    case = about(model, phantoms, rows_with_a_finding(phantoms)[0])
    named = [replace(case, others=name) for name in ("", "phantoms", "phantoms:seed=3")]
    assert len({trust_case.fingerprint for trust_case in named}) == len(named)
    assert named[0].fingerprint == TrustCase(case.asked, case.method, case.mask).fingerprint


# ---------------------------------------------------------------- controls


@pytest.fixture(scope="module")
def large():
    """A slice of the data that the GP-UNet learned, made alone, and the question about it."""
    image = study_case("own", count=1).images[0]
    model = load(STUDIED)
    image_case = ImageCase(model, image.image, Target(image.labels[0]))
    return TrustCase(image_case, OwnMap(offset=1.0), image.masks[0], data_of(model))


def test_the_controls_are_equal_networks_asked_the_same_of_the_same_images(large):
    result = controls(large)
    assert set(result) == {SHUFFLED, PLAIN}
    null, plain = result[SHUFFLED], result[PLAIN]
    assert (null.method, plain.method) == (OwnMap(offset=1.0), GradCam())  # cut as the person has
    for control, name in ((null, "phantom-gp-unet-shuffled"), (plain, "phantom-cnn-large")):
        assert control.model.fingerprint == load(name).fingerprint
        assert control.asked.image is large.asked.image
        assert (control.asked.target, control.others) == (large.asked.target, large.others)
        assert not AmongOthers.unmet(control)
        ours, other = plan(STUDIED), plan(name)
        data = f"{ours.data}+shuffled" if control is null else ours.data
        assert (other.data, other.seed) == (data, ours.seed)
        architecture = "gp_unet" if control is null else "scene_cnn"
        assert other.recipe == replace(ours.recipe, architecture=architecture)


def test_other_data_have_no_controls(large):
    assert controls(replace(large, others="phantoms")) == {}
    assert controls(replace(large, others="")) == {}


def test_the_null_points_as_chance_does_and_the_equal_network_far_better(large):
    """On lesions made one by one: whether the highest value lies inside, counted by hand."""
    images = study_case("own", count=24).images
    hits = dict.fromkeys((SHUFFLED, PLAIN), 0)
    for title, control in controls(large).items():
        for image in images:
            target = Target(image.labels[0])
            question = replace(control.asked, image=image.image, target=target)
            hits[title] += image.masks[0].flat[control.method(question)["map"].values.argmax()]
    assert hits[SHUFFLED] <= 3  # chance hits one in fifty
    assert hits[PLAIN] >= 10


OWN_MAP, CAM, AGAINST = OwnMap.title, "Grad-CAM", "Grad-CAM against the second best class"


@pytest.fixture(scope="module")
def figures(large):
    """Dice, IoU, hits and chance on the same slices, (images, 4) for each map."""
    own = replace(large, method=OwnMap())
    cases = {OWN_MAP: own, CAM: replace(own, method=GradCam()), **controls(own)}
    results = {name: rows_of(AmongOthers()(case)["others"]) for name, case in cases.items()}
    return results | {AGAINST: np.array([*against_the_second_best(own.asked, own.others)])}


def against_the_second_best(asked, others):
    """Grad-CAM of the class's score less that of the other class which the model sees first."""
    for question, mask in AmongOthers().others(asked, load_data(others)):
        label = question.target.index
        logits = asked.model.logits(question.image[None])[0]
        logits[label] = -np.inf
        target = replace(question.target, versus=int(logits.argmax()))
        yield among.outline_scores(GradCam()(replace(question, target=target)), mask)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_its_outline_is_no_chance_and_an_equal_network_outlines_more(figures, measure):
    for name, rows in figures.items():
        dice, iou, _, _ = np.median(rows, 0)
        hits, chance = rows[:, 2].sum(), rows[:, 3].sum()
        measure(
            f"GP-UNet that ships, {len(rows)} test slices: {name}",
            f"median Dice {dice:.2f}, IoU {iou:.2f}; points inside on {hits:.0f}, "
            f"by chance on {chance:.0f}",
        )
    medians = {name: np.median(rows[:, 0]) for name, rows in figures.items()}
    hits = {name: rows[:, 2].mean() for name, rows in figures.items()}
    assert medians[SHUFFLED] < 0.05 < medians[OWN_MAP] < medians[PLAIN]
    assert hits[SHUFFLED] < 0.1
    assert hits[OWN_MAP] > 0.6
    assert hits[CAM] < hits[AGAINST]  # all classes share most of a class's own score
    assert medians[CAM] < medians[AGAINST]
