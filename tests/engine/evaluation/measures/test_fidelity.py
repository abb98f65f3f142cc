"""Infidelity and max-sensitivity on models whose slopes are known, and against captum."""

from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest
import torch

from engine.attribution import Gradient
from engine.core.method import Method, quiet
from engine.core.result import HeatMap
from engine.evaluation.measures.fidelity import infidelity, max_sensitivity, missed
from tests import tiny


def changes(count=200, side=16, seed=3):
    return 0.1 * torch.randn(count, 3, side, side, generator=tiny.seeded(seed))


@pytest.fixture
def linear():
    case = tiny.linear_case()
    return case, case.model.network.weight.detach()


@pytest.mark.parametrize("noise", [0.01, 0.1, 1.0])
def test_the_slopes_of_a_linear_model_are_never_wrong(linear, noise):
    case, weight = linear
    result = infidelity(case.score, case.image, weight, noise * changes())
    assert result == pytest.approx(0, abs=1e-6)


def test_wrong_slopes_are_wrong_by_what_they_miss(linear):
    case, weight = linear
    moved = changes()
    off = torch.zeros_like(weight)
    off[0, 2, 5] = 2.0
    result = infidelity(case.score, case.image, weight + off, moved)
    assert result == pytest.approx(float(((2 * moved[:, 0, 2, 5]) ** 2).mean()), rel=1e-3)


def test_scaled_only_the_direction_counts(linear):
    case, weight = linear
    question = case.score, case.image, 7 * weight, changes()
    assert infidelity(*question) > 1
    assert infidelity(*question, scaled=True) == pytest.approx(0, abs=1e-5)


def test_a_map_of_zeros_misses_all_that_the_score_falls_scaled_or_not(linear):
    case, weight = linear
    moved, zeros = changes(), torch.zeros_like(weight)
    fell = (moved * weight).flatten(1).sum(1)
    for scaled in (False, True):
        result = infidelity(case.score, case.image, zeros, moved, scaled=scaled)
        assert result == pytest.approx(float((fell**2).mean()), rel=1e-3)


@pytest.mark.parametrize(
    ("told", "share"),
    [
        ([3.0, 4.0], 0.0),  # predicts all
        ([0.6, 0.8], 0.0),  # at any scale
        ([1.0, 0.0], 1 - 9 / 25),  # the first change alone
        ([4.0, -3.0], 1.0),  # nothing in common
        ([-3.0, -4.0], 1.0),  # the opposite
        ([0.0, 0.0], 1.0),  # a map of zeros
    ],
)
def test_missed_is_the_share_that_the_best_scale_leaves(told, share):
    told, fell = np.array(told), np.array([3.0, 4.0])
    assert missed(told, fell) == pytest.approx(share)
    tried = [((scale * told - fell) ** 2).sum() / 25 for scale in np.linspace(0, 6, 6001)]
    assert min(tried) == pytest.approx(share, abs=1e-6)
    both = missed(np.stack([told, fell]), fell)  # a row for each map
    assert both == pytest.approx([share, 0.0])


@dataclass(frozen=True)
class RedMap(Method):
    """A map that is the image's red, times a number."""

    family, name, title, cost = "attribution", "Told", "Told", "live"
    times: float = 1.0

    def __post_init__(self):
        pass

    def __call__(self, case, _progress=quiet):
        return {"map": HeatMap(self.times * case.image[0].numpy(), "", signed=True)}


def test_a_map_that_is_the_image_moves_as_much_as_the_image_may():
    case = tiny.cnn_case()
    result = max_sensitivity(RedMap(), case, radius=0.02, draws=30)
    furthest = 0.02 * (case.image[0].numel()) ** 0.5 / float(case.image[0].norm())
    assert 0.5 * furthest < result <= furthest
    once, nine_times = (max_sensitivity(RedMap(times=times), case) for times in (1.0, 9.0))
    assert nine_times == pytest.approx(once, rel=1e-4)


def test_the_gradient_of_a_linear_model_holds_still(linear):
    assert max_sensitivity(Gradient(), linear[0]) == pytest.approx(0, abs=1e-6)


def test_a_map_of_zeros_has_no_sensitivity():
    assert np.isnan(max_sensitivity(RedMap(times=0.0), tiny.cnn_case()))


@pytest.mark.parametrize("change", [1, 3], ids=["the first", "the last"])
def test_a_map_that_is_lost_after_one_of_the_changes_has_no_sensitivity(change):
    counter = count()

    class Lost(RedMap):
        def __call__(self, case, _progress=quiet):
            heat = case.image[0].numpy().copy()
            heat[0, 0] = np.nan if next(counter) == change else 1.0
            return {"map": HeatMap(heat, "", signed=True)}

    assert np.isnan(max_sensitivity(Lost(), tiny.cnn_case(), draws=3))


@pytest.mark.peer
def test_infidelity_is_captum_s_on_the_same_changes():
    from captum.metrics import infidelity as theirs

    case = tiny.cnn_case(torch.nn.Tanh)
    target, drawn = case.target.index, changes(side=32, count=64)
    _, slopes = case.gradient(case.image[None])
    for scaled in (False, True):
        ours = infidelity(case.score, case.image, slopes[0], drawn, scaled=scaled)
        result = theirs(
            case.model,
            lambda inputs: (drawn, inputs - drawn),
            case.image[None],
            slopes,
            target=target,
            n_perturb_samples=len(drawn),
            normalize=scaled,
        )
        assert ours == pytest.approx(float(result), rel=1e-3)


@pytest.mark.peer
def test_max_sensitivity_is_captum_s_on_the_same_changes():
    from captum.attr import Saliency
    from captum.metrics import sensitivity_max

    case = tiny.cnn_case(torch.nn.Tanh)
    radius, draws = 0.02, 10

    @dataclass(frozen=True)
    class Slopes(Method):
        """All three channels of the gradient, which captum keeps too."""

        family, name, title, cost = "attribution", "Slopes", "Slopes", "live"

        def __call__(self, case, _progress=quiet):
            return {"map": HeatMap(case.gradient(case.image[None])[1][0].numpy(), "", signed=True)}

    generator = tiny.seeded(case.seed)
    drawn = torch.stack(
        [(2 * torch.rand(case.image.shape, generator=generator) - 1) * radius for _ in range(draws)]
    )
    saliency = Saliency(case.model)
    result = sensitivity_max(
        lambda inputs, target: saliency.attribute(inputs, target=target, abs=False),
        case.image[None],
        perturb_func=lambda inputs, _radius: inputs + drawn,
        n_perturb_samples=draws,
        target=case.target.index,
    )
    ours = max_sensitivity(Slopes(), case, radius=radius, draws=draws)
    assert ours == pytest.approx(float(result), rel=1e-4)
