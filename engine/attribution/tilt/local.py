"""The tilt of a network's boundary at one image, in pixels and at every layer.

Not in the paper: there the boundary is linear. Here its normal at an image is the gradient of the
difference of two logits, and at a layer that with respect to the layer's output.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.attribution.one_class import refuse_one_class
from engine.attribution.tilt.class_images import class_images
from engine.attribution.tilt.geometry import PAPER, Doubles, strength
from engine.core.borrow import borrowed
from engine.core.errors import DoesNotFit
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier
from engine.vision.models.differentiated import differentiated
from engine.vision.models.layers import capturing

PIXELS, HEAD = "pixels", "features"  # what the head is given
AT_ONCE = 20  # images, whose maps at all layers are held
STEPS = 50  # places on a way at which the network is asked
HALVINGS = 20  # of the step in which the boundary lies, until its place is taken as known
FAR = 2.0  # times the distance of the means, to which a way goes


@dataclass(frozen=True)
class LocalTilt(Method[ImageCase]):
    """How far the network's own boundary is tilted at this image.

    The normal of the boundary between two classes is the gradient of the difference of their
    logits. θ is the angle between it and the line from one class mean to the other: the means of
    training images, in pixels, and of what they become at each layer. Where training images are not
    here, such as ImageNet, squares of this image and of a sample photograph that the model takes
    for another class stand in for them; two photographs are not two classes, so θ is then about the
    way from one to the other. Two random directions would stand at the angle called *chance*, so θ
    near it says that a small step against the gradient has little to do with the other class.
    *Strength* is how many times closer the boundary is along the gradient than along the line
    between the means, as measured by asking the network on both ways; for a linear classifier it is
    1 / cos θ. It describes one image, one pair of classes and means in a curved space, and proves
    nothing about other images.
    """

    name = "LocalTilt"
    family = "attribution"
    title = "Tilt of this network's boundary"
    cost = "live"
    paper = PAPER
    needs = frozenset({"class", "gradient", "one of many"})
    revision = 5
    proof = (
        "tests/engine/attribution/tilt/test_local.py"
        "::test_of_a_linear_network_angle_and_strength_are_those_of_its_weights"
    )

    images: int = setting(
        100,
        Slider(5, 500, 5),
        "Images a class",
        "Training images of which the means are taken; of photographs, at most 30 squares.",
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: angles, a row for pixels and each layer; ways, the margin on both ways; numbers.

        Means: of which images, and of how many, the two class means were taken. Numbers: the two
        classes, the distances to the boundary along the gradient and along the line between the
        means, in root mean square gray levels of 255, NaN where it is not met.

        Raises:
            BlindspotError: the model has one class only or gives no gradients, or no images can be
                had of which the class means are taken.
        """
        refuse_one_class(case.model, "there is no boundary between two classes to measure")
        model, groups = case.model, class_images(case, self.images)
        label, rival = (group.label for group in groups)
        margin, inputs, slopes = margin_and_gradients(model, case.image[None], (label, rival))
        progress(0.3, "one forward and one backward pass")
        means = [means_at(model, group.pixels) for group in groups]
        progress(0.8, "class means")
        gray = groups[0].gray  # such images have one channel
        rows: dict[str, tuple[float, float]] = {}
        for name in slopes:
            difference = (means[0][name] - means[1][name]).numpy().astype(np.float64)
            slope = slopes[name].numpy().astype(np.float64)
            if name == PIXELS and gray:
                # three equal channels move as one: their slopes add up, their means do not
                difference, slope = difference[0], slope.sum(0)
            rows[name] = (
                degrees_between(slope.ravel(), difference.ravel()),
                random_angle(slope.size),
            )
        mean_difference = means[0][PIXELS] - means[1][PIXELS]
        steepest = slopes[PIXELS]
        steepest = steepest.sum(0, keepdim=True).expand(3, -1, -1) if gray else steepest
        ways = Ways(model, inputs, (label, rival), float(mean_difference.norm()))
        gradient_margins, straight_margins = (
            ways.along(direction) for direction in (steepest, mean_difference)
        )
        pixels = np.sqrt(inputs.numel())
        distances = [
            255 / pixels * ways.crossing(direction, margins)
            for direction, margins in (
                (steepest, gradient_margins),
                (mean_difference, straight_margins),
            )
        ]
        progress(1.0, "both ways")
        return {
            "angles": Table.of({
                "angle": ([angle for angle, _ in rows.values()], "°"),
                "chance": ([expected for _, expected in rows.values()], "°"),
            }, list(rows)),
            "ways": Table.of({
                "distance": (255 / pixels * ways.places, "gray levels"),
                "along the gradient": (gradient_margins, "logit"),
                "along the means": (straight_margins, "logit"),
            }),
            "numbers": Table.of({
                "class": ([label], ""), "rival": ([rival], ""), "margin": ([margin], "logit"),
                "to the boundary": ([distances[0]], "gray levels"),
                "along the means": ([distances[1]], "gray levels"),
                "strength": ([distances[1] / distances[0] if distances[0] else np.nan], "times"),
                "expected": ([strength(rows[PIXELS][0])], "times"),
            }),
            "means": Table.of(
                {"images": ([len(group.pixels) for group in groups], "")},
                [group.source for group in groups],
            ),
        }  # fmt: skip

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:
        """The angle in pixels, and how much closer the boundary is along the gradient."""
        numbers: Table = result["numbers"]
        label, rival = (case.model.labels[int(numbers[name][0])] for name in ("class", "rival"))
        angle = result["angles"].cell(PIXELS, "angle")
        words = f"Between “{label}” and “{rival}” this network's boundary is tilted by {angle:.0f}°"
        times = float(numbers["strength"][0])
        if np.isfinite(times):
            return f"{words}: it is {times:.1f} times closer than on the way to the other class."
        boundary_distance, straight_distance = (
            float(numbers[name][0]) for name in ("to the boundary", "along the means")
        )
        if boundary_distance == 0:
            return f"{words}; the image is on the side of “{rival}” already."
        ways = (
            ("against the gradient", boundary_distance),
            ("on the straight way to the other class", straight_distance),
        )
        missed = " and ".join(way for way, met in ways if not np.isfinite(met))
        return f"{words}; {missed} it is not met." if missed else f"{words}."


@dataclass(frozen=True, eq=False)
class Ways:
    """Straight ways from an image towards the other class.

    Args:
        model: that is asked.
        image: (3, H, W).
        classes: the class and its rival.
        apart: the distance of their means.
    """

    model: Classifier
    image: Tensor
    classes: tuple[int, int]
    apart: float

    @property
    def reach(self) -> float:
        """How far they go; pixels may leave [0, 1] there, since this is about geometry."""
        return FAR * self.apart

    @property
    def places(self) -> Doubles:
        """At which the network is asked, from the image on, closer together near it, (STEPS,)."""
        return self.reach * np.linspace(0, 1, STEPS) ** 2

    def along(self, direction: Tensor) -> Doubles:
        """The margin against a direction (3, H, W), at all places, (STEPS,)."""
        return self.margins(direction, self.places)

    def crossing(self, direction: Tensor, margins: Doubles) -> float:
        """Where the margin first falls to 0; NaN where it is above 0 at all places.

        The step in which it falls is halved, with the network asked each time: the margin is seldom
        straight within a step.

        Args:
            direction: (3, H, W).
            margins: along it, (STEPS,).
        """
        below = np.flatnonzero(margins <= 0)
        if not len(below):
            return float("nan")
        if below[0] == 0:
            return 0.0
        near, far = (float(place) for place in self.places[below[0] - 1 : below[0] + 1])
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            past = self.margins(direction, np.array([middle]))[0] <= 0
            near, far = (near, middle) if past else (middle, far)
        return (near + far) / 2

    def margins(self, direction: Tensor, places: Doubles) -> Doubles:
        """The margin at some places (n,) against a direction (3, H, W), (n,)."""
        step = direction / direction.norm().clamp_min(1e-12)
        offsets = torch.from_numpy(places).float()[:, None, None, None] * step
        logits = self.model.logits(self.image - offsets)
        label, rival = self.classes
        return np.asarray((logits[:, label] - logits[:, rival]).numpy(), np.float64)


def means_at(model: Classifier, images: Tensor) -> dict[str, Tensor]:
    """The mean of images (n, 3, H, W), and of what each layer makes of them, on the CPU."""
    sums: dict[str, Tensor] = {PIXELS: images.sum(0)}
    with borrowed(model) as net, torch.no_grad():
        for part in images.split(AT_ONCE):
            with watching(net) as captures:
                net(part.to(model.device))
            for name, captured in captures.items():
                sums[name] = sums.get(name, 0) + captured[0].sum(0).cpu()
    return {name: total / len(images) for name, total in sums.items()}


def margin_and_gradients(
    model: Classifier, image: Tensor, pair: tuple[int, int]
) -> tuple[float, Tensor, dict[str, Tensor]]:
    """The margin of one image (1, 3, H, W), the image, and the gradient at pixels and layers.

    Raises:
        DoesNotFit: the model gives no gradients.
    """
    label, rival = pair
    refusal = DoesNotFit(
        f"{model.title} gives no gradients, and the normal of its boundary needs them: choose "
        "another model."
    )
    with (
        borrowed(model) as net,
        watching(net) as captures,
        torch.enable_grad(),
        differentiated(refusal),
    ):
        pixels = image.to(model.device).detach().requires_grad_()
        logits = net(pixels)
        if not logits.requires_grad:
            raise refusal
        margin = logits[0, label] - logits[0, rival]
        outputs = {PIXELS: pixels} | {name: captured[0] for name, captured in captures.items()}
        slopes = torch.autograd.grad(margin, list(outputs.values()), allow_unused=True)
    results = {
        name: slope[0].detach().cpu()
        for name, slope in zip(outputs, slopes, strict=True)
        if slope is not None
    }
    return margin.item(), image[0], results


@contextmanager
def watching(net: Classifier) -> Iterator[dict[str, list[Tensor]]]:
    """What each layer gives, and what the head is given, while the block runs."""
    with ExitStack() as stack:
        captures = {
            layer.name: stack.enter_context(capturing(net.layer(layer.name)))
            for layer in net.layers
        }
        yield captures | {HEAD: stack.enter_context(capturing(net.head, inputs=True))}


def degrees_between(slope: Doubles, difference: Doubles) -> float:
    """The angle between two directions, in degrees from 0 to 90; NaN where one of them is none."""
    lengths = np.linalg.norm(slope) * np.linalg.norm(difference)
    if not lengths > 0:
        return float("nan")
    return float(np.degrees(np.arccos(min(float(abs(slope @ difference) / lengths), 1.0))))


def random_angle(size: int) -> float:
    """The angle of two random directions of so many numbers, in degrees: of their mean |cosine|."""
    # a coordinate of a random unit vector is about N(0, 1/n), whose mean size is √(2 / (π n))
    return float(np.degrees(np.arccos(min(np.sqrt(2 / (np.pi * size)), 1.0))))
