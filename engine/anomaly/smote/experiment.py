"""SMOTE as an experiment: rare images are multiplied, and their spread shrinks."""

from dataclasses import dataclass, replace

import numpy as np

from engine.anomaly.flat import Doubles, Ints, main_axes, vectors_to_images
from engine.anomaly.smote.drawings import DRAWINGS, DRAWN, FIRST, REAL, SECOND, SEGMENTS
from engine.anomaly.smote.rare import Imbalanced, imbalanced, in_danger, pairs, smote, spread_of
from engine.core.method import Choice, Slider, Switch, setting
from engine.core.result import Pictures, Result, Table
from engine.evaluation.experiment import Claim, ClosedFormExperiment, ExperimentCase, Figures
from engine.evaluation.measures.detection import roc, roc_hull

AS_IT_IS, FEWER, COPIES = "as it is", "as few others", "copies"
NEAREST, ANY = "SMOTE, nearest", "SMOTE, any two"
HULL_OF = (AS_IT_IS, COPIES, NEAREST)  # whose hulls are drawn
RECALL, AUC, HULL = "rare images found", "AUC", "area under the hull"
FLAGGED, SPREAD = "rare images unlike any known", "spread of what is added"
LEARNERS = ("decision tree", "naive Bayes", "logistic regression")
UNLIKE = 0.95  # quantile of other classes' held-out distances, beyond which an image is flagged
OTHERS_SHARES = (1.0, 0.5, 0.25, 0.1, 0.05)  # shares of the others, whose ROC curves make a hull
PLACES = np.concatenate([np.arange(0, 0.1, 0.005), np.linspace(0.1, 1, 46)])  # of hulls, as drawn
POINTS = 60  # of SMOTE in the projection, at most
PICTURED_IMAGES = 6  # images of each kind in the picture
BRIGHT = 2.0  # times a spread (standard deviation) is drawn

CLAIMS = (
    Claim(
        "SMOTE finds more of the rare class",
        "recall at least 10 points above that without it",
        lambda of: of(NEAREST, RECALL) - of(AS_IT_IS, RECALL) - 0.1,
    ),
    Claim(
        "The ranking does not suffer",
        "AUC no lower than without it",
        lambda of: of(NEAREST, AUC) - of(AS_IT_IS, AUC),
    ),
    Claim(
        "Synthetic images help more than copies",
        "recall above that with as many copies",
        lambda of: of(NEAREST, RECALL) - of(COPIES, RECALL),
    ),
    Claim(
        "It ranks better than leaving others out",
        "AUC above that with only as many others as rare images",
        lambda of: of(NEAREST, AUC) - of(FEWER, AUC),
    ),
    Claim(
        "With it, leaving others out gives better choices",
        "a larger area under the hull of the ROC curves with all to a twentieth of the others",
        lambda of: of(NEAREST, HULL) - of(AS_IT_IS, HULL),
    ),
    Claim(
        "Between any two images, the spread shrinks to two thirds",
        "within 5 points of 2/3 of the rare images' total variance",
        lambda of: 0.05 - abs(of(ANY, SPREAD) - 2 / 3),
    ),
    Claim(
        "Between nearest images less of the spread is lost",
        "more variance than between any two",
        lambda of: of(NEAREST, SPREAD) - of(ANY, SPREAD),
    ),
    Claim(
        "Rare images become less unusual",
        "fewer rare test images farther from all known images than 95 % of held-out others are",
        lambda of: of(AS_IT_IS, FLAGGED) - of(NEAREST, FLAGGED),
    ),
)


@dataclass(frozen=True)
class SmoteExperiment(ClosedFormExperiment):
    """Does it help to invent images of a rare class between its real ones?

    One class, another with each seed, keeps a few images only; all others stay. SMOTE draws a rare
    image, one of its nearest rare neighbors, and a point between the two. *Rare images found* is
    the recall of the learner on test images; *unlike any known* is the share of rare test images
    whose nearest known image is farther away than is usual for other classes (the same distance
    under all conditions). Controls: nothing added, as many plain copies, and, instead of more rare
    images, only as many others as there are rare ones. *The hull* is that of the learner's ROC
    curves when from all to a twentieth of the others are kept: whatever lies on it can be had by
    choosing how many. *Spread* is the total variance of what is added, as a share of the real rare
    images'. A mean of two independent images has less variance than one: at a uniform place between
    any two, two thirds. So a Gaussian fitted to a class that was balanced like this is too narrow.
    Blends of pixels look like ghosts and are no images that anyone has seen.
    """

    name = "SMOTE"
    revision = 2
    family = "anomaly"
    title = "Images between rare images (SMOTE)"
    paper = (
        "Chawla et al., SMOTE: Synthetic Minority Over-sampling Technique (2002), "
        "https://arxiv.org/abs/1106.1813"
    )
    question = "Does it help to invent images of a rare class between its real ones?"
    proof = (
        "tests/engine/anomaly/smote/test_smote.py"
        "::test_the_covariance_of_what_it_draws_is_its_closed_form"
    )
    data = ("digits", "mnist-5k")
    compared = (AS_IT_IS, FEWER, COPIES, NEAREST, ANY)
    measures = (RECALL, AUC, HULL, FLAGGED, SPREAD)
    claims = CLAIMS
    drawings = DRAWINGS

    kept: int = setting(
        15, Slider(3, 100, 1), "Rare images", "How many images of the rare class are kept."
    )
    k: int = setting(
        5,
        Slider(1, 25, 1),
        "Neighbors",
        "Among how many nearest rare images a partner is drawn; at most all others.",
    )
    amount: int = setting(
        0,
        Slider(0, 1000, 50, "%"),
        "Amount",
        "How many images are added, in percent of the rare "
        "ones; 0 adds as many as make the rare class as large as all others together.",
    )
    others: int = setting(
        100,
        Slider(5, 100, 5, "%"),
        "Others kept",
        "Share of the other training images that the "
        "learner sees, under every condition but “as few others”.",
    )
    box: bool = setting(
        False,
        Switch(),
        "Each pixel on its own",
        "The place between two images is drawn for every "
        "pixel, as in the paper's pseudo-code, instead of once, as in its text.",
    )
    borderline: bool = setting(
        False,
        Switch(),
        "From the border only",
        "New images start from rare images of whose "
        "nearest training images half or more, but not all, are others (Borderline-SMOTE); from "
        "all where there is none.",
    )
    components: int | None = setting(
        None,
        Slider(2, 50, 1, off="pixels", start=20),
        "Main components",
        "Neighbors, new images "
        "and learner see the images along so many directions of most variance.",
    )
    space: str = setting(
        "pixels",
        Choice(("pixels", "features")),
        "Seen as",
        "Whether neighbors, new images and learner "
        "see pixels, or what the last layer of a shipped network sees. That network has learned "
        "from all images, the rare class's too: it is no proof that features help with a class "
        "that is really rare. Features are drawn as the training image nearest to them.",
    )
    learner: str = setting(
        "decision tree", Choice(LEARNERS), "Learner", "What learns rare against all others."
    )

    def measured(self, condition: str, case: ExperimentCase) -> Figures:
        """Recall, AUC and hull of the learner, rare images flagged, spread of what is added."""
        from scipy.spatial.distance import cdist
        from sklearn.metrics import roc_auc_score

        sample, plain = self.sample(condition, case), self.sample(AS_IT_IS, case)
        rare, added, probability = sample.is_rare, sample.added, self.learned(sample, case)
        # one limit for all conditions, from held-out images: the nearest of others is itself
        usual_distance = np.quantile(cdist(plain.test[~rare], plain.others).min(1), UNLIKE)
        known = np.concatenate([sample.others, sample.rare, added])
        distances = cdist(sample.test[rare], known).min(1)
        x, y = self.hull(plain if condition == FEWER else sample, case)
        return {
            RECALL: float((probability[rare] > 0.5).mean()),
            AUC: float(roc_auc_score(rare, probability)),
            HULL: float(np.trapezoid(y, x)),
            FLAGGED: float((distances > usual_distance).mean()),
            SPREAD: spread_of(added if len(added) else sample.rare) / spread_of(sample.rare),
        }

    def sample(self, condition: str, case: ExperimentCase) -> Imbalanced:
        """The images of one condition, and what the rare class gets."""
        sample = imbalanced(case, self.kept, features=self.space == "features")
        if self.components is not None:
            sample = sample.along(self.components)
        n, others = len(sample.rare), max(2, len(sample.others) * self.others // 100)
        rng = np.random.default_rng([case.seed, 40])
        sample = sample.fewer(n if condition == FEWER else others, rng)
        rng = np.random.default_rng([case.seed, 31])
        count = n * self.amount // 100 if self.amount else max(0, len(sample.others) - n)
        if condition == COPIES:
            return replace(sample, added=sample.rare[rng.integers(0, n, count)])
        if condition in {AS_IT_IS, FEWER}:
            return sample
        ends = self.pairs(sample, self.k if condition == NEAREST else n)
        return replace(sample, added=smote(sample.rare, ends, count, rng, box=self.box))

    def pairs(self, sample: Imbalanced, k: int) -> tuple[Ints, Ints]:
        """Between which rare images a new one may lie."""
        starts = in_danger(sample.rare, sample.others, self.k) if self.borderline else np.arange(0)
        return pairs(sample.rare, k, starts if len(starts) else None)

    def learned(self, sample: Imbalanced, case: ExperimentCase) -> Doubles:
        """Probability of each test image to be rare, (test,)."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import GaussianNB
        from sklearn.tree import DecisionTreeClassifier

        learner = {
            "decision tree": DecisionTreeClassifier(random_state=case.seed),
            # pixels that are always 0 have no variance, and would decide alone
            "naive Bayes": GaussianNB(var_smoothing=1e-3),
            "logistic regression": LogisticRegression(max_iter=1000),
        }[self.learner]
        points = np.concatenate([sample.others, sample.rare, sample.added])
        learner.fit(points, np.arange(len(points)) >= len(sample.others))
        return np.asarray(learner.predict_proba(sample.test)[:, 1])

    def hull(self, whole: Imbalanced, case: ExperimentCase) -> tuple[Doubles, Doubles]:
        """Of the ROC curves with fewer and fewer others, and the same images added."""
        rng, curves = np.random.default_rng([case.seed, 41]), []
        for share in OTHERS_SHARES:
            sample = whole.fewer(max(2, round(share * len(whole.others))), rng)
            probabilities = self.learned(sample, case)
            curves.append(roc(probabilities[~sample.is_rare], probabilities[sample.is_rare]))
        return roc_hull(curves)

    def more(self, case: ExperimentCase) -> Result:
        """With the case's seed: hulls at the same places, as shares of test images; projection."""
        columns = {"false alarms": (PLACES, "share")}
        for name in HULL_OF:
            hull = self.hull(self.sample(name, case), case)
            columns[name] = np.interp(PLACES, *hull), "share"
        return {"hulls": Table.of(columns), "projection": self.projection(case)}

    def projection(self, case: ExperimentCase) -> Table:
        """Real rare images, some of SMOTE's, and the segments on which it may draw.

        Columns are places along the two directions in which the real ones differ most. A segment
        is two rows, and a row of NaN behind it. With `box` there are none: an image may then lie
        anywhere in the box that two real ones span.
        """
        sample = self.sample(NEAREST, case)
        start, end = (sample.rare[rows] for rows in self.pairs(sample, self.k))
        segments = np.stack([start, end, np.full_like(end, np.nan)], 1).reshape(-1, end.shape[1])
        groups = {SEGMENTS: segments[:0] if self.box else segments}
        groups |= {DRAWN: sample.added[:POINTS], REAL: sample.rare}
        mean, axes, _ = main_axes(sample.rare, 2)
        first, second = ((np.concatenate([*groups.values()]) - mean) @ axes[:, ::-1]).T
        names = [name for name, points in groups.items() for _ in points]
        return Table.of({FIRST: (first, ""), SECOND: (second, "")}, names)

    def picture(self, case: ExperimentCase) -> Pictures:
        """Rare images, and SMOTE's between nearest and between any two; their mean and spread."""
        sample = self.sample(AS_IT_IS, case)
        whole, count = spread_of(sample.rare), min(PICTURED_IMAGES, len(sample.rare))
        groups = {name: self.sample(name, case).added for name in (NEAREST, ANY)}
        groups = {name: points for name, points in groups.items() if len(points) >= count}
        groups = {f"{len(sample.rare)} real": sample.rare} | groups
        shares = [f"{spread_of(points) / whole * 100:.0f} % ({n})" for n, points in groups.items()]
        rows = [
            np.stack([*images[:count], images.mean(0), BRIGHT * images.std(0)])
            for images in map(sample.pixels, groups.values())
        ]
        return Pictures(
            np.stack([vectors_to_images(row, case.data) for row in rows]),
            tuple(groups),
            (*map(str, range(1, count + 1)), "mean", f"spread × {BRIGHT:g}"),
            f"Total variance beside the real “{sample.label}”: {', '.join(shares[1:])}.",
        )
