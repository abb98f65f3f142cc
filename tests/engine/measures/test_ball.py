"""Steps, nearest images and random starts in a ball around an image."""

import pytest
import torch

from engine.measures.ball import NORMS, Ball

LEVELS = 6.0 / 255


@pytest.mark.parametrize("norm", NORMS)
def test_a_ball_is_as_wide_as_its_levels_and_steps_and_starts_go_their_share_of_the_way(norm):
    rng = torch.Generator().manual_seed(0)
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
    begun = ball.start(torch.Generator().manual_seed(1)) - center
    drawn = 2 * torch.rand(center.shape, generator=torch.Generator().manual_seed(1)) - 1
    torch.testing.assert_close(begun, drawn / (1 if linf else 2 * length(drawn)) * LEVELS)
    ends = Ball(torch.tensor([[[[0.0, 1.0]]]]), 6.0, norm)
    assert (ends.project(torch.tensor([[[[-1.0, 2.0]]]])) == ends.center).all()
