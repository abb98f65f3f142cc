"""A learner of halfspaces that tests its data first, and says when it promises nothing.

Gollakota, Klivans, Stavropoulos and Vasilyan, "An Efficient Tester-Learner for Halfspaces" (2023),
https://arxiv.org/abs/2302.14853
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.anomaly.flat import Doubles, Ints, main_axes, pixels, require_rows
from engine.anomaly.tester_learner.strips import BorderStrip, expected, mardia, strip_statistics
from engine.core.errors import BadData
from engine.core.method import Slider, setting
from engine.core.pictures.colors import CATEGORICAL, rgb
from engine.core.result import Pictures
from engine.evaluation.detection.bank import unit_rows
from engine.evaluation.experiment import Claim, ClosedFormExperiment, ExperimentCase, Figures

GAUSS, TAILS, CLUMP = "Gaussian", "heavy tails", "clump"
SQUEEZED, IMAGES = "squeezed", "real images"
ACCEPTED, WRONG = "accepted", "points on the wrong side"
BEST, MARDIA = "with the best halfspace known", "passes Mardia's test"

CLUMPED, AWAY, THIN = 0.4, 6.0, 0.05  # the clump's share, distance and thickness
FLAT = 0.2  # standard deviation of the squeezed direction
MASS, FOURTH = 0.2, 1.5  # how far off a strip's mass may be; largest fourth moment, both relative
NEAR, FARTHER = 50, 200  # points for each dimension that the nearest strip and others need
STARTS, STEPS, STEP, BATCH, EVERY = 5, 300, 0.05, 500, 50  # of the descent
PICTURED_POINTS, SIDE, SPAN = (
    5000,
    96,
    4.0,
)  # points in the picture; px of an image; from its middle to edge

CLAIMS = (
    Claim(
        "Gaussian data are accepted",
        "at least 95 % of the draws",
        lambda of: of(GAUSS, ACCEPTED) - 0.95,
    ),
    Claim(
        "What is accepted was learned nearly as well as can be",
        "on Gaussian data at most 3 points more on the wrong side than with the best halfspace",
        lambda of: 0.03 - (of(GAUSS, WRONG) - of(GAUSS, BEST)),
    ),
    Claim(
        "Data of another shape are rejected",
        "heavy tails, clump and squeezed direction in at least 95 % of the draws each",
        lambda of: 0.05 - max(of(shape, ACCEPTED) for shape in (TAILS, CLUMP, SQUEEZED)),
    ),
    Claim(
        "There is a reason to reject",
        "with the clump at least 8 points more on the wrong side than with the best halfspace",
        lambda of: of(CLUMP, WRONG) - of(CLUMP, BEST) - 0.08,
    ),
    Claim(
        "It sees more than a test for normality",
        "the squeezed direction passes Mardia's test at least 50 points more often",
        lambda of: of(SQUEEZED, MARDIA) - of(SQUEEZED, ACCEPTED) - 0.5,
    ),
    Claim(
        "Real images are accepted",
        "at least 95 % of the draws of whitened images",
        lambda of: of(IMAGES, ACCEPTED) - 0.95,
    ),
)


@dataclass(frozen=True, eq=False)
class LabeledPoints:
    """Points with labels of two sides, and the best halfspace that is known for them."""

    points: Doubles  # (n, d)
    labels: Doubles  # (n,), −1 or 1
    best: Doubles  # (d,), of length 1


@dataclass(frozen=True)
class HalfspaceExperiment(ClosedFormExperiment):
    """Can a classifier come with a certificate that it is nearly the best one?

    A halfspace through the middle is learned by descent on a smooth ramp of width σ. Then the data
    are tested around its border, in strips as wide as σ: as many points as a Gaussian has, second
    moments along the border within δ of one, no large fourth moments. Where all tests pass, the
    paper proves that few points more lie on the wrong side than with the best halfspace; else it
    rejects, which says that nothing is promised, not that the classifier is bad. Controls are data
    with heavy tails, a clump in the strip, and a squeezed direction; labels are flipped at random.
    *Mardia's test*, a test for normality by kurtosis, is the weaker competitor. Real images are
    centered and whitened main components, first half of the classes against the rest; their best
    halfspace known is the learned one or a logistic regression's.
    """

    name = "TesterLearner"
    family = "anomaly"
    title = "A classifier that tests its data (Tester-Learner)"
    paper = (
        "Gollakota et al., An Efficient Tester-Learner for Halfspaces (2023), "
        "https://arxiv.org/abs/2302.14853"
    )
    question = "Can a classifier come with a certificate that it is nearly the best one?"
    proof = (
        "tests/engine/anomaly/tester_learner/test_tester.py"
        "::test_gaussian_data_are_accepted_and_every_other_shape_is_not"
    )
    data = ("mnist-5k", "digits")
    compared = (GAUSS, TAILS, CLUMP, SQUEEZED, IMAGES)
    measures = (ACCEPTED, WRONG, BEST, MARDIA)
    claims = CLAIMS

    count: int = setting(10_000, Slider(2000, 50_000, 1000), "Points", "How many are drawn.")
    dimension: int = setting(10, Slider(3, 20, 1), "Dimensions", "Of the points.")
    noise: float = setting(
        0.2, Slider(0.0, 0.45, 0.05), "Flipped labels", "Chance of each label to be wrong."
    )
    sigma: float = setting(
        0.3, Slider(0.1, 0.6, 0.05), "Width σ", "Of the ramp, and of each strip on both sides."
    )
    delta: float = setting(
        0.25, Slider(0.1, 0.9, 0.05), "Tolerance δ", "How far from one second moments may be."
    )

    def measured(self, condition: str, case: ExperimentCase) -> Figures:
        """Whether it accepts, its error and the best one's, and Mardia's verdict."""
        sample = self.sample(condition, case, self.count)
        result = self.learned(sample, case)
        errors = wrong(sample, np.stack([result, sample.best]))
        return {
            ACCEPTED: float(not self.reason(sample.points, result)),
            WRONG: float(errors[0]),
            BEST: float(errors.min()),
            MARDIA: float(mardia(sample.points)),
        }

    def sample(self, shape: str, case: ExperimentCase, count: int) -> LabeledPoints:
        """Points of one shape; the best halfspace is a random one that never meets the shape."""
        if shape == IMAGES:
            return whitened_points(case, self.dimension)
        rng, d = np.random.default_rng([case.seed, 37]), self.dimension
        axes = np.linalg.qr(rng.normal(size=(d, d)))[0]  # the first is the best halfspace's
        points = rng.normal(size=(count, d))
        if shape == TAILS:
            points = rng.standard_t(3, (count, d)) / np.sqrt(3)  # variance 1
        elif shape == CLUMP:
            clumped = rng.random(count) < CLUMPED
            points[clumped] *= THIN
            points[clumped, 1] += AWAY
        elif shape == SQUEEZED:
            points[:, 1] *= FLAT
        labels = np.where(points[:, 0] > 0, 1.0, -1.0)
        labels[rng.random(count) < self.noise] *= -1
        return LabeledPoints(points @ axes.T, labels, axes[:, 0])

    def learned(self, given: LabeledPoints, case: ExperimentCase) -> Doubles:
        """The halfspace of fewest points on the wrong side among those on the way down, (d,)."""
        rng = np.random.default_rng([case.seed, 38])
        w = unit_rows(rng.normal(size=(STARTS, given.points.shape[1])))
        path = []
        for step in range(STEPS):
            rows = rng.integers(0, len(given.points), BATCH)
            signed = given.points[rows] * given.labels[rows, None]
            inside = np.clip(1 / 2 - signed @ w.T / self.sigma, 0, 1)  # 0: right by σ/2 and more
            slope = 6 * inside * (1 - inside) / self.sigma  # of the ramp 3u² − 2u³
            down = slope.T @ signed / BATCH
            # projected: the part of the step along w would only change its length
            w = unit_rows(w + STEP * (down - (down * w).sum(1, keepdims=True) * w))
            if (step + 1) % EVERY == 0:
                path.append(w)
        # a stationary point may be the best halfspace turned around
        halfspaces = np.concatenate([*path, *(-halfspace for halfspace in path)])
        return np.asarray(halfspaces[wrong(given, halfspaces).argmin()])

    def reason(self, points: Doubles, w: Doubles) -> str:
        """Why data are rejected for a halfspace, "" where they are accepted."""
        edges = np.arange(0, SPAN, self.sigma)
        for at, edge in enumerate(edges):
            full = len(points) * expected(edge, edge + self.sigma)
            # by a Gaussian's count, so that data with too few points there are not let off
            if at and full < FARTHER * points.shape[1]:
                break  # farther out there are too few points to test
            fault = self.fault(strip_statistics(points, w, edge, edge + self.sigma), nearest=not at)
            if fault:
                return fault
        return ""

    def fault(self, border_strip: BorderStrip, *, nearest: bool) -> str:
        """What is wrong with a strip, "" if nothing; fourth moments count in the nearest one."""
        low, high = border_strip.eigenvalues[0], border_strip.eigenvalues[-1]
        tests = (
            (
                border_strip.count < NEAR * border_strip.directions.shape[0],
                f"{border_strip.count} points in a strip",
            ),
            (abs(border_strip.mass - 1) > MASS, f"mass × {border_strip.mass:.2f}"),
            (low < 1 - self.delta, f"2nd moment {low:.2f}"),
            (high > 1 + self.delta, f"2nd moment {high:.2f}"),
            (nearest and border_strip.fourth > FOURTH, f"4th moment × {border_strip.fourth:.1f}"),
        )
        return next((words for bad, words in tests if bad), "")

    def picture(self, case: ExperimentCase) -> Pictures:
        """Points across and along the border, and their spread along it within the strip."""
        columns, words = [], []
        for shape in self.conditions(case):
            sample = self.sample(shape, case, PICTURED_POINTS)
            w = self.learned(sample, case)
            reason = self.reason(sample.points, w)
            words.append(f"no: {reason}" if reason else ACCEPTED)
            border_strip = strip_statistics(sample.points, w, 0, self.sigma)
            worst = border_strip.directions[
                :, abs(np.log(border_strip.eigenvalues.clip(1e-9))).argmax()
            ]
            columns.append(
                np.stack(density_plots(sample.points @ w, sample.points @ worst, self.sigma))
            )
        names = tuple(self.conditions(case))
        accepted = [name for name, word in zip(names, words, strict=True) if word == ACCEPTED]
        return Pictures(
            np.stack(columns, 1),
            ("points", "along the border"),
            names,
            "Above, points and the orange strip; below, those in it along the border. "
            f"Accepted: {', '.join(accepted) or 'none'}.",
            captions=(*words, *("" for _ in words)),
        )


def whitened_points(case: ExperimentCase, dimension: int) -> LabeledPoints:
    """Training images, drawn anew by seed, as whitened main components. Raises BadData."""
    from sklearn.linear_model import LogisticRegression

    data, train = case.data, require_rows(case.data, "train", 2 * dimension)
    # with replacement, so that seeds differ though the images are the same
    rows: Ints = np.random.default_rng([case.seed, 39]).choice(train, len(train))
    vectors = pixels(data, rows)
    mean, axes, values = main_axes(vectors, dimension)
    first = data.labels[rows] < len(data.classes) / 2
    if len(values) < dimension or values[0] <= 1e-9 or first.all() or not first.any():
        raise BadData(f"The images must differ in {dimension} ways and be of two classes or more.")
    points = (vectors - mean) @ axes / np.sqrt(values)
    # the theory is of halfspaces through the origin, and the points are centered
    fit = LogisticRegression(fit_intercept=False).fit(points, first)
    return LabeledPoints(points, np.where(first, 1.0, -1.0), unit_rows(fit.coef_)[0])


def wrong(sample: LabeledPoints, halfspaces: Doubles) -> Doubles:
    """Share of points on the wrong side of each halfspace (k, d), (k,)."""
    sides = sample.points @ halfspaces.T > 0
    return np.asarray((sides != (sample.labels > 0)[:, None]).mean(0))


def density_plots(across: Doubles, along: Doubles, sigma: float) -> list[NDArray[np.uint8]]:
    """A density in a plane with the strip's edges, and one along the border with a Gaussian's."""
    from scipy.stats import norm

    orange = np.array(rgb(CATEGORICAL[1]), np.uint8)
    edges = np.linspace(-SPAN, SPAN, SIDE + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    reach = 2 * SPAN  # along the border, where the clump is
    counts = np.histogram2d(-along, across, (2 * edges, edges))[0]
    gray = 255 - 235 * np.sqrt(counts / counts.max())
    plane = np.repeat(gray[..., None], 3, 2).astype(np.uint8)
    plane[:, [abs(middles - edge).argmin() for edge in (-sigma, sigma)]] = orange
    density = np.histogram(along[abs(across) < sigma], 2 * edges)[0].astype(np.float64)
    density /= max(density.sum(), 1) * 2 * reach / SIDE
    bars, curve = (
        (1 - np.minimum(height / 0.8, 1)) * (SIDE - 1)
        for height in (density, norm.pdf(2 * middles))
    )
    row = np.arange(SIDE)[:, None]
    below = np.where((row >= bars)[..., None], np.uint8(90), np.uint8(255)).repeat(3, 2)
    below[np.rint(curve).astype(int), np.arange(SIDE)] = orange
    return [plane, below]
