"""The class activation maps of pytorch-grad-cam on the same weights and the same photograph."""

import numpy as np
import pytest

from engine.attribution.heatmaps.layer_cam import LayerCam
from engine.evaluation.maps.grad_cam import GradCam
from engine.vision.models.lite import load_lite
from tests.engine.attribution.photo import EGYPTIAN_CAT, cat_case

peer = pytest.importorskip("pytorch_grad_cam")
pytestmark = pytest.mark.peer


def stretched(values):
    """To [0, 1], as the peer gives its maps."""
    return (values - values.min()) / (values.max() - values.min())


def theirs(kind):
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network = load_lite().network.requires_grad_()
    image = (cat_case().image[None] - 0.5) / 0.5
    explainer = kind(model=network, target_layers=[network.bn2])
    return explainer(input_tensor=image, targets=[ClassifierOutputTarget(EGYPTIAN_CAT)])[0]


def test_grad_cam_is_theirs_on_efficientnet_lite0():
    ours = stretched(GradCam()(cat_case())["map"].values)
    np.testing.assert_allclose(ours, theirs(peer.GradCAM), atol=1e-4)


def test_layer_cam_ranks_like_theirs_on_efficientnet_lite0():
    ours = stretched(LayerCam()(cat_case())["map"].values)
    assert np.corrcoef(ours.ravel(), theirs(peer.LayerCAM).ravel())[0, 1] > 0.999
