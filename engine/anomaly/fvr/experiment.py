"""FVR as an experiment: do confusion and ignorance tell what their names say?

Fan et al., "Flexible Visual Recognition by Evidential Modeling of Confusion and Ignorance" (2023),
https://arxiv.org/abs/2309.07403
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from engine.anomaly.cosine import CosineHead, by_masses, fit_head, with_head
from engine.anomaly.fvr.masses import DoubtLines, Masses, answer_sets, masses
from engine.anomaly.fvr.method import FVR
from engine.core.method import Progress, Slider, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result
from engine.evaluation.experiment import Claim, ExperimentCase, Figures, trained_model
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.measures.detection import auroc, error_auroc
from engine.vision.data import DataSet, Rows
from engine.vision.data.variants import OpenSet
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, fresh, outputs, train

WHOLE, FROZEN, LINEAR, SHUFFLED = (
    "whole network, cosine head",
    "cosine head alone",
    "whole network, linear head",
    "cosine head, shuffled labels",
)
I_UNKNOWN, C_UNKNOWN = "ignorance tells unknown digits", "confusion tells unknown digits"
I_WRONG, C_WRONG = "ignorance tells errors", "confusion tells errors"
RIGHT, IN_SET = "best class right, of those answered", "true class in the answer"
LONGER = "classes to an answer, beyond one"
REFUSED = "unknown digits rejected"
BLEND_C, BLEND_I = ("confusion, blends of two classes", "ignorance, blends of two classes")
NOISE_C, NOISE_I = "confusion, noise", "ignorance, noise"
FRESH = Recipe("lenet", epochs=40, batch=32, optimizer="Adam", rate=0.001, decay=0.0001)
SOFTMAX = Recipe("lenet", epochs=20, batch=32, rate=0.05, decay=0.0005)
ALARMS, NEAR = 0.05, 0.3
CHANCE = 0.5  # what telling errors counts as where there are none
BLENDS, NOISES, PICTURED_IMAGES = 200, 200, 8

CLAIMS = (
    Claim(
        "Ignorance tells unknown digits", "an AUROC above .9", lambda of: of(WHOLE, I_UNKNOWN) - 0.9
    ),
    Claim(
        "Ignorance tells unknown digits better than confusion does",
        "an AUROC that is higher by .1",
        lambda of: of(WHOLE, I_UNKNOWN) - of(WHOLE, C_UNKNOWN) - 0.1,
    ),
    Claim(
        "Confusion tells errors between known digits better than ignorance does",
        "a higher AUROC",
        lambda of: of(WHOLE, C_WRONG) - of(WHOLE, I_WRONG),
    ),
    Claim(
        "Several classes to an answer save half of the errors",
        "the true class is in the answer as often as the best class is right and half as often as "
        "it is wrong, with at most .15 classes more to an answer",
        lambda of: min(of(WHOLE, IN_SET) - (1 + of(WHOLE, RIGHT)) / 2, 0.15 - of(WHOLE, LONGER)),
    ),
    Claim(
        "Half of the unknown digits are rejected at 5 % of the known ones",
        "50 % or more",
        lambda of: of(WHOLE, REFUSED) - 0.5,
    ),
    Claim(
        "Noise raises ignorance more than confusion",
        "a higher mean mass",
        lambda of: of(WHOLE, NOISE_I) - of(WHOLE, NOISE_C),
    ),
    Claim(
        "A blend of two classes raises confusion more than ignorance",
        "a higher mean mass",
        lambda of: of(WHOLE, BLEND_C) - of(WHOLE, BLEND_I),
    ),
    Claim(
        "A head with bounded features is needed",
        "ignorance tells unknown digits by .01 more than with a linear head",
        lambda of: of(WHOLE, I_UNKNOWN) - of(LINEAR, I_UNKNOWN) - 0.01,
    ),
)


@dataclass(frozen=True)
class FvrClaims(KeptExperiment):
    """Do two kinds of doubt tell two kinds of trouble?

    Networks learn six of ten digits as opinions: belief in each class, in several (confusion) and
    in none (ignorance). Ignorance should tell the four digits that nobody was told of and noise;
    confusion should tell errors between known digits, and blends of two of them. Beside the network
    that learns opinions as a whole stand a cosine head alone on the features of a network with
    softmax, as the page *Confusion or ignorance* has it for any model, the whole network with a
    linear head, whose logits have no bound, and, as a control, the head alone with shuffled labels,
    which knows no class. Figures of telling are areas (AUROC): 50 % is chance, and what telling
    errors counts as where a network makes none. Small networks on small digits.
    """

    name = "FVRClaims"
    revision = 2  # without validation images, half of the test images draw lines alone
    family = "anomaly"
    title = "Two kinds of doubt (FVR)"
    paper = FVR.paper
    question = "Does confusion tell errors, and ignorance what was never seen?"
    proof = (
        "tests/engine/anomaly/fvr/test_fvr_claims.py"
        "::test_every_figure_is_that_of_a_network_trained_and_asked_by_hand"
    )
    data = ("digits", "mnist-5k")
    measures = (
        I_UNKNOWN, C_UNKNOWN, I_WRONG, C_WRONG, RIGHT, IN_SET, LONGER, REFUSED, BLEND_C, BLEND_I,
        NOISE_C, NOISE_I,
    )  # fmt: skip
    claims = CLAIMS

    seeds: int = setting(
        5,
        Slider(1, 10, 1),
        "Seeds",
        "How often each condition is trained. Some networks make no "
        "error at all, so that it takes several to judge what tells errors.",
    )
    held: int = setting(4, Slider(1, 8, 1), "Unknown", "Classes that no network is told of.")

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """The same images for all; each seed hides other classes."""
        held_count = min(self.held, len(case.data.classes) - 2)
        data = OpenSet(held_count, case.seed + 1)(case.data)
        recipes = {WHOLE: FRESH, FROZEN: SOFTMAX, LINEAR: FRESH, SHUFFLED: SOFTMAX}
        return {name: TrainCase(data, recipe, case.seed) for name, recipe in recipes.items()}

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of a network whose logits are log odds."""
        training = self.conditions(case)[name]
        data, recipe, seed = training.data, training.recipe, training.seed
        if name in {FROZEN, SHUFFLED}:
            backbone = trained_model(training, progress)
            return measured(headed(backbone, data, seed, shuffled=name == SHUFFLED), data, seed), {}
        model = fresh(data, recipe, seed)
        if name == WHOLE:
            model = with_head(model, new_head(model, seed))
        train(model, data, recipe, seed, objective=by_masses, progress=progress)
        return measured(model, data, seed), {}

    def picture(self, case: ExperimentCase) -> Pictures:
        """Known digits, unknown digits, blends and noise."""
        data = self.conditions(case)[WHOLE].data
        unknown = np.flatnonzero(data.truth["unknown"])
        known_rows = np.setdiff1d(data.rows("test"), unknown)
        groups = {
            "known": data.pixels(known_rows[:PICTURED_IMAGES]),
            "unknown": data.pixels(unknown[:PICTURED_IMAGES]),
            "half and half": blended_images(data, known_rows, case.seed)[:PICTURED_IMAGES],
            "noise": noises(data, case.seed)[:PICTURED_IMAGES],
        }
        count = min(len(group) for group in groups.values())
        images = np.stack([as_bytes(group[:count]) for group in groups.values()])
        return Pictures(
            images,
            tuple(groups),
            tuple(str(at + 1) for at in range(count)),
            "Unknown digits and noise should raise ignorance, blends of two digits confusion.",
        )


def new_head(model: Classifier, seed: int) -> CosineHead:
    """An untrained cosine head in the size of the model's own."""
    with torch.random.fork_rng(devices=[]):
        return CosineHead(model.head.in_features, model.head.out_features, seed)


def headed(model: Classifier, data: DataSet, seed: int, *, shuffled: bool) -> Classifier:
    """The model with a cosine head that learned on its features, perhaps from shuffled labels."""
    rows = data.rows("train")
    labels = data.labels[rows]
    if shuffled:
        labels = np.random.default_rng(seed).permutation(labels)
    features = model.features(data.pixels(rows)).cpu().double().numpy()
    head: nn.Linear = fit_head(features, labels, len(data.classes))
    return with_head(model, head)


def measured(model: Classifier, data: DataSet, seed: int) -> Figures:
    """Areas, answers with several classes, and the masses of blends and of noise."""
    unknown = np.flatnonzero(data.truth["unknown"])
    line_rows = validation_rows(data)
    # a line tried on the images that it was drawn on would flatter itself
    rows = np.setdiff1d(data.rows("test"), [*unknown, *line_rows])
    labels = data.labels[rows]
    known_masses, unknown_masses = opinions(model, data, rows), opinions(model, data, unknown)
    right = known_masses.plausibility.argmax(1) == labels
    lines = DoubtLines.of(opinions(model, data, line_rows), ALARMS)
    chosen = answer_sets(known_masses, lines, NEAR)
    answered = chosen.any(1)
    blend_masses = opinion_of(model, blended_images(data, rows, seed))
    noise_masses = opinion_of(model, noises(data, seed))
    return {
        I_UNKNOWN: auroc(known_masses.ignorance, unknown_masses.ignorance),
        C_UNKNOWN: auroc(known_masses.confusion, unknown_masses.confusion),
        I_WRONG: error_auroc(known_masses.ignorance, right, CHANCE),
        C_WRONG: error_auroc(known_masses.confusion, right, CHANCE),
        RIGHT: float(right[answered].mean()) if answered.any() else 0.0,
        IN_SET: float(chosen[answered, labels[answered]].mean()) if answered.any() else 0.0,
        LONGER: float(chosen[answered].sum(1).mean() - 1) if answered.any() else 0.0,
        REFUSED: float(1 - answer_sets(unknown_masses, lines, NEAR).any(1).mean()),
        BLEND_C: float(blend_masses.confusion.mean()),
        BLEND_I: float(blend_masses.ignorance.mean()),
        NOISE_C: float(noise_masses.confusion.mean()),
        NOISE_I: float(noise_masses.ignorance.mean()),
    }


def opinions(model: Classifier, data: DataSet, rows: Rows) -> Masses:
    """Of some rows."""
    return masses(outputs(model, data, rows).double().numpy())


def opinion_of(model: Classifier, pixels: torch.Tensor) -> Masses:
    """Of pixels (n, 3, side, side)."""
    return masses(model.logits(pixels).double().numpy())


def validation_rows(data: DataSet) -> Rows:
    """Known images to draw lines on, not to judge: those for validation, or half of the test."""
    if len(rows := data.rows("validation")):
        return rows
    return np.setdiff1d(data.rows("test"), np.flatnonzero(data.truth["unknown"]))[::2]


def blended_images(data: DataSet, rows: Rows, seed: int) -> torch.Tensor:
    """Means of two images of different classes, at most BLENDS of them."""
    rng = np.random.default_rng([seed, 3])
    first, second = rng.choice(rows, BLENDS), rng.choice(rows, BLENDS)
    differ = data.labels[first] != data.labels[second]
    return (data.pixels(first[differ]) + data.pixels(second[differ])) / 2


def noises(data: DataSet, seed: int) -> torch.Tensor:
    """Images of even noise, NOISES of them, in as many channels as the data has."""
    channels, height, width = data.images.shape[1:]
    drawn = np.random.default_rng([seed, 4]).random((NOISES, channels, height, width), np.float32)
    return torch.from_numpy(drawn).expand(-1, 3, -1, -1)
