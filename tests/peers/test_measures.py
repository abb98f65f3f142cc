"""Our measures of maps against captum's and Quantus's, where the definitions agree.

They differ elsewhere. Quantus divides every map by its largest size first unless told not to, and
its mass accuracy divides by a signed sum, so only maps without negative values are compared. Its
infidelity changes square patches and averages over their sizes, and its max-sensitivity draws its
own changes; neither can be given ours. Captum's take them.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.measures.concentration import entropy, gini
from engine.evaluation.measures.fidelity import infidelity, max_sensitivity
from engine.evaluation.measures.localization import located
from engine.evaluation.measures.showing import curves, ranks, region_curves
from tests.tiny import cnn_case

pytestmark = pytest.mark.peer


def test_infidelity_is_captums_for_the_same_changes():
    metrics = pytest.importorskip("captum.metrics")
    case = cnn_case()
    _, slopes = case.gradient(case.image[None])
    changes = 0.1 * torch.randn(40, *case.image.shape, generator=torch.Generator().manual_seed(0))
    ours = infidelity(case.score, case.image, slopes[0], changes)
    theirs = metrics.infidelity(
        lambda images: case.target.of(case.model(images)),
        lambda images: (changes, images - changes),
        case.image[None],
        slopes,
        n_perturb_samples=len(changes),
    )
    assert ours == pytest.approx(theirs.item(), rel=1e-4)
    assert ours > 0


def test_max_sensitivity_is_captums_for_the_same_changes():
    metrics = pytest.importorskip("captum.metrics")
    case, draws, radius = cnn_case(), 6, 0.05
    generator = torch.Generator().manual_seed(case.seed)
    changes = torch.stack(
        [(2 * torch.rand(case.image.shape, generator=generator) - 1) * radius for _ in range(draws)]
    )

    def explain(images, **_given):
        image = images[0] if isinstance(images, tuple) else images
        with torch.enable_grad():  # captum turns it off
            maps = [
                Gradient()(replace(case, image=variant))["map"].values for variant in image.detach()
            ]
        return (torch.from_numpy(np.stack(maps))[:, None],)  # without a tuple it adds samples up

    left = iter(changes)

    def change(images):  # it asks for one at first, then for the others
        image = images[0] if isinstance(images, tuple) else images
        return image + torch.stack([next(left) for _ in image])

    theirs = metrics.sensitivity_max(explain, case.image[None], change, n_perturb_samples=draws)
    ours = max_sensitivity(Gradient(), case, radius=radius, draws=draws)
    assert ours == pytest.approx(theirs.item(), rel=1e-5)
    assert ours > 0


@pytest.fixture
def maps():
    """Four maps without negative values, and a mask for each, (4, 1, 16, 16)."""
    values = np.random.default_rng(0).random((4, 1, 16, 16)).astype(np.float32) ** 3
    masks = np.zeros_like(values, bool)
    for at in range(4):
        masks[at, 0, 2 : 6 + at, 3:9] = True
    return values, masks


def quantus_of(name, maps, masks=None):
    """What Quantus gives, its own scaling left out; none of these asks the model."""
    quantus = pytest.importorskip("quantus")
    return getattr(quantus, name)(abs=False, normalise=False, disable_warnings=True)(
        model=cnn_case().model,
        x_batch=maps,
        y_batch=np.zeros(len(maps), int),
        a_batch=maps,
        s_batch=masks,
        channel_first=True,
        device="cpu",
    )


def test_sparseness_and_complexity_are_quantuss(maps):
    values, _ = maps
    ours = [gini(heat[0]) for heat in values]
    np.testing.assert_allclose(ours, quantus_of("Sparseness", values), rtol=1e-4)
    ours = [entropy(heat[0]) for heat in values]
    np.testing.assert_allclose(ours, quantus_of("Complexity", values), rtol=1e-4)


def test_pointing_game_mass_and_rank_are_quantuss(maps):
    values, masks = maps
    ours = [located(heat[0], mask[0]) for heat, mask in zip(*maps, strict=True)]
    theirs = quantus_of("RelevanceMassAccuracy", values, masks)
    np.testing.assert_allclose([measure.mass for measure in ours], theirs, rtol=1e-5)
    theirs = quantus_of("RelevanceRankAccuracy", values, masks)
    np.testing.assert_allclose([measure.rank for measure in ours], theirs, rtol=1e-6)
    theirs = np.asarray(quantus_of("PointingGame", values, masks), float)
    np.testing.assert_allclose([measure.hit for measure in ours], theirs)


@pytest.mark.parametrize("steps", [4, 16])
def test_the_deletion_curve_is_quantuss_pixel_flipping(steps):
    """The same pixels go black in the same order.

    Quantus counts every channel of a pixel as a feature of its own, so that each of our steps is
    three of its own; and it leaves out the whole image.
    """
    quantus = pytest.importorskip("quantus")
    case = replace(cnn_case(), target=replace(cnn_case().target, reading="probability"))
    side = case.image.shape[-1]
    values = np.random.default_rng(1).random((side, side)).astype(np.float32)
    ours = curves(case, {"map": ranks(values)}, cover="black", steps=steps)["map"].deletion
    metric = quantus.PixelFlipping(
        features_in_step=side * side // steps,
        abs=False,
        normalise=False,
        perturb_baseline="black",
        disable_warnings=True,
    )
    (theirs,) = metric(
        model=case.model,
        x_batch=case.image[None].numpy(),
        y_batch=np.array([case.target.index]),
        a_batch=values[None, None],
        channel_first=True,
        device="cpu",
        softmax=True,
    )
    np.testing.assert_allclose(ours[1:], theirs[2::3], rtol=1e-4, atol=1e-6)
    assert np.ptp(ours) > 0


def test_the_deletion_curve_of_blocks_is_quantuss_region_perturbation():
    """Blocks go black in the order of their sums; Quantus gives falls from the image's score."""
    quantus = pytest.importorskip("quantus")
    case = replace(cnn_case(), target=replace(cnn_case().target, reading="probability"))
    side, patch = case.image.shape[-1], 4
    values = np.random.default_rng(2).random((side, side)).astype(np.float32)
    count = side // patch
    sums = values.reshape(count, patch, count, patch).sum((1, 3))
    places = np.argsort(np.argsort(-sums.ravel())).reshape(count, count)
    orders = {"map": places.repeat(patch, 0).repeat(patch, 1)}
    ours = region_curves(case, orders, cover="black")["map"].deletion
    metric = quantus.RegionPerturbation(
        patch_size=patch,
        order="morf",
        regions_evaluation=count * count,
        abs=False,
        normalise=False,
        perturb_baseline="black",
        disable_warnings=True,
    )
    (falls,) = metric(
        model=case.model,
        x_batch=case.image[None].numpy(),
        y_batch=np.array([case.target.index]),
        a_batch=values[None, None],
        channel_first=True,
        device="cpu",
        softmax=True,
    )
    np.testing.assert_allclose(ours[0] - ours[1:], falls, rtol=1e-3, atol=1e-6)
    assert np.ptp(falls) > 0
