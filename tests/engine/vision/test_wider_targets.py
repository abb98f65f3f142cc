"""A region, a number and a similarity: maps and scores on models whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine import attribution
from engine.attribution.heatmaps.layer_cam import LayerCam
from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.run import answer, digest
from engine.evaluation.trust import TrustCase
from engine.evaluation.trust.order import Order
from engine.vision.case import ImageCase, similarity_case
from engine.vision.case.target import NumberTarget, RegionTarget, SimilarityTarget, Target
from engine.vision.models.embedding import embedding_of
from tests import tiny
from tests.answers import settled, small

SIDE = 12
MASK = torch.zeros(SIDE, SIDE, dtype=torch.bool)
MASK[2:5, 3:9] = True
SHARES = [
    attribution.GradientXInput(baseline="black"),
    attribution.IntegratedGradients(steps=10, baseline="black"),
    attribution.DeepLift(baseline="black"),
    attribution.Lrp(rules="epsilon"),
]
"""On a linear model without bias each gives weight times pixel."""
shares = pytest.mark.parametrize("method", SHARES, ids=lambda method: method.name)


class Pixelwise(nn.Module):
    """A linear score for each class at every place, at half the size when asked."""

    def __init__(self, *, halved=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1, bias=False)
        self.halved = halved

    def forward(self, images):
        logits = self.conv(images)
        return nn.functional.avg_pool2d(logits, 2) if self.halved else logits


def regression():
    """Two numbers that are linear in the pixels."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2, bias=False))


class Embedded(nn.Module):
    """An embedding that is linear in the pixels, with a head for classes."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3 * SIDE * SIDE, 5, bias=False)
        self.head = nn.Linear(5, 4)

    def forward(self, images):
        return self.head(self.body(images.flatten(1)))


def random_classifier(network):
    return tiny.classifier(tiny.random_weights(network), SIDE)


def region_case(network=None, **target):
    target = RegionTarget(**{"index": 2, "mask": MASK} | target)
    return ImageCase(random_classifier(network or Pixelwise()), tiny.image(SIDE), target)


def number_case():
    target = NumberTarget(1, measure="years")
    return ImageCase(random_classifier(regression()), tiny.image(SIDE), target)


def likeness_case():
    image, other = tiny.image(SIDE), tiny.image(SIDE, seed=4)
    return similarity_case(random_classifier(Embedded()), image, other)


CASES = {"region": region_case, "number": number_case, "similarity": likeness_case}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def test_a_regions_score_is_the_mean_of_its_places():
    case = region_case()
    logits = case.model.network.conv(case.image[None])[0]
    assert case.score(case.image[None]).item() == pytest.approx(logits[2][MASK].mean().item())
    contrast = replace(case, target=RegionTarget(2, versus=0, reading="probability", mask=MASK))
    shares = logits.softmax(0)
    expected = (shares[2] - shares[0])[MASK].mean().item()
    assert contrast.score(case.image[None]).item() == pytest.approx(expected)
    assert contrast.target.unit == "probability"


def test_the_gradient_of_a_region_is_its_weights_inside_and_nothing_outside():
    case = region_case()
    expected = case.model.network.conv.weight[2].sum() / MASK.sum() * MASK
    heat = attribution.Gradient()(case)["map"].values
    np.testing.assert_allclose(heat, expected.detach().numpy(), atol=1e-6)


@shares
def test_a_regions_map_is_weight_times_pixel_inside_it(method):
    case = region_case()
    expected = case.model.network.conv(case.image[None])[0, 2] / MASK.sum() * MASK
    np.testing.assert_allclose(method(case)["map"].values, expected.detach().numpy(), atol=1e-5)


def test_hiding_squares_and_layer_cam_see_the_region_only():
    case = region_case()
    hidden = attribution.Occlusion(side=2, overlap=0.0, cover="black")(case)["map"].values
    assert hidden[2:4, 4:6].all()
    assert not hidden[6:].any()
    cells = LayerCam(layer="conv")(replace(case, target=RegionTarget(0, mask=MASK)))["map"].values
    assert not cells[~MASK.numpy()].any()
    assert cells.any()


def test_a_coarse_output_is_interpolated_to_the_mask():
    case = region_case(Pixelwise(halved=True), mask=torch.ones(SIDE, SIDE))
    logits = case.model.network(case.image[None])
    assert case.score(case.image[None]).item() == pytest.approx(logits[0, 2].mean().item(), 1e-3)


def test_a_margin_in_a_region_is_linear_against_the_regions_rival():
    case = region_case(reading="margin")
    means = case.model.network(case.image[None])[0, :, MASK].mean(1)
    means[2] = -torch.inf
    linear = replace(case, target=RegionTarget(2, versus=int(means.argmax()), mask=MASK))
    heats = [attribution.DeepLift()(question)["map"].values for question in (case, linear)]
    np.testing.assert_allclose(heats[0], heats[1])


def score_of_a_class_in_regions():
    case = replace(region_case(), target=Target(2))
    return case.score(case.image[None])


def of_whole_images():
    return ImageCase(tiny.cnn(), tiny.image(), RegionTarget(2, mask=torch.ones(32, 32)))


@pytest.mark.parametrize(
    ("error", "words", "ask"),
    [
        (DoesNotFit, "in a region", score_of_a_class_in_regions),
        (DoesNotFit, "whole images", lambda: attribution.Gradient()(of_whole_images())),
        (BlindspotError, "at least one place", lambda: RegionTarget(2, mask=torch.zeros(4, 4))),
        (BlindspotError, "no probability", lambda: NumberTarget(0, reading="probability")),
        (BlindspotError, "unknown", lambda: replace(number_case(), target=NumberTarget(2))),
        (DoesNotFit, "cosine", lambda: attribution.DeepLift()(likeness_case())),
        (DoesNotFit, "cosine", lambda: attribution.Lrp()(likeness_case())),
        (
            BlindspotError,
            r"embeddings \(5,\), and this is \(3,\)",
            lambda: replace(likeness_case(), target=SimilarityTarget(reference=torch.ones(3))),
        ),
    ],
)
def test_a_target_that_does_not_fit_is_refused(error, words, ask):
    with pytest.raises(error, match=words):
        ask()


@shares
def test_a_numbers_map_is_weight_times_pixel_in_its_unit(method):
    case = number_case()
    weight = case.model.network[1].weight[1].view(3, SIDE, SIDE)
    heat = method(case)["map"]
    np.testing.assert_allclose(heat.values, (weight * case.image).sum(0).detach(), atol=1e-4)
    assert case.target.unit == "years"


def test_hiding_a_square_takes_its_share_of_the_number():
    case = number_case()
    weight = case.model.network[1].weight[1].view(3, SIDE, SIDE)
    heat = attribution.Occlusion(side=3, overlap=0.0, cover="black")(case)["map"]
    block = (weight * case.image).sum(0)[3:6, 6:9].sum().item()
    assert heat.values[3:6, 6:9] == pytest.approx(block, rel=1e-4)
    assert heat.unit == "years"


def test_the_embedding_is_what_the_head_is_given():
    model = random_classifier(Embedded())
    images = torch.stack([tiny.image(SIDE, seed) for seed in (1, 2)])
    embedding = embedding_of(model)
    torch.testing.assert_close(embedding.logits(images), model.features(images))
    assert isinstance(model.network.head, nn.Linear)
    assert embedding.fingerprint != model.fingerprint


def test_a_similaritys_score_is_the_cosine_and_1_for_the_image_itself():
    case, other = likeness_case(), tiny.image(SIDE, seed=4)
    body = case.model.network.body
    features, other_features = body(case.image.flatten()), body(other.flatten())
    expected = torch.cosine_similarity(features, other_features, dim=0).item()
    scores = case.score(torch.stack([case.image, other]))
    assert scores.tolist() == pytest.approx([expected, 1], abs=1e-5)


def test_the_gradient_of_a_similarity_is_the_part_of_the_reference_across_the_embedding():
    case, other = likeness_case(), tiny.image(SIDE, seed=4)
    weight = case.model.network.body.weight.detach()
    embedding, reference = weight @ case.image.flatten(), weight @ other.flatten()
    length, unit = embedding.norm(), reference / reference.norm()
    across = (unit - (unit @ embedding) * embedding / length**2) / length
    expected = (across @ weight).view(3, SIDE, SIDE).sum(0).numpy()
    heat = attribution.Gradient()(case)["map"]
    np.testing.assert_allclose(heat.values, expected, atol=1e-3 * abs(expected).max())
    assert heat.unit == "cosine per brightness"
    itself = attribution.Gradient()(replace(case, image=other))["map"].values
    assert abs(itself).max() < 1e-4 * abs(expected).max() + 1e-6


class DenseCnn(tiny.Cnn):
    """The tiny network with a score at every place."""

    def forward(self, images):
        hidden = self.act2(self.conv2(self.act1(self.conv1(images))))
        return self.fc(hidden.movedim(1, -1)).movedim(-1, 1)


def convolutional(kind):
    image, other = tiny.image(), tiny.image(seed=5)
    if kind == "region":
        mask = torch.zeros(32, 32)
        mask[4:20, 4:20] = 1
        model = tiny.classifier(tiny.random_weights(DenseCnn()))
        return ImageCase(model, image, RegionTarget(1, mask=mask))
    if kind == "number":
        return ImageCase(tiny.cnn(), image, NumberTarget(3, measure="mm"))
    return similarity_case(tiny.cnn(), image, other)


@pytest.mark.parametrize("target", CASES)
@pytest.mark.parametrize(
    "kind", [*attribution.HEATMAPS, *attribution.WHICH_EXPLANATION], ids=lambda kind: kind.name
)
def test_every_map_is_made_or_refused_with_the_reason(kind, target):
    case = settled(convolutional(target))
    if kind.unmet(case):
        return
    if target == "similarity" and kind in {attribution.DeepLift, attribution.Lrp}:
        with pytest.raises(DoesNotFit, match="cosine"):
            small(kind)(case)
        return
    view = next(iter(small(kind)(case).values()))
    values = np.concatenate([np.ravel(array) for array in view.arrays().values()])
    assert np.isfinite(values.astype(float)).all()
    assert np.unique(values).size > 1


def test_each_reader_of_the_same_weights_sees_the_own_title_of_the_model():
    image, other = tiny.image(), tiny.image(seed=5)
    for title in ("mine", "yours"):
        model = tiny.cnn()
        model.title = title
        assert similarity_case(model, image, other).model.title == f"{title}, embedding"


@cases
def test_what_needs_the_probability_of_a_class_says_so(case):
    with pytest.raises(DoesNotFit, match="a class of the whole image"):
        answer(attribution.LiMA(), case())
    assert "a class of the whole image" in Order.unmet(TrustCase(case(), attribution.Gradient()))


@cases
def test_the_question_depends_on_the_target(case):
    question = case()
    others = {
        "RegionTarget": lambda: RegionTarget(2, mask=MASK.T),
        "NumberTarget": lambda: NumberTarget(0, measure="years"),
        "SimilarityTarget": lambda: SimilarityTarget(reference=torch.ones(5)),
    }
    same = replace(question, target=replace_tensors(question.target))
    other = replace(question, target=others[type(question.target).__name__]())
    assert same.target == question.target
    assert digest(attribution.Gradient(), same) == digest(attribution.Gradient(), question)
    assert other.target != question.target
    assert digest(attribution.Gradient(), other) != digest(attribution.Gradient(), question)
    assert all(isinstance(value, str | int | None) for value in question.facts().values())


def replace_tensors(target):
    """The same target from copies of its tensors."""
    names = [name for name in ("mask", "reference") if hasattr(target, name)]
    return replace(target, **{name: getattr(target, name).clone() for name in names})


def test_the_keys_of_classes_are_what_they_were():
    assert str(Target(3)) == "Target(index=3, versus=None, reading='logit')"
    assert str(Target(1, 2, "margin")) == "Target(index=1, versus=2, reading='margin')"
