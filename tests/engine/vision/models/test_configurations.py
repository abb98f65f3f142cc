"""Same question, same numbers: to the bit on one configuration, within a tolerance across them."""

from itertools import product

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.occlusion import Occlusion
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.vision.case import ImageCase, model_input
from engine.vision.case.target import Target
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.models.catalog import load
from engine.vision.models.pace import Pace, into

TOLERANCE = 1e-3  # of a map's spread; docs/status.md states it
CONFIGURATIONS = [*product((1, 8), (True, False))]  # batch, channels_last


def maps(model, method, batch, channels_last, pixels):
    model._paces |= {use: Pace(batch, channels_last, use, 0.0) for use in ("exact", "gradient")}
    model._runners.clear()
    into(model.network, model.pace("exact"))
    model.runner("exact").stay()
    return method(ImageCase(model, pixels, Target(1)))["map"].values


def check(name, methods):
    """The largest difference across configurations, as a share of the map's spread."""
    model = load(name).twin()
    pixels = model_input(sample("chelsea"), Crop(), model)
    largest = 0.0
    for method in methods:
        first = maps(model, method, *CONFIGURATIONS[0], pixels)
        assert np.array_equal(first, maps(model, method, *CONFIGURATIONS[0], pixels))
        for batch, channels_last in CONFIGURATIONS[1:]:
            other = maps(model, method, batch, channels_last, pixels)
            largest = max(largest, float(np.abs(other - first).max() / np.ptp(first)))
    return largest


def test_a_small_network_gives_the_same_bits_on_one_configuration_and_the_same_map_on_all():
    assert check("digits-cnn", (Gradient(), GradCam(), Occlusion(side=8))) < TOLERANCE


@pytest.mark.slow
def test_the_default_model_gives_the_same_bits_on_one_configuration_and_one_map_on_all(measure):
    threads = torch.get_num_threads()
    largest = check("lite0", (Gradient(), GradCam(), Occlusion(side=56)))
    assert largest < TOLERANCE
    measure(
        "Same question on other configurations (batch 1 or 8, either memory format), Lite0, "
        f"{threads} thread(s): largest difference of a map",
        f"{largest:.1e} of its spread",
    )
