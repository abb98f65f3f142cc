"""The geometry of a tilted boundary between two classes.

d is the difference of the two class means, D its length and z its direction. A linear classifier
has the unit normal c; s(x) = c·x + c0 is the signed distance of x. The mirror image of x is
m(x) = x - 2 s(x) c: it gets the other label with the same confidence. The mean distance to the
boundary over both classes is (D/2) cos θ, where θ is the angle between c and z, whatever c0 is;
that of the nearest-centroid classifier is D/2. Their ratio 1 / cos θ is the adversarial strength.

Tanay and Griffin, "A Boundary Tilting Perspective on the Phenomenon of Adversarial Examples"
(2016), https://arxiv.org/abs/1608.07690
"""

from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

PAPER = (
    "Tanay and Griffin, A Boundary Tilting Perspective on the Phenomenon of Adversarial Examples "
    "(2016), https://arxiv.org/abs/1608.07690"
)
SMALL = 15.0  # degrees up to which a boundary counts as hardly tilted; the strength is 1.04 there
TYPES = ("hardly tilted (type 0)", "useful tilt", "needless tilt (type 1)", "overfitted (type 2)")
HARDLY, USEFUL, NEEDLESS, OVERFITTED = range(4)

Doubles = NDArray[np.float64]


def unit_vector(vector: Doubles) -> Doubles:
    """A vector (d,) at length 1."""
    return np.asarray(vector / np.linalg.norm(vector))


def angle(normal: Doubles, means_apart: Doubles) -> float:
    """θ between a normal and the difference of the means, both (d,), in degrees from 0 to 90."""
    # a normal has no sign: either direction is normal to the boundary
    cosine = float(abs(unit_vector(normal) @ unit_vector(means_apart)))
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def strength(degrees: float) -> float:
    """How many times closer mirror images are than those of the nearest-centroid classifier."""
    return float(1 / np.cos(np.radians(degrees)))


def mirrored(points: Doubles, normal: Doubles, offset: float) -> Doubles:
    """The mirror images of points (n, d) through normal · x + offset = 0."""
    length = np.linalg.norm(normal)
    distance = (points @ normal + offset) / length
    return np.asarray(points - 2 * distance[:, None] * (normal / length))


def mean_distance(first: Doubles, second: Doubles, normal: Doubles) -> float:
    """Mean distance of both classes, (n, d) each, to their side of the boundary.

    Distances are signed, errors included: only then it is (D/2) cos θ.
    """
    c = unit_vector(normal)
    return float(((second @ c).mean() - (first @ c).mean()) / 2)


def gaussian_error(distance: float, spread: Doubles, normal: Doubles) -> float:
    """Error of a boundary halfway between two Gaussian classes.

    Args:
        distance: D, the means are at ± D/2 on the first axis.
        spread: the covariance within each class, (d, d).
        normal: of the boundary, (d,).
    """
    c = unit_vector(normal)
    deviation = np.sqrt(c @ spread @ c)
    gap = distance / 2 * abs(c[0])
    if deviation < 1e-12:  # sheets without width
        return 0.0 if gap > 0 else 0.5
    return erfc(gap / deviation / sqrt(2)) / 2


def envelope(angles: Doubles, errors: Doubles) -> Doubles:
    """For each classifier, the least error among those that are tilted no further, (n,)."""
    no_further = angles[None] <= angles[:, None] + 1e-9
    return np.where(no_further, errors[None], np.inf).min(1)


def types(angles: Doubles, errors: Doubles, tested: int) -> NDArray[np.int64]:
    """The place of each classifier in the plane of angle and error, one of TYPES, (n,).

    Two errors count as equal within one standard error of the lowest one, or one image.

    Args:
        angles: in degrees, (n,).
        errors: on held-out images, shares, (n,).
        tested: how many images these are shares of.
    """
    lowest_error = float(errors.min())
    # at an error of 0 the standard error is 0 too: one image is the least that can differ
    tolerance = max(np.sqrt(lowest_error * (1 - lowest_error) / tested), 1 / tested) + 1e-9
    needed_angle = angles[
        errors <= lowest_error + tolerance
    ].min()  # no more tilt than this is needed
    # later lines overrule: needless before overfitted, hardly tilted before both
    result = np.where(angles > needed_angle + 1e-9, OVERFITTED, USEFUL)
    result[errors > envelope(angles, errors) + tolerance] = NEEDLESS
    result[angles <= SMALL] = HARDLY
    return result
