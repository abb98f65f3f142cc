"""Loki as an experiment: a classifier that answers with labels it never saw.

Roberts et al., "Geometry-Aware Adaptation for Pretrained Models" (2023),
https://arxiv.org/abs/2307.12226
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from engine.anomaly.flat import Doubles, Flags, Ints, pixels, require_rows
from engine.core.errors import BadData
from engine.core.method import Slider, setting
from engine.core.result import Pictures
from engine.evaluation.experiment import Claim, ClosedFormExperiment, ExperimentCase, Figures

ARGMAX, LOKI = "most likely", "Loki"
SHARP, SHUFFLED = "Loki, sharp", "Loki, shuffled"
UNSEEN, SEEN_EXACT = "unseen labels named exactly", "seen labels named exactly"
LABEL_DISTANCE, INSIDE = "distance to the right label (RMS)", "answers within reach"
COLDER = 10  # times the temperature is lowered in the sharp control

CLAIMS = (
    Claim(
        "Labels that were never seen are named",
        "at least 30 % of their test images exactly; the most likely label never is one",
        lambda of: of(LOKI, UNSEEN) - of(ARGMAX, UNSEEN) - 0.3,
    ),
    Claim(
        "Answers come closer to the right label",
        "mean squared distance at least 30 % below that of the most likely label",
        lambda of: 0.7 - (of(LOKI, LABEL_DISTANCE) / of(ARGMAX, LABEL_DISTANCE)) ** 2,
    ),
    Claim(
        "Only labels between seen ones are ever named",
        "more than 99.9 % of the answers",
        lambda of: of(LOKI, INSIDE) - 0.999,
    ),
    Claim(
        "It is the order of the labels that helps",
        "in a shuffled order, answers are farther away than the most likely label's",
        lambda of: of(SHUFFLED, LABEL_DISTANCE) - of(ARGMAX, LABEL_DISTANCE),
    ),
    Claim(
        "Nothing is lost on the labels that were seen",
        "at most 1 point fewer of them are named",
        lambda of: of(LOKI, SEEN_EXACT) - of(ARGMAX, SEEN_EXACT) + 0.01,
    ),
    Claim(
        "Probabilities that are too sure hide it",
        "with a temperature ten times lower, fewer unseen labels are named",
        lambda of: of(LOKI, UNSEEN) - of(SHARP, UNSEEN),
    ),
)


@dataclass(frozen=True)
class LokiExperiment(ClosedFormExperiment):
    """Can a classifier name labels that it never saw?

    A logistic regression learns a few of the labels only. Loki answers with the label, seen or not,
    whose mean squared distance to the seen ones is smallest, weighted by their probabilities: the
    Fréchet mean. Here labels lie on a line in the order of the classes, so that the answer is the
    probability-weighted mean place, rounded. It needs no training, and can name only what lies
    between seen labels. Distances are shares of the whole line. Controls: the most likely label,
    which is Loki where all labels are equally far apart; a shuffled order; and probabilities that
    are surer than they should be. How smooth the probabilities are decides how much is gained, and
    smoothing also moves answers away from labels that were seen.
    """

    name = "Loki"
    family = "anomaly"
    title = "Naming labels never seen (Loki)"
    paper = (
        "Roberts et al., Geometry-Aware Adaptation for Pretrained Models (2023), "
        "https://arxiv.org/abs/2307.12226"
    )
    question = "Can a classifier name labels that it never saw?"
    proof = (
        "tests/engine/anomaly/dis_vs_gen/test_dis_vs_gen.py"
        "::test_every_answer_is_the_rounded_mean_place_and_every_figure_counts_them"
    )
    data = ("bars", "digits")
    compared = (ARGMAX, LOKI, SHARP, SHUFFLED)
    measures = (UNSEEN, SEEN_EXACT, LABEL_DISTANCE, INSIDE)
    claims = CLAIMS

    seen: int = setting(
        4,
        Slider(2, 9, 1),
        "Labels seen",
        "How many labels are learned, evenly along the line; "
        "the ends stay unseen and out of reach where there are enough labels.",
    )
    temperature: float = setting(
        1.0,
        Slider(0.1, 10.0, 0.1, log=True),
        "Temperature",
        "Lower ones make probabilities surer, until Loki names the most likely label.",
    )
    c: float = setting(
        0.1,
        Slider(1e-3, 100.0, 1e-3, log=True),
        "C",
        "Logistic regression's inverse penalty: smaller gives smoother probabilities.",
    )
    power: float = setting(
        2.0,
        Slider(1.0, 2.0, 0.1),
        "Power of the distance",
        "2 as in the paper, the mean; at 1 the answer is the median, which is always a seen label.",
    )

    def measured(self, condition: str, case: ExperimentCase) -> Figures:
        """Exact answers on unseen and seen labels, distance to the right one, reach."""
        line, observed, right = self.line(case), self.observed(case), truth(case)
        is_observed = np.isin(right, observed)
        result = self.answers(condition, case)
        within = locus(self.metric(condition, case), observed)
        return {
            UNSEEN: float((result == right)[~is_observed].mean()),
            SEEN_EXACT: float((result == right)[is_observed].mean()),
            LABEL_DISTANCE: float(np.sqrt((line[result, right] ** 2).mean()) / line.max()),
            INSIDE: float(within[result].mean()),
        }

    def answers(self, way: str, case: ExperimentCase) -> Ints:
        """The label that each test image is given, (n,)."""
        temperature = self.temperature / COLDER if way == SHARP else self.temperature
        probabilities = softmax(self.logits(case) / temperature, axis=1)
        return frechet(probabilities, self.metric(way, case), self.observed(case), self.power)

    def logits(self, case: ExperimentCase) -> Doubles:
        """Of a regression that learned the seen labels alone, for the test images, (n, seen)."""
        from sklearn.linear_model import LogisticRegression

        data, observed = case.data, self.observed(case)
        rows = require_rows(data, "train", 20)
        rows = rows[np.isin(data.labels[rows], observed)]
        rows = np.random.default_rng([case.seed, 35]).choice(rows, len(rows))  # anew for each seed
        if len(np.unique(data.labels[rows])) < len(observed):
            raise BadData("This experiment needs several training images of each seen label.")
        regression = LogisticRegression(C=self.c, max_iter=1000)
        regression.fit(pixels(data, rows), data.labels[rows])
        lead = regression.decision_function(pixels(data, require_rows(data, "test", 1)))
        # of two classes scikit-learn gives one column: softmax of (0, l) is its sigmoid
        return lead if lead.ndim == 2 else np.stack([0 * lead, lead], 1)

    def metric(self, way: str, case: ExperimentCase) -> Doubles:
        """Distances between labels, (N, N), as one condition has them."""
        line = self.line(case)
        if way == ARGMAX:
            # all equally far apart: Σ_k p_k d² = 1 − p_y, least for the most likely label
            return np.asarray(line > 0, np.float64)
        if way == SHUFFLED:
            order = np.random.default_rng([case.seed, 36]).permutation(len(line))
            return line[np.ix_(order, order)]
        return line

    def line(self, case: ExperimentCase) -> Doubles:
        """Distances between labels on a line, (N, N)."""
        place = np.arange(len(case.data.classes), dtype=np.float64)
        return abs(place[:, None] - place)

    def observed(self, case: ExperimentCase) -> Ints:
        """The labels that are seen, evenly along the line. Raises BadData."""
        count = len(case.data.classes)
        if count <= self.seen:
            raise BadData(
                f"{self.seen} labels seen leave none unseen: {case.data.card.title} has {count}. "
                "Choose fewer."
            )
        end = min(2, (count - self.seen) // 4)
        return np.rint(np.linspace(end, count - 1 - end, self.seen)).astype(np.int64)

    def picture(self, case: ExperimentCase) -> Pictures:
        """A test image of each label, and an image of what is answered, by both."""
        data, right, observed = case.data, truth(case), self.observed(case)
        test = data.rows("test")
        first = np.array([int(np.argmax(right == label)) for label in range(len(data.classes))])
        answers = {ARGMAX: self.answers(ARGMAX, case)[first], LOKI: self.answers(LOKI, case)[first]}
        rows = {"test image": np.arange(len(first)), **answers}
        images = data.images[test[first]].transpose(0, 2, 3, 1)
        within = locus(self.line(case), observed)
        next_one = data.classes[next_label(self.line(case), observed)]
        words = [data.classes[label] for labels in rows.values() for label in labels]
        return Pictures(
            np.stack([images[row_labels] for row_labels in rows.values()]),
            tuple(rows),
            tuple(f"{name}{' seen' * (at in observed)}" for at, name in enumerate(data.classes)),
            f"{len(observed)} labels were seen, {within.sum()} of {len(first)} are within reach. "
            f"To label next: {next_one}.",
            captions=tuple(words),
        )


def truth(case: ExperimentCase) -> Ints:
    """The right label of each test image, (n,)."""
    return case.data.labels[case.data.rows("test")]


def frechet(probabilities: Doubles, distances: Doubles, observed: Ints, power: float = 2.0) -> Ints:
    """The label of least mean distance to the seen ones, (n,); ties take the first.

    Args:
        probabilities: of the seen labels, (n, K).
        distances: between all labels, (N, N).
        observed: labels, (K,).
        power: of the distances.
    """
    # rows are seen labels, columns all labels: (n, K) @ (K, N)
    return np.asarray((probabilities @ distances[observed] ** power).argmin(1))


def locus(distances: Doubles, observed: Ints) -> Flags:
    """Which labels lie on a shortest path between two seen ones, (N,).

    On a tree these are all that `frechet` can name, whatever the probabilities.
    """
    legs = distances[observed][:, None] + distances[observed]  # (K, K, N)
    direct = distances[np.ix_(observed, observed)]
    # on a shortest path the legs add up to the direct way; they are never less
    return np.asarray((legs <= direct[..., None]).any((0, 1)))


def next_label(distances: Doubles, observed: Ints) -> int:
    """The label farthest from all that can be named."""
    return int(distances[locus(distances, observed)].min(0).argmax())
