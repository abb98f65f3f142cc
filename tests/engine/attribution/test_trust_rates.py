"""How often Trust is wrong: on maps that know nothing, and on a model that learned nothing."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel, zoom

from engine.attribution import GradCam, GradientXInput, Occlusion
from engine.evaluation.trust import Order, OtherClass, RandomWeights, TrustCase
from engine.vision import data
from engine.vision.case import ImageCase, image_case
from engine.vision.case.target import Target
from engine.vision.data.example import Example
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.models.catalog import load
from engine.vision.models.classifier import Classifier
from tests.engine.attribution.rates_table import IMAGES, row_name
from tests.engine.attribution.toys import toy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SETS = {"MNIST": ("mnist-5k", "mnist-cnn", 16), "phantoms": ("phantoms", "phantom-cnn", 4)}
PHOTOGRAPHS = ("chelsea", "rocket")
RAISED = 30  # the head of the model that learned nothing, times so many

Pixels = np.ndarray


def pictures(images: str) -> tuple[Classifier, list[torch.Tensor]]:
    """The model that is asked, and images of a kind at its size."""
    if images == "photographs":
        model = load("lite0")
        results = [sample(name) for name in PHOTOGRAPHS]
    else:
        name, model_name, count = SETS[images]
        known, model = data.load(name), load(model_name)
        rows = np.random.default_rng(0).permutation(known.rows("test"))[:count]
        results = [Example(known, int(row)).picture() for row in rows]
    return model, [image_case(model, result, Crop(), Target(0)).image for result in results]


def cases(model: Classifier, images: list[torch.Tensor]) -> list[ImageCase]:
    """Each image about the class that the model sees first."""
    model.runner("exact").stay()  # compiling would take longer than what is asked
    return [ImageCase(model, image, int(model.logits(image[None])[0].argmax())) for image in images]


def edges(gray: Pixels) -> Pixels:
    return np.hypot(sobel(gray, 0), sobel(gray, 1))


CHANCE: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "pixel noise": lambda gray, generator: generator.random(gray.shape),
    "smooth noise": lambda gray, generator: zoom(
        generator.standard_normal((7, 7)), len(gray) / 7, order=3
    ),
    "blob in the middle": lambda gray, _generator: np.exp(
        -8 * (np.square(np.indices(gray.shape) - (len(gray) - 1) / 2).sum(0)) / len(gray) ** 2
    ),
    "edges (Sobel)": lambda gray, _generator: edges(gray),
    "brightness": lambda gray, _generator: gray,
}
MAPS = (GradientXInput(), GradCam(), Occlusion())


def rates(verdicts: list[float]) -> str:
    count = len(verdicts)
    return f"✓ {verdicts.count(1)} of {count}, ✗ {verdicts.count(-1)} of {count}"


def of(trial, case, method) -> float:
    return float(trial(TrustCase(case, method))["check"]["verdict"][0])


@pytest.mark.parametrize("images", IMAGES)
def test_maps_that_know_nothing_are_seldom_confirmed(images, measure):
    image_cases = cases(*pictures(images))
    results = {}
    for name, draw in CHANCE.items():
        verdicts = []
        for seed, case in enumerate(image_cases):
            values = draw(case.image.mean(0).numpy(), np.random.default_rng(seed))
            verdicts.append(of(Order(), case, toy(lambda _case, values=values: values)))
        results[name] = verdicts
    for method in MAPS[: 2 if images == "photographs" else 3]:
        results[method.title] = [of(Order(), case, method) for case in image_cases]
    for name, verdicts in results.items():
        measure(row_name("order", images, name), rates(verdicts))
    for name in ("pixel noise", "smooth noise", "blob in the middle"):
        assert results[name].count(1) <= 0.1 * len(image_cases)


def untrained(model: Classifier, raised: float = RAISED) -> Classifier:
    """The same network with first weights, its head made larger, so that it is surer."""
    copy = model.twin()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = [part for part in copy.network.modules() if hasattr(part, "reset_parameters")]
        for part in parts:
            part.reset_parameters()
    with torch.no_grad():
        for parameter in parts[-1].parameters():
            parameter.data = parameter.data * raised
    return copy


@pytest.mark.parametrize("images", IMAGES)
def test_maps_of_a_model_that_learned_nothing_but_is_surer(images, measure):
    model, pixels = pictures(images)
    broken = untrained(model)
    image_cases = cases(broken, pixels)
    method = GradientXInput()
    trials = {
        "order": Order(),
        "other class": OtherClass(),
        "random weights": RandomWeights(stages=1),
    }
    for name, trial in trials.items():
        verdicts = [of(trial, case, method) for case in image_cases]
        measure(
            row_name(name, images, f"{method.title}, model untrained, head × {RAISED}"),
            rates(verdicts),
        )
    trained, sure, shy = (
        torch.cat([classifier.logits(image[None]) for image in pixels]).softmax(1)
        for classifier in (model, broken, untrained(model, raised=1))
    )
    alike = (trained.argmax(1) == sure.argmax(1)).float().mean()
    assert alike <= 0.5  # it learned nothing
    assert sure.amax(1).median() > shy.amax(1).median()
    measure(
        f"Trust: the untrained model's confidence on {images}, head × {RAISED}, median",
        f"{sure.amax(1).median():.2f}",
    )


@pytest.mark.parametrize("images", IMAGES)
def test_the_other_class_has_no_power_against_noise_that_is_drawn_anew(images, measure):
    """It catches maps that no class changes, and nothing else."""
    image_cases = cases(*pictures(images))
    side = image_cases[0].image.shape[-1]
    redrawn = toy(lambda case: np.random.default_rng(case.target.index).random((side, side)))
    same = toy(lambda case: edges(case.image.mean(0).numpy()))
    for name, method, verdict in (
        ("noise, drawn anew for each class", redrawn, 1),
        ("edges (Sobel)", same, -1),
    ):
        verdicts = [of(OtherClass(), case, method) for case in image_cases]
        measure(row_name("other class", images, name), rates(verdicts))
        assert verdicts.count(verdict) == len(image_cases)
