"""FGSM and PGD: exact in the ball, equal to their formulas, and honest about failing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.quadattack.methods import QuadAttacK
from engine.attribution.quadattack.ordered_case import OrderedCase
from engine.attribution.robustness import way as ways
from engine.attribution.robustness.gradient_steps import FGSM, PGD
from engine.attribution.robustness.scored import attacked_pixels
from engine.attribution.robustness.way import AttackTrajectory
from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.run import answer
from engine.evaluation.measures.levels import levels_of, levels_to_pixels, round_change
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import tiny
from tests.engine.attribution.toys import case_of


def on_grid(case, seed=3, side=None):
    """The case with an image in whole levels, away from black and white."""
    side = side or case.model.side
    levels = torch.randint(60, 196, (3, side, side), generator=tiny.seeded(seed))
    return replace(case, image=levels_to_pixels(levels.to(torch.int16)))


def change_of(case, found):
    return levels_of(attacked_pixels(found)) - levels_of(case.image)


def test_on_a_linear_model_one_step_is_the_worst_change_there_is():
    case = on_grid(tiny.linear_case())
    weight = case.model.network.weight.detach()
    sure = int(case.model.logits(case.image[None])[0].argmax())
    sign = -weight.sign() if sure == 1 else weight.sign()
    result = FGSM(epsilon=3)(case)
    assert torch.equal(change_of(case, result), (3 * sign).to(torch.int16))
    far = FGSM(epsilon=3, norm="L2")(case)
    along = weight / weight.norm() * (-1 if sure == 1 else 1)
    radius = 3 * weight.numel() ** 0.5
    exact = (case.image + radius / 255 * along).clamp(0, 1)
    levels = levels_of(case.image)
    assert torch.equal(change_of(case, far), round_change(levels, exact, 3, "L2"))
    other = case.model(attacked_pixels(result)[None])[0, 1] - case.model(case.image[None])[0, 1]
    assert float(other) == pytest.approx(float((3 / 255 * sign * weight).sum()), rel=1e-4)


@pytest.mark.parametrize("norm", ["L∞", "L2"])
def test_pgd_ends_where_a_plain_loop_of_the_formula_ends(norm):
    case, steps, epsilon = on_grid(tiny.cnn_case()), 6, 5
    result = PGD(epsilon=epsilon, norm=norm, steps=steps)(case)
    x0, model = case.image.double()[None], case.model.twin(paced=False).double()
    label = int(model(x0).argmax())
    noise = 2 * torch.rand(case.image.shape, generator=tiny.seeded(0))[None].double() - 1
    radius = epsilon / 255 * (1 if norm == "L∞" else x0.numel() ** 0.5)
    x = x0 + (radius * noise if norm == "L∞" else radius / 2 * noise / noise.norm())
    x, expected_steps = x.clamp(0, 1), []
    for _ in range(steps + 1):
        x = x.detach().requires_grad_()
        z = model(x)[0]
        margin = z[label] - torch.cat([z[:label], z[label + 1 :]]).exp().sum().log()
        (slope,) = torch.autograd.grad(margin, x)
        expected_steps.append((float(margin), x.detach()))
        alpha = 2.5 / steps * radius
        step = slope.sign() if norm == "L∞" else slope / slope.norm()
        x = x.detach() - alpha * step
        delta = x - x0
        if norm == "L∞":
            delta = delta.clamp(-radius, radius)
        else:
            delta = delta * min(1.0, radius / float(delta.norm()))
        x = (x0 + delta).clamp(0, 1)
    margins, images = zip(*expected_steps, strict=True)
    np.testing.assert_allclose(result["margin"].y, margins, atol=2e-3)
    best = images[int(np.argmin(margins))][0]
    exact = round_change(levels_of(case.image), best.float(), epsilon, norm)
    differences = (change_of(case, result) - exact).abs()
    assert float((differences > 0).float().mean()) < 0.02  # values on the edge of rounding
    assert int(differences.max()) <= 2 * epsilon


@pytest.mark.parametrize("kind", [FGSM, PGD])
@pytest.mark.parametrize("norm", ["L∞", "L2"])
@pytest.mark.parametrize("epsilon", [1, 4, 64])
def test_the_change_is_in_the_ball_and_the_answer_is_that_of_the_rounded_image(kind, norm, epsilon):
    case = on_grid(tiny.cnn_case(), seed=epsilon)
    result = kind(epsilon=epsilon, norm=norm)(case)
    change = change_of(case, result)
    if norm == "L∞":
        assert int(change.abs().max()) <= epsilon
    else:
        assert int(change.int().square().sum()) <= epsilon**2 * change.numel()
    shares = case.model.logits(attacked_pixels(result)[None])[0].softmax(0)
    table = result["classes"]
    np.testing.assert_allclose(table["after"], shares[table["class"].tolist()], atol=1e-6)
    order = shares.argsort(descending=True).tolist()
    assert [order[int(rank) - 1] for rank in table["rank after"]] == table["class"].tolist()
    first = int(case.model.logits(case.image[None])[0].argmax())
    assert bool(result["figures"]["another class"][0]) == (order[0] != first)


def test_no_change_and_one_that_ruins_the_image_are_said():
    case = on_grid(tiny.cnn_case())
    for method in (FGSM(epsilon=0), PGD(epsilon=0, norm="L2")):
        result = method(case)
        assert torch.equal(attacked_pixels(result), case.image)
        assert result["figures"]["L2"][0] == 0
        assert "Nothing is changed" in method.finding(case, result)
    method = FGSM(epsilon=64)
    result = method(case)
    likeness = float(result["figures"]["SSIM"][0])
    assert f"SSIM {likeness:.2f}" in method.finding(case, result)
    ours, single_step = (kind(epsilon=8)(case)["margin"].y for kind in (PGD, FGSM))
    assert ours.min() <= single_step[-1] + 1e-6


def test_classes_that_nothing_moves_or_that_lead_for_a_moment_and_small_images_are_said():
    case = on_grid(tiny.linear_case())
    with torch.no_grad():
        case.model.network.weight.mul_(0).add_(1.0)  # class 1 leads by the sum of all pixels
    for norm, bound in (("L∞", "1/255"), ("L2", "1/255 in the mean")):
        method = PGD(epsilon=1, norm=norm)
        result = method(case)
        assert not result["figures"]["another class"][0]
        words = f"Changes of at most {bound} did not make it say another class"
        assert method.finding(case, result).startswith(words)
    case = ImageCase(tiny.classifier(Crowd(), 8), torch.full((3, 8, 8), 0.5), Target(0))
    method = PGD(epsilon=64)
    result = method(case)
    assert result["margin"].y[-1] == result["margin"].y.min()  # there, class 0 leads
    assert result["figures"]["another class"][0]
    assert "it says class 1" in method.finding(case, result)
    case = ImageCase(tiny.classifier(tiny.Cnn(), 8), tiny.image(8), Target(0))
    method = FGSM(epsilon=64)
    result = method(case)
    assert np.isnan(result["figures"]["SSIM"][0])
    before, _, after = result["pictures"].images[0].astype(float)
    share = np.sqrt(((after - before) ** 2).mean()) / before.std()
    assert f"(the change is {share:.2f} of the image's contrast)." in method.finding(case, result)


class Constant(nn.Module):
    """Does not look at the pixels."""

    def __init__(self, classes=3):
        super().__init__()
        self.values = nn.Parameter(torch.arange(classes).float())

    def forward(self, images):
        return self.values.detach().expand(len(images), -1)


def test_one_class_no_gradients_and_slopes_without_numbers_are_refused_in_words():
    with pytest.raises(DoesNotFit, match="one class only"):
        answer(PGD(), case_of(Constant(1), 0, 8))
    with pytest.raises(DoesNotFit, match="gives no gradients"):
        answer(PGD(), case_of(Constant(), 0, 8))

    class Broken(nn.Module):
        def forward(self, images):
            score = (images - images).sum((1, 2, 3)).sqrt()  # infinite slope
            return torch.stack([score, score + 1], 1)

    with pytest.raises(BlindspotError, match="no numbers"):
        PGD()(case_of(Broken(), 0, 8))


class Crowd(nn.Module):
    """Class 1 leads only where the image is about 0.6 bright; beyond, ten others gain at once."""

    def forward(self, images):
        bright = images.mean((1, 2, 3))
        peak = 0.1 - 4 * (bright - 0.6).abs()
        crowd = -0.2 - 20 * (0.75 - bright)
        return torch.stack([0 * bright, peak, *[crowd] * 10], 1)


@pytest.fixture(scope="module")
def case():
    model = tiny.mlp(scale=1.0)
    image = levels_to_pixels(levels_of(tiny.image(8)))
    return ImageCase(model, image, Target(int(model.logits(image[None])[0].argmax())))


@pytest.mark.parametrize("method", [PGD(epsilon=24, steps=30), FGSM(epsilon=24)], ids=str)
def test_each_image_kept_gets_what_stands_beside_it(case, method):
    result = method(case)
    path, top = result["path"], result["top"]
    assert len(path.frames) <= ways.FRAMES + 1
    assert path.steps[0] == 0
    assert path.steps[-1] == len(result["source confidence"].y) - 1  # the found one comes last
    assert torch.equal(torch.from_numpy(path.frames[0].copy()), case.image)
    assert torch.equal(torch.from_numpy(path.frames[-1].copy()), attacked_pixels(result))
    shares = case.model.logits(attacked_pixels(result)[None])[0].softmax(0)
    best = shares.topk(len(top.values[0]))
    np.testing.assert_allclose(top.values[-1], best.values.numpy(), atol=1e-6)
    assert top.labels[-1] == tuple(case.model.labels[index] for index in best.indices)
    assert path.values[-1] == pytest.approx(float(shares[case.target.index]), abs=1e-6)
    assert result["target confidence"].y_label == f"confidence in {top.labels[-1][0]}"


@pytest.mark.parametrize("norm", ["L∞", "L2"])
def test_curves_are_those_of_the_steps_themselves_and_stay_in_the_ball(case, norm, monkeypatch):
    method, images, original = PGD(epsilon=2, steps=4, norm=norm), [], AttackTrajectory.add

    def noted(self, image, logits):
        images.append(image.clone())
        original(self, image, logits)

    monkeypatch.setattr(AttackTrajectory, "add", noted)
    result = method(case)
    assert torch.equal(images[0], case.image)
    shares = case.model.logits(torch.stack(images)).softmax(1)[:, case.target.index]
    np.testing.assert_allclose(result["source confidence"].y, shares, atol=1e-5)
    distances = [float((image - case.image).double().square().mean().sqrt()) for image in images]
    np.testing.assert_allclose(result["rmse to source"].y, distances, rtol=1e-5, atol=1e-9)
    assert 1 / 255 < max(distances) <= 2 / 255 + 1e-6


def test_one_step_a_list_and_several_searches_have_their_steps_and_no_other(case):
    assert len(FGSM(epsilon=24)(case)["source confidence"].y) == 3  # image, step, 8 bits
    assert len(PGD(epsilon=0)(case)["source confidence"].y) == 2
    order = tuple(index for index in range(4) if index != case.target.index)[:2]
    result = QuadAttacK(steps=12)(OrderedCase(case, order))
    assert result["target confidence"].y_label == f"confidence in {case.model.labels[order[0]]}"
    assert len(result["source confidence"].y) == 1 + 12 + 1 + 1
    result = QuadAttacK(steps=5, searches=3)(OrderedCase(case, order))
    assert len(result["source confidence"].y) == 1 + 3 * (5 + 1) + 1
    assert result["path"].steps[-1] == 3 * (5 + 1) + 1
    last = torch.from_numpy(result["path"].frames[-1].copy())
    assert torch.equal(last, attacked_pixels(result))


def test_few_images_of_large_ones_are_kept(monkeypatch):
    levels, logits = torch.zeros(3, 10, 10, dtype=torch.int16), torch.zeros(4)
    monkeypatch.setattr(ways, "LARGEST", (4 + 1) * 4 * levels.numel())
    assert AttackTrajectory(levels, logits, 100).wanted == {0, 33, 67, 100}
    monkeypatch.setattr(ways, "LARGEST", 1)
    assert AttackTrajectory(levels, logits, 100).wanted == {0, 100}
    assert AttackTrajectory(levels, logits, 0).wanted == {0}
    trajectory, image = AttackTrajectory(levels, logits, 3), torch.zeros(3, 10, 10)
    for point in (image, image + 0.1, image):  # no step at first, and a way there and back
        trajectory.note(point, logits)
    assert len(trajectory.shares) == 1 + 2
    trajectory = AttackTrajectory(levels, logits, 3)
    trajectory.add(image, logits)
    trajectory.note(image, logits)
    assert len(trajectory.shares) == 1 + 2
