"""The walk in short: its figures, and a small picture of where it ends."""

import numpy as np
import torch

from engine.attribution.level_sets.blind_spot import SIDE, BlindSpot, averaged_end
from engine.attribution.level_sets.lst import LST
from engine.result import Path
from tests import tiny


def test_it_has_the_walk_s_figures_and_a_small_end():
    case = tiny.pair_case(tiny.cnn())
    walk, short = LST()(case), BlindSpot()(case)
    np.testing.assert_array_equal(short["figures"].values, walk["figures"].values)
    assert short["top"].labels == walk["top"].labels
    end = short["end"].frames
    assert end.shape[1:] == walk["end"].frames.shape[1:]  # it is small already
    np.testing.assert_allclose(end, walk["end"].frames, atol=1e-3)
    assert short["figures"].cell("walk", "RMSE to source") > 0


def test_a_large_end_is_averaged_down():
    frames = torch.rand(2, 3, 2 * SIDE, 2 * SIDE, generator=tiny.seeded()).numpy()
    result = averaged_end(Path(frames, np.array([0.25, 0.75], np.float32), "probability"))
    pools = frames[1].reshape(3, SIDE, 2, SIDE, 2).mean((2, 4))
    assert result.frames.shape == (1, 3, SIDE, SIDE)
    np.testing.assert_allclose(result.frames[0], pools, atol=1e-3)
    assert result.values.tolist() == [0.75]
