"""Steps in a ball around an image; changes in whole gray levels stay in it, and in 0 to 255."""

import pytest
import torch

from engine.evaluation.measures import levels as in_levels
from engine.evaluation.measures.ball import NORMS, Ball
from engine.evaluation.measures.levels import levels_of, levels_to_pixels, round_change, shortened
from engine.vision.images.crop import Crop, square
from engine.vision.images.samples import sample
from tests import tiny

LEVELS = 6.0 / 255


def drawn(seed, epsilon, norm):
    """An image, and one that is found near it, on the border of the ball."""
    generator = tiny.seeded(seed)
    levels = torch.randint(0, 256, (3, 9, 9), generator=generator).to(torch.int16)
    noise = 2 * torch.rand(levels.shape, generator=generator) - 1
    if norm == "L2":
        noise = noise / noise.norm() * levels.numel() ** 0.5
    return levels, (levels_to_pixels(levels) + epsilon / 255 * noise).clamp(0, 1)


@pytest.mark.parametrize("norm", ["L∞", "L2"])
@pytest.mark.parametrize("epsilon", [0, 1, 2, 7, 40])
@pytest.mark.parametrize("seed", range(5))
def test_a_rounded_change_is_in_the_ball_exactly_and_leaves_an_image(seed, epsilon, norm):
    levels, result = drawn(seed, epsilon, norm)
    change = round_change(levels, result, epsilon, norm)
    assert int((levels + change).min()) >= 0
    assert int((levels + change).max()) <= 255
    if norm == "L∞":
        assert int(change.abs().max()) <= epsilon
    else:
        assert int(change.int().square().sum()) <= epsilon**2 * levels.numel()
    exact_change = result * 255 - levels
    assert float((change - exact_change).abs().max()) <= (0.51 if norm == "L∞" else 1.01)
    if epsilon == 0:
        assert not change.any()


def test_shortening_takes_back_the_roundings_that_cost_least():
    exact_change = torch.tensor([0.6, -0.9, 1.4, 0.2], dtype=torch.float64)
    change = exact_change.round()  # 1, −1, 1, 0: squares add up to 3
    assert shortened(change, exact_change, 3.0).tolist() == [1, -1, 1, 0]
    assert shortened(change, exact_change, 2.5).tolist() == [0, -1, 1, 0]
    assert shortened(change, exact_change, 1.2).tolist() == [0, 0, 1, 0]
    assert shortened(change, exact_change, 0.0).tolist() == [0, 0, 0, 0]


def test_a_photograph_comes_back_to_the_bit():
    pixels = torch.from_numpy(square(sample("chelsea"), Crop(), 48))
    assert torch.equal(levels_to_pixels(levels_of(pixels)), pixels)


def test_sizes_and_the_enlarged_change_say_what_was_added():
    change = torch.zeros(3, 2, 2, dtype=torch.int16)
    change[0, 0, 0], change[1, 0, 0] = 3, -4
    sizes = {"L∞": 4, "RMS": (25 / 12) ** 0.5, "L2": 5 / 255, "changed": 0.25}
    assert in_levels.sizes(change) == pytest.approx(sizes)
    picture, times = in_levels.magnified(change)
    assert times == 31
    assert picture[0, 0].tolist() == [128 + 93, 128 - 124, 128]
    assert in_levels.magnified(0 * change)[1] == 1


@pytest.mark.parametrize("norm", NORMS)
def test_a_ball_is_as_wide_as_its_levels_and_steps_and_starts_go_their_share_of_the_way(norm):
    rng = tiny.seeded(0)
    center = 0.3 + 0.4 * torch.rand(1, 3, 4, 5, generator=rng)
    slope = torch.randn(center.shape, generator=rng)
    linf = norm == "L∞"

    def length(change):
        return float(change.abs().max() if linf else change.square().mean().sqrt())

    ball = Ball(center, 6.0, norm)
    step = ball.step(slope, 0.25)
    direction = slope.sign() if linf else slope
    assert length(step) == pytest.approx(0.25 * LEVELS)
    assert torch.cosine_similarity(step.flatten(), direction.flatten(), 0) == pytest.approx(1)
    far, near = 3 * step / length(step) * LEVELS, 0.9 * step
    torch.testing.assert_close(ball.project(center + far), center + far / 3)
    torch.testing.assert_close(ball.project(center + near), center + near)
    begun = ball.start(tiny.seeded(1)) - center
    drawn = 2 * torch.rand(center.shape, generator=tiny.seeded(1)) - 1
    torch.testing.assert_close(begun, drawn / (1 if linf else 2 * length(drawn)) * LEVELS)
    ends = Ball(torch.tensor([[[[0.0, 1.0]]]]), 6.0, norm)
    assert (ends.project(torch.tensor([[[[-1.0, 2.0]]]])) == ends.center).all()
