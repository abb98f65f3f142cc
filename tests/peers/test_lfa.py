"""The eight explainers as local models against captum's own, on one small smooth network.

Captum sees what the network sees, pixels less their mean over their deviation, so that its usual
baseline of 0 is our nothing, the mean color. Its weights of pixels are added up over each feature.
Noise that moves a whole feature is asked of captum as a function of that move.
"""

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.partition import Partition, square_tiles
from engine.attribution.lfa import LocalModel
from engine.attribution.lfa.ground import Ground
from engine.attribution.lfa.neighborhoods import Radii, coins
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.classifier import Classifier
from tests import tiny

peer = pytest.importorskip("captum.attr")
pytestmark = pytest.mark.peer

SIDE, TILES, SAMPLES = 8, 16, 5000
KAPPA, SIGMA = 0.5, 0.2
MEAN, DEVIATION = (0.5, 0.4, 0.3), 0.25


@pytest.fixture(scope="module")
def case():
    network = tiny.random_weights(tiny.Mlp(SIDE), scale=0.25)
    model = Classifier(network, "toy", "toy", SIDE, MEAN, (DEVIATION,) * 3)
    return ImageCase(model, tiny.image(SIDE), Target(2))


@pytest.fixture(scope="module")
def labels(case):
    return square_tiles(case.image, TILES).labels


def ours(case, labels, explainer, **settings):
    """A feature's weight, (features,)."""
    settings = {"samples": SAMPLES, "noise": SIGMA, "kernel": KAPPA} | settings
    values = LocalModel(explainer=explainer, count=TILES, **settings)(case)["map"].values
    return np.array([values[labels == k][0] for k in range(TILES)])


def inner(case):
    """What the network sees, (1, 3, H, W)."""
    return ((case.image - torch.tensor(MEAN)[:, None, None]) / DEVIATION)[None]


def summed(weights, labels):
    """Weights of inner pixels (1, 3, H, W) as those of features, (features,)."""
    flat = weights.detach()[0].sum(0)
    return np.array([flat[labels == k].sum().item() for k in range(TILES)])


def moved(case, labels):
    """The score as a function of how far each feature's brightness is moved, (n, features)."""
    return lambda by: case.target.of(case.model(case.image + by[:, labels][:, None]))


def first(weights, labels):
    """Captum's weights of features, painted on the pixels, as (features,)."""
    painted = weights.detach()[0, 0]
    return np.array([painted[labels == k][0].item() for k in range(TILES)])


def cosine(vector, other):
    return vector @ other / np.linalg.norm(vector) / np.linalg.norm(other)


def test_gradient_is_captums_with_its_signs(case, labels):
    result = peer.Saliency(case.model.network).attribute(inner(case), target=2, abs=False)
    mine = ours(case, labels, "Gradient")
    np.testing.assert_allclose(mine, summed(result, labels) / DEVIATION, rtol=0.02, atol=0.02)
    assert mine.min() < 0 < mine.max()


def test_smoothgrad_is_captums_noise_tunnel_of_the_same_sigma(case, labels):
    torch.manual_seed(0)
    result = peer.NoiseTunnel(peer.Saliency(moved(case, labels))).attribute(
        torch.zeros(1, TILES),
        nt_samples=SAMPLES,
        nt_samples_batch_size=500,
        stdevs=SIGMA,
        abs=False,
    )
    mine = ours(case, labels, "SmoothGrad")
    theirs = result.detach()[0].numpy()
    assert cosine(mine, theirs) > 0.999
    assert np.linalg.norm(mine) == pytest.approx(np.linalg.norm(theirs), rel=0.02)
    assert cosine(mine, theirs) > cosine(ours(case, labels, "Gradient"), theirs)


def test_integrated_gradients_are_captums(case, labels):
    result = peer.IntegratedGradients(case.model.network).attribute(
        inner(case), target=2, n_steps=200
    )
    mine = ours(case, labels, "Integrated gradients")
    np.testing.assert_allclose(mine, summed(result, labels), rtol=1e-3, atol=1e-3)


def test_gradient_times_input_is_captums(case, labels):
    result = peer.InputXGradient(case.model.network).attribute(inner(case), target=2)
    mine = ours(case, labels, "Gradient × input")
    np.testing.assert_allclose(mine, summed(result, labels), rtol=0.02, atol=0.02)


def limed(case, labels, width, coins=None):
    """Captum's LIME by plain least squares, with its own coins or ours."""
    from captum._utils.models.linear_model import SkLearnLinearRegression
    from captum.attr._core.lime import get_exp_kernel_similarity_function

    kernel = get_exp_kernel_similarity_function("euclidean", width)
    options = {} if coins is None else {"perturb_func": lambda *_, **__: next(coins)[None].long()}
    torch.manual_seed(0)
    result = peer.Lime(case.model.network, SkLearnLinearRegression(), kernel, **options).attribute(
        inner(case),
        target=2,
        feature_mask=labels[None, None],
        n_samples=SAMPLES,
        perturbations_per_eval=500,
    )
    return first(result, labels)


def width_of(case):
    """κ as captum's width: it has exp(−d²/2w²) of a length, we exp(−(d/κ)²) of a share of it."""
    return KAPPA * inner(case).norm().item() / 2**0.5


def test_lime_is_captums_with_the_half_taken_out_of_its_kernel(case, labels):
    ground = Ground(case, Partition(labels))

    def drawn():
        reach = Radii(kernel=KAPPA, samples=SAMPLES)
        return iter(coins(ground, reach, torch.Generator().manual_seed(case.seed)).by)

    mine, width = ours(case, labels, "LIME"), width_of(case)
    np.testing.assert_allclose(mine, limed(case, labels, width, drawn()), rtol=1e-3, atol=1e-3)
    with pytest.raises(AssertionError):  # their κ is not ours
        np.testing.assert_allclose(
            mine, limed(case, labels, width * 2**0.5, drawn()), rtol=1e-3, atol=1e-3
        )


def test_lime_is_captums_with_coins_of_its_own(case, labels):
    assert cosine(ours(case, labels, "LIME"), limed(case, labels, width_of(case))) > 0.95


def test_kernel_shap_is_captums(case, labels):
    torch.manual_seed(0)
    result = peer.KernelShap(case.model.network).attribute(
        inner(case),
        target=2,
        feature_mask=labels[None, None],
        n_samples=SAMPLES,
        perturbations_per_eval=500,
    )
    mine, theirs = ours(case, labels, "KernelSHAP"), first(result, labels)
    assert cosine(mine, theirs) > 0.98
    assert mine.sum() == pytest.approx(theirs.sum(), rel=0.01)  # f(x) − f(b)


def test_occlusion_is_captums_feature_ablation(case, labels):
    result = peer.FeatureAblation(case.model.network).attribute(
        inner(case), target=2, feature_mask=labels[None, None]
    )
    np.testing.assert_allclose(ours(case, labels, "Occlusion"), first(result, labels), atol=1e-4)
