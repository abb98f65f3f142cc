"""The mixture on one image, against an attack written out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.adasmooth.mixed_answers import BY_IMAGE, MixedAnswers, pair_names
from engine.attribution.adasmooth.mixing import mixing_of
from engine.attribution.adasmooth.mixture import Mixture
from engine.vision import data as data_sets
from engine.vision.case import ImageCase
from engine.vision.models.catalog import load
from tests import tiny


@pytest.fixture
def case():
    data = data_sets.load("digits")
    row = int(data.rows("test")[4])
    return ImageCase(load("digits-cnn"), data.pixels([row])[0].clone(), int(data.labels[row]))


def both(pixels):
    """The probabilities of the normal and of the robust network."""
    wide = pixels.expand(-1, 3, -1, -1)
    return [load(name)(wide).softmax(1) for name in ("digits-cnn", "digits-cnn-robust")]


def mixture(alpha, pixels):
    first, second = both(pixels)
    return (1 - alpha) * first + alpha * second


def test_answers_are_those_of_an_attack_written_out(case):
    method = MixedAnswers(alpha=0.4, epsilon=0.1, steps=5)
    image, label = case.image[:1][None], case.target.index
    tried = []
    for loss_name in ("cross-entropy", "margin"):
        noise = torch.empty(image.shape).uniform_(-1, 1, generator=tiny.seeded(0))
        moved = (image + 0.1 * noise).clamp(0, 1)
        for _ in range(5):
            moved = moved.detach().requires_grad_()
            logs = mixture(0.4, moved)[0].log()
            others = torch.cat([logs[:label], logs[label + 1 :]])
            loss = (others.max() if loss_name == "margin" else 0) - logs[label]
            (slope,) = torch.autograd.grad(loss, moved)
            moved = moved.detach() + 0.05 * slope.sign()
            moved = torch.minimum(torch.maximum(moved, image - 0.1), image + 0.1).clamp(0, 1)
        change = ((moved.detach() - image) * 255).round().clamp(-25, 25)  # 0.1 is 25.5 levels
        tried.append((image * 255 + change).round() / 255)
    with torch.no_grad():
        chances = mixture(0.4, torch.cat(tried))
        others = chances.index_fill(1, torch.tensor([label]), 0).amax(1)
        expected = chances[int((others.log() - chances[:, label].log()).argmax())]
    assert method(case)["answers"]["mixture"] == pytest.approx(expected.numpy(), abs=1e-5)


def in_color(case):
    """A person's image: its gray values lie between whole levels."""
    return replace(case, image=torch.rand(case.image.shape, generator=tiny.seeded(1)))


@pytest.mark.parametrize("of", [replace, in_color])
@pytest.mark.parametrize(
    ("epsilon", "room"), [(0.0, 0), (0.02, 5), (0.1, 25), (0.14, 35), (0.2, 51)]
)
def test_what_is_told_is_told_of_the_pictures_that_are_shown(case, of, epsilon, room):
    """0.1 of 255 is 25.5 levels and 0.14 is 35.7, which would be 36 if rounded as it comes."""
    result = MixedAnswers(alpha=0.9, epsilon=epsilon, steps=10)(of(case))
    levels = result["picture"].images[0, :2, ..., 0].astype(int)
    assert abs(levels[1] - levels[0]).max() == room
    pictures = torch.from_numpy(levels.astype(np.float32) / np.float32(255))[:, None]
    numbers = result["numbers"]
    with torch.no_grad():
        normal, robust, mixed = (
            share.numpy() for share in (*both(pictures), mixture(0.9, pictures))
        )
    for name, expected in (("normal", normal), ("robust", robust), ("mixture", mixed)):
        assert result["answers"][name] == pytest.approx(expected[1], abs=1e-6), name
    second, first = np.sort(robust, 1)[:, -2:].T
    assert numbers["margin"] == pytest.approx(first - second, abs=1e-6)
    assert numbers["certain"].tolist() == (0.9 * (first - second) >= 0.1).tolist()
    assert numbers["says"].tolist() == mixed.argmax(1).tolist()


@pytest.mark.parametrize(("alpha", "column"), [(0.0, "normal"), (1.0, "robust")])
def test_at_its_ends_the_mixture_is_one_of_the_networks(case, alpha, column):
    answers = MixedAnswers(alpha=alpha)(case)["answers"]
    assert answers["mixture"] == pytest.approx(answers[column], abs=1e-6)


def test_no_attack_and_one_that_ruins_the_image_are_said_to_be_so(case):
    """8 × 8 digits are too small for SSIM."""
    method = MixedAnswers(epsilon=0.0)
    result = method(case)
    assert (result["picture"].images[0, 0] == result["picture"].images[0, 1]).all()
    clean, attacked = (result["numbers"].cell(row, "margin") for row in ("clean", "attacked"))
    assert clean == pytest.approx(attacked, abs=1e-6)
    sentence = method.finding(case, result)
    assert sentence.startswith("Nothing was changed. It is read as: normal ")
    assert "ttacked" not in sentence
    assert result["picture"].finding == "Nothing was changed."
    method = MixedAnswers(epsilon=0.4)
    result = method(case)
    image, attacked = result["picture"].images[0, :2].astype(float)
    share = np.sqrt(((attacked - image) ** 2).mean()) / image.std()
    assert share > 0.6
    assert method.finding(case, result).endswith(
        f"The image itself is ruined by then (the change is {share:.2f} of the image's contrast)."
    )


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9, 1.0])
def test_certain_is_told_from_margin_and_share(case, alpha):
    method = MixedAnswers(alpha=alpha, epsilon=0.04)
    result = method(case)
    certain = alpha * result["numbers"]["margin"] >= 1 - alpha
    assert result["numbers"]["certain"].tolist() == certain.tolist()
    assert ("cannot change that" in method.finding(case, result)) == certain[1]


def test_what_is_attacked_decides_the_image_and_networks_ship_in_two_kinds(case):
    methods = [MixedAnswers(against=network) for network in ("normal", "robust")]
    images = [method(case)["picture"].images[0, 1] for method in methods]
    assert (images[0] != images[1]).any()
    assert pair_names("mnist-mlp-robust") == ("mnist-mlp", "mnist-mlp-robust")
    assert not pair_names("digits-vit")
    assert not MixedAnswers.unmet(case)
    assert "two kinds" in MixedAnswers.unmet(tiny.linear_case())


def test_in_nonlinear_mixing_each_image_has_its_own_share_and_the_whole_is_attacked(case):
    """The attack, the shares and the probabilities are written out, from the mixing network on."""
    method = MixedAnswers(mixing=BY_IMAGE, epsilon=0.1, steps=5)
    result = method(case)
    nets = [load(name) for name in ("digits-cnn", "digits-cnn-robust")]
    net = mixing_of(*nets, data_sets.load("digits"))
    assert net is mixing_of(*nets, data_sets.load("digits"))  # taught once
    gray = torch.from_numpy(result["picture"].images[0, :2, ..., 0] / np.float32(255))[:, None]
    whole = Mixture(*nets, net)
    with torch.no_grad():
        shares = whole.alphas(gray.expand(-1, 3, -1, -1)).numpy()
    numbers = result["numbers"]
    assert numbers["alpha"] == pytest.approx(shares, abs=1e-5)
    assert 0.5 <= numbers["alpha"].min() < numbers["alpha"].max() <= 0.99
    assert numbers["alpha"][0] != pytest.approx(numbers["alpha"][1], abs=1e-3)
    assert numbers["needed"] == pytest.approx(1 / numbers["alpha"] - 1, rel=1e-4)
    share, answers = numbers["alpha"][1], result["answers"]
    expected = (1 - share) * answers["normal"] + share * answers["robust"]
    assert answers["mixture"] == pytest.approx(expected, abs=1e-5)
    fixed = MixedAnswers(alpha=float(share), epsilon=0.1, steps=5)(case)
    assert (fixed["picture"].images[0, 1] != result["picture"].images[0, 1]).any()
    assert f"α is {share:.2f}, and the robust network leads" in method.finding(case, result)
