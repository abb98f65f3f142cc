"""The tilt of a network's boundary, on networks whose boundary is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.tilt import LocalTilt, TiltedBoundary, class_images
from engine.attribution.tilt.class_images import MOST, random_crops
from engine.attribution.tilt.linear import RIDGE, class_pair, family
from engine.attribution.tilt.local import HEAD, PIXELS, means_at, random_angle
from engine.core.errors import BlindspotError, DoesNotFit
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.images.samples import SAMPLES
from engine.vision.models.catalog import load
from engine.vision.models.classifier import Classifier
from tests import tiny

DIGITS = "digits"


class Flat(nn.Module):
    """Logits of all digits from gray pixels, by one linear layer."""

    def __init__(self, weight, bias):
        super().__init__()
        self.head = nn.Linear(weight.shape[1], len(weight))
        self.head.weight.data, self.head.bias.data = weight, bias

    def forward(self, images):
        return self.head(images.mean(1).flatten(1))


def flat(weight, bias, labels, kind=Flat, title="flat"):
    return Classifier(kind(weight, bias), "flat", title, 8, labels=labels, device=tiny.CPU)


@pytest.fixture
def linear(monkeypatch):
    """Two against three by ridge LDA, as a network; the other classes are far away."""
    monkeypatch.setattr(class_images.catalog, "data_of", lambda _model: DIGITS)
    data = data_sets.load(DIGITS)
    pair = class_pair(data, 2, 3, 1.0, 0)
    weights, offset = family(pair, RIDGE, [1e-3])[0]
    weight, bias = torch.zeros(10, 64), torch.full((10,), -1e6)
    weight[3], bias[3], bias[2] = torch.from_numpy(weights).float(), offset, 0.0
    row = next(row for row in pair.rows if data.labels[row] == 2)
    model = flat(weight, bias, data.classes)
    return ImageCase(model, data.pixels([row])[0].clone(), Target(2, 3)), pair


def test_of_a_linear_network_angle_and_strength_are_those_of_its_weights(linear):
    case, pair = linear
    result = LocalTilt(images=500)(case)
    weights = case.model.head.weight[3].double().numpy()
    cosine = abs(weights @ pair.apart) / np.linalg.norm(weights) / np.linalg.norm(pair.apart)
    degrees = np.degrees(np.arccos(cosine))
    assert result["angles"].cell(PIXELS, "angle") == pytest.approx(degrees, abs=0.01)
    assert result["angles"].cell(HEAD, "angle") == pytest.approx(degrees, abs=0.01)
    table = TiltedBoundary()(ExperimentCase(data_sets.load(DIGITS)))["classifiers"]
    at = int(np.argmin(abs(table["λ"][:19] - 1e-3)))
    assert degrees == pytest.approx(table["angle"][at], abs=0.05)  # of the linear lab
    numbers = result["numbers"]
    assert numbers["strength"][0] == pytest.approx(1 / cosine, rel=1e-3)
    assert numbers["expected"][0] == pytest.approx(1 / cosine, rel=1e-4)
    distance = abs(case.model.logits(case.image[None])[0, 3].item()) / np.linalg.norm(weights)
    gray_levels = 255 * distance / np.sqrt(64)
    assert numbers["to the boundary"][0] == pytest.approx(gray_levels, rel=1e-3)


@pytest.fixture(scope="module")
def network():
    data = data_sets.load(DIGITS)
    row = int(data.rows("test")[0])
    model = load("digits-cnn")
    image = data.pixels([row])[0].clone()
    return ImageCase(model, image, Target(int(model.logits(image[None]).argmax())))


def test_the_margin_falls_fastest_against_the_gradient(network):
    result = LocalTilt(images=20)(network)
    ways = result["ways"]
    assert ways["along the gradient"][0] == pytest.approx(ways["along the means"][0], abs=1e-5)
    assert ways["along the gradient"][2] < ways["along the means"][2]
    assert result["numbers"]["margin"][0] == pytest.approx(ways["along the gradient"][0], abs=1e-4)


def test_angles_in_pixels_are_those_of_a_gradient_by_finite_differences(network):
    groups = class_images.class_images(network, 20)
    label, rival = (group.label for group in groups)
    result = LocalTilt(images=20)(network)
    step = 1e-2 * torch.eye(64).view(64, 1, 8, 8)
    up, down = (network.model.logits(network.image + sign * step).double() for sign in (1, -1))
    slope = ((up - down)[:, label] - (up - down)[:, rival]).numpy() / 2e-2
    means = [group.pixels.mean(0)[0].numpy().ravel() for group in groups]
    difference = means[0] - means[1]
    cosine = abs(slope @ difference) / np.linalg.norm(slope) / np.linalg.norm(difference)
    expected = np.degrees(np.arccos(cosine))
    assert result["angles"].cell(PIXELS, "angle") == pytest.approx(expected, abs=1.5)


def test_means_are_those_of_the_class_and_every_layer_has_a_row_between_0_and_90(network):
    data = data_sets.load(DIGITS)
    rows = data.rows("train")
    rows = rows[data.labels[rows] == 7]
    means = means_at(network.model, class_images.training_images(network, DIGITS, 7, 500).pixels)
    assert torch.allclose(means[PIXELS], data.pixels(rows).mean(0), atol=1e-6)
    expected = network.model.features(data.pixels(rows)).mean(0).cpu()
    assert torch.allclose(means[HEAD], expected, atol=1e-5)
    table = LocalTilt(images=20)(network)["angles"]
    assert list(table.rows) == [PIXELS, *(layer.name for layer in network.model.layers), HEAD]
    assert ((table["angle"] >= 0) & (table["angle"] <= 90)).all()


def test_chance_is_the_mean_cosine_of_random_directions():
    drawn = np.random.default_rng(0).standard_normal((2, 4000, 50))
    first, second = drawn / np.linalg.norm(drawn, axis=2, keepdims=True)
    cosine = abs((first * second).sum(1)).mean()
    assert random_angle(50) == pytest.approx(np.degrees(np.arccos(cosine)), abs=0.3)


@pytest.fixture
def two_photographs(monkeypatch):
    """A linear network without data, a dark image that it takes for 0, and samples it takes for 1.

    Logits are w·x and 0, where w weighs the left half up and the right half down.
    """
    left, right = torch.zeros(2, 3, 8, 8)
    left[..., :4], right[..., 4:] = 0.8, 0.6
    samples = {"coffee": right, "chelsea": left}
    both = [sample for sample in SAMPLES if sample.name in samples]
    monkeypatch.setattr(class_images, "SAMPLES", both)
    monkeypatch.setattr(class_images, "sample", lambda name: name)
    monkeypatch.setattr(class_images, "model_input", lambda name, _crop, _model: samples[name])
    weight = torch.zeros(2, 64)
    weight[0] = torch.tensor([1.0] * 4 + [-1.0] * 4).repeat(8)
    model = flat(weight, torch.zeros(2), ("left", "right"))
    return ImageCase(model, left * 0.5, Target(0)), weight[0].view(8, 8)


def ways(case, weight):
    """The slope of the margin and from the rival's mean to the own one, (3, 8, 8) each."""
    means = [group.pixels.mean(0).double() for group in class_images.class_images(case, 100)]
    return weight.double()[None].expand(3, -1, -1) / 3, means[0] - means[1]


def test_without_training_images_two_photographs_stand_in_and_are_said(two_photographs):
    case, weight = two_photographs
    result = LocalTilt()(case)
    own_group, rival = class_images.class_images(case, 100)
    assert list(result["means"].rows) == [own_group.source, rival.source]
    assert own_group.source == "squares of this image"
    assert rival.source == "squares of “A cup of coffee”"  # not the cat, which it takes for 0 too
    assert result["means"]["images"].tolist() == [len(own_group.pixels), len(rival.pixels)]
    slope, difference = ways(case, weight)
    cosine = abs((slope * difference).sum()) / slope.norm() / difference.norm()
    expected = np.degrees(np.arccos(float(cosine)))
    assert result["angles"].cell(PIXELS, "angle") == pytest.approx(expected, abs=1e-3)
    gray_levels = 255 * float((slope * case.image).sum() / slope.norm()) / np.sqrt(3 * 64)
    assert result["numbers"]["to the boundary"][0] == pytest.approx(gray_levels, rel=1e-3)


class Bent(Flat):
    """Beyond the boundary the logits fall 50 times as fast; the boundary is where it was."""

    def forward(self, images):
        logits = super().forward(images)
        return logits.where(logits > 0, 50 * logits)


def test_the_boundary_is_found_where_the_margin_is_bent_within_a_step(two_photographs):
    case, weight = two_photographs
    model = flat(case.model.head.weight.data, torch.zeros(2), ("left", "right"), Bent)
    bent = replace(case, model=model)
    numbers = LocalTilt()(bent)["numbers"]
    slope, difference = ways(bent, weight)
    margin = 255 / np.sqrt(3 * 64) * float((slope * case.image).sum())
    near = margin / float(slope.norm())
    far = margin * float(difference.norm() / (slope * difference).sum())
    assert numbers["to the boundary"][0] == pytest.approx(near, rel=1e-4)
    assert numbers["along the means"][0] == pytest.approx(far, rel=1e-4)
    assert numbers["strength"][0] == pytest.approx(far / near, rel=1e-4)


class Deaf(Flat):
    def forward(self, images):
        return super().forward(images.detach())


class Elsewhere(Flat):
    """Another library gets the pixels, as it does of an ONNX file."""

    def forward(self, images):
        return super().forward(torch.from_numpy(images.numpy()))


@pytest.mark.parametrize("kind", [Deaf, Elsewhere])
def test_a_model_without_gradients_is_refused_in_words(two_photographs, kind):
    case, _ = two_photographs
    weight, bias = case.model.head.weight.data, torch.zeros(2)
    model = flat(weight, bias, ("left", "right"), kind, "a deaf one")
    assert "gradient" in LocalTilt.needs
    with pytest.raises(DoesNotFit, match=r"a deaf one gives no gradients.* needs them"):
        LocalTilt()(replace(case, model=model))


@pytest.mark.parametrize("data", ["", DIGITS], ids=["photographs", "training images"])
def test_a_model_with_one_class_is_refused_in_words(monkeypatch, data):
    """Either way of finding a rival would fail later, or take the class for its own rival."""
    monkeypatch.setattr(class_images.catalog, "data_of", lambda _model: data)
    alone = flat(torch.ones(1, 64), torch.zeros(1), ("2",), title="a lonely one")
    with pytest.raises(DoesNotFit, match=r"^a lonely one has one class only: there is no boundary"):
        LocalTilt()(ImageCase(alone, tiny.image(8), Target(0)))


def test_only_squares_on_their_own_side_of_the_boundary_are_taken(two_photographs):
    case, weight = two_photographs
    own_group, rival = class_images.class_images(case, 100)
    sides = [(group.pixels.mean(1) * weight).sum((1, 2)) for group in (own_group, rival)]
    assert (sides[0] > 0).all()
    assert (sides[1] < 0).all()
    assert 5 <= len(own_group.pixels) < MOST  # mirrored ones have moved to the other side


def test_of_five_squares_half_will_do(two_photographs, monkeypatch):
    """Five are drawn at the setting's minimum; each lies on the side that its bright half is of."""
    case, _ = two_photographs
    sides = {class_images.THIS_IMAGE: (1, 1, 1, -1, -1), "other": (-1, -1, -1, -1, 1)}

    def drawn(image, count, _rng):
        is_original = torch.equal(image, case.image)
        signs = sides[class_images.THIS_IMAGE if is_original else "other"][:count]
        half = torch.zeros(len(signs), 3, 8, 8)
        for part, sign in zip(half, signs, strict=True):
            part[..., slice(0, 4) if sign > 0 else slice(4, 8)] = 0.5
        return half

    monkeypatch.setattr(class_images, "random_crops", drawn)
    own_group, rival = class_images.class_images(case, 5)
    assert (len(own_group.pixels), len(rival.pixels)) == (3, 4)
    sides[class_images.THIS_IMAGE] = (1, 1, -1, -1, -1)
    with pytest.raises(BlindspotError, match="hardly any part of this image"):
        class_images.class_images(case, 5)


def test_a_square_is_a_part_of_its_image_and_every_other_one_is_mirrored():
    ramp = torch.arange(16.0).repeat(16, 1) / 15
    result = random_crops(torch.stack([ramp, ramp.T, ramp]), 6, np.random.default_rng(0))
    rising = (result[:, 0, :, 1:] - result[:, 0, :, :-1]).sum((1, 2)) > 0
    assert rising.tolist() == [True, False] * 3
    widths, heights, _ = (result.amax((2, 3)) - result.amin((2, 3))).T * 15 + 1
    torch.testing.assert_close(widths, heights)
    assert ((widths >= 9) & (widths <= 16.5)).all()
    assert len(set(widths.tolist())) > 1


def test_a_class_that_no_photograph_shows_is_a_sentence(two_photographs):
    case, _ = two_photographs
    with pytest.raises(BlindspotError, match=r"is taken for “left” rather than “right”"):
        LocalTilt()(replace(case, image=case.image.flip(-1) * 0, target=Target(0, 1)))
    three = flat(torch.zeros(3, 64), torch.tensor([1.0, 0, 0]), ("a", "b", "c"))
    image_case = ImageCase(three, case.image, Target(1, 2))
    with pytest.raises(BlindspotError, match="no sample photograph is taken for “c”: choose “a”"):
        LocalTilt()(image_case)


def test_an_image_on_the_side_of_the_other_class_is_said_to_be_there(linear):
    case, _ = linear
    question = replace(case, target=Target(3, 2))  # it is a 2
    finding = LocalTilt().finding(question, LocalTilt(images=20)(question))
    assert "on the side of “2” already" in finding
    assert "straight way" not in finding
