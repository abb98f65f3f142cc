"""FGSM and PGD: exact in the ball, equal to their formulas, and honest about failing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.robustness import FGSM, PGD
from engine.attribution.robustness.scored import attacked_pixels
from engine.case import ImageCase
from engine.case.target import Target
from engine.errors import BlindspotError, DoesNotFit
from engine.measures.levels import levels_of, levels_to_pixels, round_change
from engine.run import answer
from tests import tiny


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
        rest = torch.cat([z[:label], z[label + 1 :]])
        margin = z[label] - rest.exp().sum().log()
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
    np.testing.assert_allclose(
        result["margin"].y, [margin for margin, _ in expected_steps], atol=2e-3
    )
    best = min(expected_steps, key=lambda step: step[0])[1][0]
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


def test_no_change_is_the_identity_and_is_said():
    case = on_grid(tiny.cnn_case())
    for method in (FGSM(epsilon=0), PGD(epsilon=0, norm="L2")):
        result = method(case)
        assert torch.equal(attacked_pixels(result), case.image)
        assert result["figures"]["L2"][0] == 0
        assert "Nothing is changed" in method.finding(case, result)


def test_a_large_change_that_ruins_the_image_is_said_with_ssim():
    case = on_grid(tiny.cnn_case())
    method = FGSM(epsilon=64)
    result = method(case)
    likeness = float(result["figures"]["SSIM"][0])
    assert f"SSIM {likeness:.2f}" in method.finding(case, result)


def test_pgd_lowers_the_margin_at_least_as_far_as_one_step():
    case = on_grid(tiny.cnn_case())
    ours, single_step = (kind(epsilon=8)(case)["margin"].y for kind in (PGD, FGSM))
    assert ours.min() <= single_step[-1] + 1e-6


def test_a_class_that_nothing_moves_is_kept_and_said():
    case = on_grid(tiny.linear_case())
    with torch.no_grad():
        case.model.network.weight.mul_(0).add_(1.0)  # class 1 leads by the sum of all pixels
    method = PGD(epsilon=1)
    result = method(case)
    assert not result["figures"]["another class"][0]
    assert "did not make it say another class" in method.finding(case, result)


class Constant(nn.Module):
    """Does not look at the pixels."""

    def __init__(self, classes=3):
        super().__init__()
        self.values = nn.Parameter(torch.arange(classes).float())

    def forward(self, images):
        return self.values.detach().expand(len(images), -1)


def test_a_model_with_one_class_or_without_gradients_is_refused_in_words():
    image = tiny.image(8)
    alone = ImageCase(tiny.classifier(Constant(1), 8), image, Target(0))
    with pytest.raises(DoesNotFit, match="one class only"):
        answer(PGD(), alone)
    deaf = ImageCase(tiny.classifier(Constant(), 8), image, Target(0))
    with pytest.raises(DoesNotFit, match="gives no gradients"):
        answer(PGD(), deaf)


def test_slopes_that_are_no_numbers_are_refused_in_words():
    class Broken(nn.Module):
        def forward(self, images):
            score = (images - images).sum((1, 2, 3)).sqrt()  # infinite slope
            return torch.stack([score, score + 1], 1)

    with pytest.raises(BlindspotError, match="no numbers"):
        PGD()(ImageCase(tiny.classifier(Broken(), 8), tiny.image(8), Target(0)))


class Crowd(nn.Module):
    """Class 1 leads only where the image is about 0.6 bright; beyond, ten others gain at once."""

    def forward(self, images):
        bright = images.mean((1, 2, 3))
        peak = 0.1 - 4 * (bright - 0.6).abs()
        crowd = -0.2 - 20 * (0.75 - bright)
        return torch.stack([0 * bright, peak, *[crowd] * 10], 1)


def test_an_image_of_another_class_is_kept_though_the_margin_falls_further_without():
    case = ImageCase(tiny.classifier(Crowd(), 8), torch.full((3, 8, 8), 0.5), Target(0))
    method = PGD(epsilon=64)
    result = method(case)
    assert result["margin"].y[-1] == result["margin"].y.min()  # there, class 0 leads
    assert result["figures"]["another class"][0]
    assert "it says class 1" in method.finding(case, result)


def test_of_an_image_too_small_for_ssim_a_change_that_is_seen_is_said_too():
    case = ImageCase(tiny.classifier(tiny.Cnn(), 8), tiny.image(8), Target(0))
    method = FGSM(epsilon=64)
    result = method(case)
    assert np.isnan(result["figures"]["SSIM"][0])
    before, _, after = result["pictures"].images[0].astype(float)
    share = np.sqrt(((after - before) ** 2).mean()) / before.std()
    assert f"(the change is {share:.2f} of the image's contrast)." in method.finding(case, result)
