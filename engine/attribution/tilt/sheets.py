"""Two Gaussian classes in a plane and a boundary between them that can be tilted by hand.

Tanay and Griffin, "A Boundary Tilting Perspective on the Phenomenon of Adversarial Examples"
(2016), https://arxiv.org/abs/1608.07690
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.attribution.tilt.geometry import (
    PAPER,
    Doubles,
    angle,
    gaussian_error,
    mirrored,
    strength,
)
from engine.core.method import Method, Progress, Slider, quiet, setting
from engine.core.result import Result, Table
from engine.evaluation.experiment import ExperimentCase

DISTANCE = 4.0  # between the means, in standard deviations along the line between them
DRAWS = 100_000  # points that the error is counted on
PICTURED_POINTS = 150  # of each class in the picture
TILTS = np.append(np.arange(0, 88, 2.0), [88.0, 89.0, 89.9])  # degrees, of the curve
REACH = 5.0  # half the side of the picture
FIRST_CLASS, OTHER, BOUNDARY, EXAMPLE, MIRROR = GROUPS = (
    "one class",
    "other class",
    "boundary",
    "to the mirror image",
    "an image",
)


@dataclass(frozen=True)
class TiltedSheets(Method[ExperimentCase]):
    """Two flat clouds, and a boundary that is tilted towards them.

    The means stand apart along the horizontal axis. A boundary at 0° stands across it; at 90° it
    lies along it. If the clouds have no height, tilting changes no answer, while every point comes
    as close to the boundary as one likes: accuracy and adversarial strength are two things. With
    height, errors grow with the tilt. If both directions go together within a class (correlation),
    some tilt first removes errors; beyond that only the strength grows. The error is that of two
    Gaussians, and beside it that of drawn points.
    """

    name = "TiltedSheets"
    family = "attribution"
    title = "Two clouds and a boundary"
    cost = "live"
    paper = PAPER
    proof = (
        "tests/engine/attribution/tilt/test_sheets.py"
        "::test_the_counted_error_is_that_of_the_formula_within_three_standard_errors"
    )

    tilt: float = setting(60.0, Slider(0.0, 89.9, 0.1, "°"), "Tilt", "Of the boundary: θ.")
    height: float = setting(
        0.1,
        Slider(0.0, 1.0, 0.05),
        "Height of the clouds",
        "Standard deviation across the line between the means, as a share of that along it.",
    )
    correlation: float = setting(
        0.0,
        Slider(0.0, 0.9, 0.1),
        "Correlation",
        "Of both directions within a class. Where it is not 0, some tilt is of use.",
    )

    @property
    def spread(self) -> Doubles:
        """The covariance within each class, (2, 2)."""
        covariance = self.correlation * self.height
        return np.array([[1.0, covariance], [covariance, self.height**2]])

    def normal(self, tilt: float) -> Doubles:
        """Of the boundary; the tilt is downward, so that it follows a positive correlation."""
        radians = np.radians(tilt)
        return np.array([np.cos(radians), -np.sin(radians)])

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: points, curve and numbers.

        Points: both clouds, the boundary, and the way from an image to its mirror image. Curve:
        error and strength by the tilt. Numbers, of this tilt: error, counted error, strength.
        """
        normal = self.normal(self.tilt)
        rng = np.random.default_rng([case.seed, 73])
        clouds = rng.standard_normal((2, DRAWS // 2, 2)) @ self.root().T
        clouds[0, :, 0] -= DISTANCE / 2
        clouds[1, :, 0] += DISTANCE / 2
        projections = clouds @ normal
        counted_error = float(np.mean([projections[0] > 0, projections[1] < 0]))
        error = gaussian_error(DISTANCE, self.spread, normal)
        errors = [gaussian_error(DISTANCE, self.spread, self.normal(tilt)) for tilt in TILTS]
        progress(1.0, "drawn")
        numbers = {
            "error": ([error], "share"),
            "counted error": ([counted_error], "share"),
            "strength": ([strength(angle(normal, np.array([1.0, 0.0])))], "times"),
        }
        curve = {
            "tilt": (TILTS, "°"),
            "error": (errors, "share"),
            "distance kept": (np.cos(np.radians(TILTS)), "share"),
        }
        return {
            "points": cloud_points(clouds[:, :PICTURED_POINTS], normal),
            "curve": Table.of(curve),
            "numbers": Table.of(numbers),
        }

    def root(self) -> Doubles:
        """A matrix A with A Aᵀ = the covariance; it has one, also where that is singular."""
        # written out: numpy's Cholesky factor needs a covariance that is not singular
        rest = np.sqrt(1 - self.correlation**2)
        return np.array([[1.0, 0.0], [self.correlation * self.height, rest * self.height]])

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Error and strength at this tilt, and the error without any."""
        numbers: Table = result["numbers"]
        error, plain = (
            100 * float(error) for error in (numbers["error"][0], result["curve"]["error"][0])
        )
        return (
            f"Tilted by {self.tilt:g}°, {error:.1f} % are wrong ({plain:.1f} % at 0°), and mirror "
            f"images are {numbers['strength'][0]:.1f} times closer."
        )


def cloud_points(clouds: Doubles, normal: Doubles) -> Table:
    """Points of the picture by group: clouds, boundary, an image and its mirror image."""
    boundary_direction = np.array([-normal[1], normal[0]])
    line = np.stack([-REACH * boundary_direction, REACH * boundary_direction])
    image = np.array([[DISTANCE / 2, 0.0]])
    mirror_path = np.concatenate([image, mirrored(image, normal, 0.0)])
    parts = dict(zip(GROUPS, (clouds[0], clouds[1], line, mirror_path, image), strict=True))
    points = np.concatenate(list(parts.values()))
    names = [name for name, part in parts.items() for _ in part]
    columns = {
        "along the line between the means": (points[:, 0], ""),
        "across it": (points[:, 1], ""),
    }
    return Table.of(columns, names)
