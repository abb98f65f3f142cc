"""An image beside its mirror image through a boundary of `TiltedBoundary`, as pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.attribution.tilt.boundary import STRENGTHS, TiltedBoundary
from engine.attribution.tilt.geometry import Doubles, mirrored
from engine.attribution.tilt.linear import LEARNERS, gray
from engine.core.pictures import Pixels, tint
from engine.core.result import HeatMap, Pictures, Table
from engine.vision.data import DataSet

WALL = tuple(range(len(STRENGTHS) - 1, -1, -3))  # places of λ whose mirror images are compared


@dataclass(frozen=True, eq=False)
class Mirror:
    """An image and its mirror image.

    Args:
        image, other: gray pixels, (H, W); the mirror image's may lie outside [0, 1].
        weights: the normal of the boundary, (H, W).
        probability: of the second class, of the image; the mirror image's is 1 less this.
        row: of the classifier in the answer's table.
    """

    image: Doubles
    other: Doubles
    weights: Doubles
    probability: float
    row: int

    @property
    def change(self) -> float:
        """The root mean square of what was changed, in gray levels of 255."""
        return float(255 * np.sqrt(((self.other - self.image) ** 2).mean()))


def mirror(
    data: DataSet, image: int, result: Mapping[str, Any], learner: int, place: int
) -> Mirror:
    """An image of the data through one of the boundaries.

    Args:
        data: that has the image.
        image: its row.
        result: the answer of `TiltedBoundary`.
        learner: the number of it in LEARNERS.
        place: of λ in STRENGTHS.
    """
    row = learner * len(STRENGTHS) + place
    table: Table = result["classifiers"]
    weights = np.asarray(result["weights"].values[place, learner], np.float64)
    normal = weights.ravel() / np.linalg.norm(weights)
    offset, slope = (float(table[name][row]) for name in ("offset", "slope"))
    points = gray(data, np.array([image]))
    logit = slope * float(points[0] @ normal + offset)
    other = mirrored(points, normal, offset)
    shape = weights.shape
    return Mirror(
        points.reshape(shape),
        other.reshape(shape),
        weights,
        # exp overflows float64 from 710 on
        float(1 / (1 + np.exp(-np.clip(logit, -700, 700)))),
        row,
    )


def likelier_class(method: TiltedBoundary, classes: tuple[str, ...], probability: float) -> str:
    """The likelier class and its probability, such as "3, 97 %"."""
    label = method.second if probability > 0.5 else method.first
    return f"{classes[label]}, {100 * max(probability, 1 - probability):.0f} %"


def pictures(example: Mirror, method: TiltedBoundary, classes: tuple[str, ...]) -> Pictures:
    """The image, its mirror image, what was changed, and the weights."""
    change = tint(
        HeatMap((example.other - example.image).astype(np.float32), "gray level", signed=True)
    )
    weights = tint(HeatMap(example.weights.astype(np.float32), "weight", signed=True))
    panels = [shades(example.image), shades(example.other), change, weights]
    image_answer, mirror_answer = (
        likelier_class(method, classes, p) for p in (example.probability, 1 - example.probability)
    )
    return Pictures(
        np.stack(panels)[None],
        ("",),
        ("image", "mirror image", "what changes", "weights"),
        f"The mirror image is {example.change:.0f} of 255 gray levels away (root mean square).",
        captions=(
            f"read as {image_answer}",
            f"read as {mirror_answer}",
            f"{example.change:.0f} gray levels",
            f"orange: {classes[method.second]}, blue: {classes[method.first]}",
        ),
    )


def wall(data: DataSet, image: int, result: Mapping[str, Any], learner: int) -> Pictures:
    """The mirror images of one image from strong to weak regularization."""
    table: Table = result["classifiers"]
    mirrors = [mirror(data, image, result, learner, place) for place in WALL]
    right, degrees = (
        [float(table[name][example.row]) for example in mirrors]
        for name in ("right, held out", "angle")
    )
    return Pictures(
        np.stack([shades(mirrors[0].image), *(shades(example.other) for example in mirrors)])[None],
        ("",),
        ("image", *(f"λ = {STRENGTHS[place]:g}" for place in WALL)),
        f"Mirror images from strong to weak regularization: held-out images right "
        f"{100 * min(right):.0f} to {100 * max(right):.0f} %, θ from {degrees[0]:.0f}° to "
        f"{degrees[-1]:.0f}° ({LEARNERS[learner]}).",
        captions=(
            "",
            *(
                f"θ {angle:.0f}°, {100 * share:.0f} % right"
                for angle, share in zip(degrees, right, strict=True)
            ),
        ),
    )


def shades(image: Doubles) -> Pixels:
    """Gray pixels in color, (H, W, 3); what lies outside [0, 1] is black or white."""
    gray_levels = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    return np.repeat(gray_levels[..., None], 3, axis=2)
