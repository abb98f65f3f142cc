"""Networks trained sparse: every level begins with the early weights, and ends at the count."""

import numpy as np
import pytest

from engine.core.errors import Cancelled
from engine.sparsity import Prune, PruneCase, Rewound, masks_in
from engine.sparsity.tickets.cut import full_masks, prune_smallest
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recipe, Recorder, fresh, train, unfinished
from tests.engine.vision.training.test_loop import same, striped

RECIPE = Recipe("mlp", epochs=3, batch=8, rate=0.05)  # 12 steps
BACK = 2  # of them


@pytest.fixture(scope="module")
def case():
    data = striped()
    return PruneCase(fresh(data, RECIPE, 5), data, 5, recipe=RECIPE)


def begun(case):
    return fresh(case.data, RECIPE, 5)


def by_hand(case, method):
    """The masks and the network that they were trained with."""
    model, early = begun(case), Recorder((BACK,))
    if method.way == "SynFlow":
        masks = Prune(criterion="SynFlow", ratio=method.ratio).masks(case)
        train(model, case.data, RECIPE, 5, masks=masks)
        return masks, model
    train(model, case.data, RECIPE, 5, recorder=early)
    masks = full_masks(model, head=False)
    levels = 1 if method.way == "OMP" else 4  # 0.8⁴ is about 0.4
    for level in range(1, levels + 1):
        remaining = round(masks.total * 0.4 ** (level / levels))
        masks = prune_smallest(model, masks, 1 - remaining / masks.kept)
        model = begun(case)
        model.network.load_state_dict(early.weights[BACK])
        train(model, case.data, RECIPE, 5, masks=masks, start=BACK)
    return masks, model


@pytest.mark.parametrize("way", ["OMP", "IMP", "SynFlow"])
def test_each_way_is_trainings_from_the_early_weights_written_out(case, way):
    method = Rewound(way=way, ratio=0.6, rewind=0.17)
    result = method(case)
    masks, model = by_hand(case, method)
    rebuilt_model = rebuilt(result["model"])
    assert masks_in(rebuilt_model).digest == masks.digest
    assert same(rebuilt_model, model)
    data, rows = case.data, case.data.rows("test")
    right = (rebuilt_model(data.pixels(rows)).argmax(1) == data.targets(rows)).float().mean()
    assert result["figures"]["test accuracy"] == pytest.approx(float(right))
    np.testing.assert_array_equal(result["layers"]["kept"], masks.counts)


def test_the_steps_gone_back_to_and_the_levels_follow_from_the_settings(case):
    assert Rewound(rewind=0.17).back(case) == BACK
    assert Rewound(rewind=0.0).back(case) == 0
    levels = [Rewound(way="IMP", ratio=ratio).levels for ratio in (0.0, 0.2, 0.8, 0.95)]
    assert levels == [1, 1, 7, 13]
    assert Rewound(way="OMP", ratio=0.95).levels == 1


def test_a_run_that_was_stopped_goes_on_with_the_level_under_way_and_ends_the_same(
    case, monkeypatch, empty_home
):
    method, begun_at, usual = Rewound(way="IMP", ratio=0.6, rewind=0.17), [], Rewound.trained
    whole_run = method(case)

    def counted(self, *given):
        begun_at.append(given[2].kept)
        if len(begun_at) == stop:
            raise Cancelled
        return usual(self, *given)

    monkeypatch.setattr(Rewound, "trained", counted)
    stop = 4
    with pytest.raises(Cancelled):
        method(case)
    assert [job.note["kind"] for job in unfinished()] == ["tickets"]
    stop = 0
    resumed = method(case)
    levels = [round(begun_at[0] * 0.4 ** (level / 4)) for level in range(5)]
    assert begun_at == [*levels[:4], *levels[3:]]  # the three that were done are not trained again
    assert unfinished() == ()
    assert same(*(rebuilt(each["model"]) for each in (resumed, whole_run)))
    np.testing.assert_array_equal(resumed["layers"]["kept"], whole_run["layers"]["kept"])
