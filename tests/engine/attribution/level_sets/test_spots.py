"""Many walks at once: what they tell on the way."""

import pytest
import torch

from engine.attribution.level_sets.spots import blind_spots
from engine.attribution.level_sets.star import Star
from engine.attribution.level_sets.traversal import Traversal
from engine.models.pace import Pace
from tests import tiny


def test_walks_in_batches_end_where_each_would_alone_and_tell_the_share_that_is_done():
    """Two walks together and then one: a step of the first batch counts twice."""
    case = tiny.pair_case(tiny.mlp(scale=1.0), 3)
    case.model._paces["gradient"] = Pace(2, False, "gradient", 0.0)
    method, shares = Star(eta=0.05, steps=20), []
    result = blind_spots(method, case, lambda done, *_words: shares.append(done))
    first = [2 * step / 20 / 3 for step in range(1, 21)]
    assert shares == pytest.approx([*first, *((2 + step / 20) / 3 for step in range(1, 21))])
    for end, target in zip(result, case.others, strict=True):
        walk = Traversal(
            case.model,
            case.source.image[None],
            target[None],
            torch.tensor([case.source.target.index]),
            method.rules(),
            method.start_noise(case.source),
        )
        for _ in range(20):
            walk.step()
        torch.testing.assert_close(end, walk.x[0], atol=1e-5, rtol=0)
