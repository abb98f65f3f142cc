"""What infinitely wide networks become with depth: three kernels by the activation.

Radhakrishnan, Belkin and Uhler, "Wide and Deep Neural Networks Achieve Optimality for
Classification" (2022), https://arxiv.org/abs/2204.14126
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.anomaly.flat import Doubles, Flags, Ints, pixels, require_rows
from engine.core.errors import BadData
from engine.core.method import Slider, setting
from engine.core.pictures.colors import CATEGORICAL, rgb
from engine.core.result import Pictures
from engine.evaluation.experiment import Claim, ClosedFormExperiment, ExperimentCase, Figures

AS_NEAREST, AS_MAJORITY, AS_SINGULAR = "as nearest neighbor", "as majority", "as power law"
RIGHT = "test images right"
NEAREST, MAJORITY, SINGULAR = "h₂", "h₀ + h₂", "h₁ + h₃"
SHALLOW = 2  # layers of the shallow kernels
DIMENSION = 2  # of the sphere on which the images lie
REACH = 0.5  # of the plane of images before it is laid on the sphere: all cosines stay positive
FIRST = 0.4  # share of the classes that make the first of two groups
NODES = 2048  # cosines at which the picture's kernels are computed
GRID = 40  # px of a region in the picture
PICTURED_LAYERS = (1, 4, 12, 100)  # layers in the picture

CLAIMS = (
    Claim(
        "Without h₀ and h₁, a deep network is the nearest neighbor",
        "deep h₂ votes as the nearest neighbor on at least 98 % of test images",
        lambda of: of(deep(NEAREST), AS_NEAREST) - 0.98,
    ),
    Claim(
        "With h₀, it is the majority of all labels",
        "deep h₀ + h₂ votes as the majority on at least 98 %",
        lambda of: of(deep(MAJORITY), AS_MAJORITY) - 0.98,
    ),
    Claim(
        "With h₁ but without h₀, it is a singular kernel with a known power",
        "deep h₁ + h₃ votes as distance to the power −2 on at least 95 %",
        lambda of: of(deep(SINGULAR), AS_SINGULAR) - 0.95,
    ),
    Claim(
        "The singular kernel is right more often than the nearest neighbor",
        "deep h₁ + h₃ above deep h₂ on test images",
        lambda of: of(deep(SINGULAR), RIGHT) - of(deep(NEAREST), RIGHT),
    ),
    Claim(
        "And more often than the majority",
        "deep h₁ + h₃ above deep h₀ + h₂",
        lambda of: of(deep(SINGULAR), RIGHT) - of(deep(MAJORITY), RIGHT),
    ),
    Claim(
        "It takes depth",
        "no kernel of two layers votes as the nearest neighbor on 98 %",
        lambda of: 0.98 - max(of(shallow(activation), AS_NEAREST) for activation in ACTIVATIONS),
    ),
)


def deep(activation: str) -> str:
    """The condition's name."""
    return f"{activation}, deep"


def shallow(activation: str) -> str:
    """The condition's name."""
    return f"{activation}, shallow"


@dataclass(frozen=True)
class Activation:
    """An activation by its coefficients a of normalized Hermite polynomials, brought to Σa² = 1."""

    coefficients: tuple[float, ...]

    @property
    def squares(self) -> Doubles:
        """a_i², the coefficients of its dual, (degree + 1,)."""
        squares = np.array(self.coefficients) ** 2
        return np.asarray(squares / squares.sum())

    def logs(self, log_cosine: Doubles) -> tuple[Doubles, Doubles]:
        """Logarithms of the dual Σ a_i² ξ^i and of its derivative, at log ξ ≤ 0."""
        steps = self.squares[1:] * np.arange(1, len(self.squares))
        return log_series(self.squares, log_cosine), log_series(steps, log_cosine)

    def kernels(self, log_cosine: Doubles, layers: int) -> tuple[Doubles, Doubles]:
        """Logarithms of the network's Gaussian process kernel and of its tangent kernel.

        Σ⁰ = K⁰ = ξ, Σᴸ = dual(Σᴸ⁻¹), Kᴸ = Σᴸ + Kᴸ⁻¹ dual'(Σᴸ⁻¹); in logarithms, since plain
        floats reach zero within 20 layers.
        """
        process = tangent = log_cosine
        for _ in range(layers):
            process, slope = self.logs(process)
            # a cosine above 1 by rounding would be squared at every layer
            process = np.minimum(process, 0)
            # Kᴸ = Σᴸ + Kᴸ⁻¹ φ̌'(Σᴸ⁻¹): `slope` is still that of the layer before
            tangent = np.logaddexp(process, tangent + slope)
        return process, tangent


ACTIVATIONS: Mapping[str, Activation] = {
    NEAREST: Activation((0, 0, 1)),
    MAJORITY: Activation((0.3, 0, 0.7)),
    SINGULAR: Activation((0, 1, 0, 1)),  # a₁² = a₃² = 2^(−d/2) at d = 2
}


@dataclass(frozen=True, eq=False)
class OnSphere:
    """Images of two groups as points of a sphere, and test images."""

    points: Doubles  # (n, 3), of length 1
    votes: Flags  # (n,)
    test: Doubles
    truth: Flags


@dataclass(frozen=True)
class NtkExperiment(ClosedFormExperiment):
    """What does a network become when it is infinitely wide and very deep?

    An infinitely wide network that is trained to the end is a kernel; with depth each test image is
    decided by a vote of all training images, weighted by that kernel. Which weights these are
    depends on the activation's Hermite coefficients alone: the nearest image takes all (h₂), all
    count the same (with h₀), or the weight falls as a power of the distance (h₁ without h₀), here
    the power −2 that is optimal on a sphere of dimension 2. In h₀ + h₂ the shares are 0.3 and 0.7,
    in h₁ + h₃ they are equal. Images are laid on the sphere by their
    two main components; the groups are the first 40 % of the classes and the rest. *As …* is the
    share of test images that are decided alike. Control: the same kernels with two layers.
    """

    name = "NTK"
    family = "anomaly"
    title = "What deep and wide networks become (NTK)"
    paper = (
        "Radhakrishnan, Belkin and Uhler, Wide and Deep Neural Networks Achieve Optimality for "
        "Classification (2022), https://arxiv.org/abs/2204.14126"
    )
    question = "What does a network become when it is infinitely wide and very deep?"
    proof = (
        "tests/engine/anomaly/ntk/test_ntk.py"
        "::test_every_figure_is_that_of_votes_counted_one_by_one_in_long_numbers"
    )
    data = ("digits", "mnist-5k")
    compared = (*map(deep, ACTIVATIONS), *map(shallow, ACTIVATIONS))
    measures = (AS_NEAREST, AS_MAJORITY, AS_SINGULAR, RIGHT)
    claims = CLAIMS

    layers: int = setting(100, Slider(2, 100, 1), "Layers", "Of the deep networks.")
    points: int = setting(
        160, Slider(20, 400, 20), "Images", "How many training and how many test images are drawn."
    )

    def measured(self, condition: str, case: ExperimentCase) -> Figures:
        """Shares of test images decided as the limits decide, and rightly."""
        sample = on_sphere(case, self.points)
        cosines = np.clip(sample.test @ sample.points.T, None, 1)
        name, _, _ = condition.rpartition(", ")
        layers = self.layers if condition == deep(name) else SHALLOW
        result = vote(ACTIVATIONS[name].kernels(np.log(cosines), layers)[1], sample.votes)
        limits = dict(zip((AS_NEAREST, AS_MAJORITY, AS_SINGULAR), limits_of(sample), strict=True))
        return {name: float((result == limit).mean()) for name, limit in limits.items()} | {
            RIGHT: float((result == sample.truth).mean())
        }

    def picture(self, case: ExperimentCase) -> Pictures:
        """Regions of the sphere by what is decided there: activations by layers, and limits."""
        from scipy.spatial.distance import cdist

        sample = on_sphere(case, self.points)
        across = np.linspace(-REACH, REACH, GRID)
        places = lifted(np.stack(np.meshgrid(across, -across), -1).reshape(-1, 2))
        # from distances, since 1 − ξ cancels near the pole, where the kernels change fastest
        at = np.log(cdist(places, sample.points).clip(1e-9) ** 2 / 2)  # 1 − ξ
        nodes = np.linspace(at.min(), at.max(), NODES)
        cosines, limits = np.log1p(-np.exp(nodes)), limits_of(sample, places)
        rows = []
        for activation, limit in zip(ACTIVATIONS.values(), limits, strict=True):
            decided = [
                vote(np.interp(at, nodes, activation.kernels(cosines, layers)[1]), sample.votes)
                for layers in PICTURED_LAYERS
            ]
            rows.append(np.stack([painted(decision, sample) for decision in (*decided, limit)]))
        return Pictures(
            np.stack(rows),
            tuple(ACTIVATIONS),
            ("1 layer", *(f"{layers} layers" for layers in PICTURED_LAYERS[1:]), "limit"),
            "Decision regions as layers are added: toward the nearest neighbor, the majority, and "
            "a vote by distance.",
        )


def on_sphere(case: ExperimentCase, count: int) -> OnSphere:
    """So many training and test images on a sphere of dimension 2. Raises BadData."""
    data, rng = case.data, np.random.default_rng([case.seed, 33])
    train, test = require_rows(data, "train", 20), require_rows(data, "test", 20)
    train_pixels = pixels(data, train)
    axes = np.linalg.svd(train_pixels - train_pixels.mean(0), full_matrices=False)[2][:DIMENSION]
    farthest = abs((train_pixels - train_pixels.mean(0)) @ axes.T).max()
    drawn, tested = (rng.permutation(rows)[:count] for rows in (train, test))
    first = max(1, round(FIRST * len(data.classes)))
    if not farthest or len(np.unique(data.labels[drawn] < first)) < 2:
        raise BadData("This experiment needs different images of at least two classes.")

    def placed(rows: Ints) -> Doubles:
        """Rows on the sphere; a test image beyond all training images lies at the edge."""
        plane = (pixels(data, rows) - train_pixels.mean(0)) @ axes.T / farthest
        return lifted(REACH * np.clip(plane, -1, 1))

    return OnSphere(
        placed(drawn), data.labels[drawn] < first, placed(tested), data.labels[tested] < first
    )


def lifted(plane: Doubles) -> Doubles:
    """Points of a plane (n, d) on the sphere above it (n, d + 1)."""
    points = np.concatenate([plane, np.ones((len(plane), 1))], 1)
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def log_series(coefficients: Doubles, log_x: Doubles) -> Doubles:
    """log Σ c_i x^i for c ≥ 0; the lowest power is taken out, so that nothing underflows."""
    # x^lowest vanishes as a float, but not its logarithm; what is left begins with a constant > 0
    lowest = int(np.flatnonzero(coefficients)[0])
    rest = np.polynomial.polynomial.polyval(np.exp(log_x), coefficients[lowest:])
    return np.asarray(lowest * log_x + np.log(rest))


def vote(log_weights: Doubles, votes: Flags) -> Flags:
    """Which points (m,) the first group wins, by log weights (m, n) of its and the others' n."""
    # only ratios within a row decide, and its largest weight is then 1
    lead = log_weights - log_weights.max(1, keepdims=True)
    weights = np.exp(lead)
    return np.asarray(weights[:, votes].sum(1) > weights[:, ~votes].sum(1))


def limits_of(sphere: OnSphere, places: Doubles | None = None) -> tuple[Flags, Flags, Flags]:
    """What nearest neighbor, majority and power law decide of the test images, or of places."""
    from scipy.spatial.distance import cdist

    queries = sphere.test if places is None else places
    distances = cdist(queries, sphere.points).clip(1e-12)
    majority = np.full(len(queries), sphere.votes.mean() > 1 / 2)
    return (
        sphere.votes[distances.argmin(1)],
        majority,
        vote(-DIMENSION * np.log(distances), sphere.votes),
    )


def painted(regions: Flags, sphere: OnSphere) -> NDArray[np.uint8]:
    """Regions (GRID²,) as an image, pale, with the training images as dots in full color."""
    colors = np.array([rgb(CATEGORICAL[1]), rgb(CATEGORICAL[0])], np.float64)
    image = (0.45 * colors[regions.astype(int)] + 0.55 * 255).reshape(GRID, GRID, 3)
    plane = sphere.points[:, :2] / sphere.points[:, 2:]
    column, row = np.rint((plane * (1, -1) / REACH + 1) / 2 * (GRID - 1)).astype(int).T
    image[row, column] = colors[sphere.votes.astype(int)] * 0.8
    return np.rint(image).astype(np.uint8)
